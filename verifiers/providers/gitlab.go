package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// gitlabType is the kind of event and, where there is one, the action:
// "merge_request.open". System hooks have event_name instead of object_kind.
var gitlabType = verifiers.Join(".",
	verifiers.First(
		verifiers.JSON("/object_kind"),
		verifiers.JSON("/event_name"),
		verifiers.Header("X-Gitlab-Event"),
	),
	verifiers.JSON("/object_attributes/action"),
)

var gitlabHeaders = []string{
	"X-Gitlab-Event", "X-Gitlab-Instance", "X-Gitlab-Event-Uuid", "X-Gitlab-Webhook-Uuid", "Idempotency-Key",
}

// GitLab repeats a token that the hook's owner typed in, and signs nothing:
// whoever has seen one request can send any other. Prefer gitlab-signing-token
// where the server has it. Of its ids only Idempotency-Key names a delivery:
// X-Gitlab-Webhook-UUID changes with every attempt, and X-Gitlab-Event-UUID is
// shared by hooks that trigger one another.
var GitLab = add(verifiers.Provider{
	Name:         "gitlab",
	Title:        "GitLab (secret token)",
	Docs:         "https://docs.gitlab.com/user/project/integrations/webhooks/",
	Scheme:       verifiers.Token{Source: verifiers.Header("X-Gitlab-Token")},
	SecretHint:   "the webhook's secret token, as you typed it",
	ID:           verifiers.Header("Idempotency-Key"),
	Type:         gitlabType,
	TypePrefix:   "com.gitlab",
	ContentTypes: []string{"application/json"},
	NeedsJSON:    true,
	Deadline:     10 * time.Second,
	Headers:      gitlabHeaders,

	Category: "dev",
	Setup:    "Add the webhook under Settings > Webhooks of a project or group and type a secret token.",
	Retries:  "GitLab.com switches a failing hook off for growing times; the event itself is not sent again unless somebody resends it.",
	Notes: []string{
		"The token is repeated in each request and protects nothing else: use gitlab-signing-token where the server has it.",
	},
	Sources: []string{
		"https://docs.gitlab.com/user/project/integrations/webhooks/",
	},
	Confidence: verifiers.High,
})
