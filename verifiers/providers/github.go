package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// GitHub signs the body only. Event, delivery and hook ids are headers outside
// the signature, and there is no timestamp: nothing but deduplication by
// delivery id limits replay. The delivery id stays the same when a delivery is
// repeated by hand, which is the only retry there is; it is shared by all hooks
// that receive one event. The SHA-1 twin X-Hub-Signature must not be accepted.
// A hook of content type form carries the JSON in the field "payload"; GitHub
// signs the form as sent, and the type then lacks the action.
var GitHub = add(verifiers.Provider{
	Name:  "github",
	Title: "GitHub",
	Docs:  "https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Hub-Signature-256").Trim("sha256="),
			Content:   "{body}",
		},
	},
	SecretHint:   "the webhook's secret, as you typed it under Settings > Webhooks",
	ID:           verifiers.Header("X-GitHub-Delivery"),
	Type:         verifiers.Join(".", verifiers.Header("X-GitHub-Event"), verifiers.JSON("/action")),
	TypePrefix:   "com.github",
	ContentTypes: []string{"application/json", "application/x-www-form-urlencoded"},
	MaxBody:      25 << 20,
	Deadline:     10 * time.Second,
	RetrySpan:    72 * time.Hour,
	NeverRetries: true,
	Headers: []string{
		"X-Github-Event", "X-Github-Delivery", "X-Github-Hook-Id",
		"X-Github-Hook-Installation-Target-Id", "X-Github-Hook-Installation-Target-Type",
		"X-Github-Enterprise-Host", "X-Github-Enterprise-Version",
	},

	Addresses: []verifiers.AddressList{{URL: "https://api.github.com/meta", Pointers: []string{"/hooks"}}},

	Category: "dev",
	Setup:    "Add the webhook under Settings > Webhooks of a repository, organization or app, choose application/json and type a long random secret.",
	Retries:  "None; deliveries of the last three days can be sent again by hand or through the API.",
	Notes: []string{
		"X-Hub-Signature is the SHA-1 twin and is not looked at.",
		"The headers that hold event and delivery id are not signed.",
	},
	Sources: []string{
		"https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries",
		"npm @octokit/webhooks-methods verify",
		"https://docs.github.com/en/rest/meta/meta",
	},
	Confidence: verifiers.High,
})
