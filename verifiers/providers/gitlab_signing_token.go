package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// GitLabSigningToken is GitLab 19 and later with a signing token: Standard
// Webhooks, with the event's name in a header that is not signed. X-Gitlab-Token
// may still be there and is not looked at.
var GitLabSigningToken = add(verifiers.Provider{
	Name:         "gitlab-signing-token",
	Title:        "GitLab (signing token)",
	Docs:         "https://docs.gitlab.com/user/project/integrations/webhooks/",
	Scheme:       verifiers.StandardWebhooks(),
	SecretHint:   "the webhook's signing token, whsec_ and base64",
	ID:           verifiers.Header("Webhook-Id"),
	Type:         gitlabType,
	TypePrefix:   "com.gitlab",
	ContentTypes: []string{"application/json"},
	NeedsJSON:    true,
	Deadline:     10 * time.Second,
	Headers:      gitlabHeaders,

	Category: "dev",
	Setup:    "Generate a signing token under Settings > Webhooks of a project or group.",
	Retries:  "GitLab.com switches a failing hook off for growing times; the event itself is not sent again unless somebody resends it.",
	Notes: []string{
		"The token begins with whsec_ and is decoded as Standard Webhooks does.",
	},
	Sources: []string{
		"https://docs.gitlab.com/user/project/integrations/webhooks/",
	},
	Confidence: verifiers.High,
})
