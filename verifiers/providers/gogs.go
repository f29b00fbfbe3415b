package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Gogs signs the JSON and sends it as the body or inside a form.
var Gogs = add(verifiers.Provider{
	Name:  "gogs",
	Title: "Gogs",
	Docs:  "https://gogs.io/docs/features/webhook",
	Scheme: oneOf{
		verifiers.HMAC{
			Hash: verifiers.SHA256,
			Signed: verifiers.Signed{
				Signature: verifiers.Header("X-Gogs-Signature"),
				Content:   "{body}",
			},
		},
		verifiers.HMAC{
			Hash: verifiers.SHA256,
			Signed: verifiers.Signed{
				Signature: verifiers.Header("X-Gogs-Signature"),
				Content:   "{form:payload}",
			},
		},
	},
	SecretHint:   "the webhook's secret, as you typed it",
	ID:           verifiers.Header("X-Gogs-Delivery"),
	Type:         verifiers.Join(".", verifiers.Header("X-Gogs-Event"), verifiers.JSON("/action")),
	TypePrefix:   "io.gogs",
	Deadline:     5 * time.Second,
	NeverRetries: true,
	ContentTypes: []string{"application/json", "application/x-www-form-urlencoded"},
	MaxBody:      25 << 20,

	Category: "dev",
	Setup:    "Add the webhook under Settings > Webhooks of the repository, with a secret and the content type application/json.",
	Signs:    "The JSON, with HMAC-SHA256: the body, or the field payload of a form",
	Retries:  "None; deliveries can be sent again by hand.",
	Notes: []string{
		"Without a secret the header is empty, and nothing is accepted.",
		"In the mode form the JSON is signed, not the form as at GitHub.",
	},
	Sources: []string{
		"https://gogs.io/docs/features/webhook",
		"https://github.com/gogs/gogs internal/database/webhook.go",
	},
	Confidence: verifiers.High,
})
