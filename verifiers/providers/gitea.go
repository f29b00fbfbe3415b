package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Gitea signs the JSON and sends it as the body or inside a form. It repeats the
// signature in headers of Gogs and GitHub, which are not looked at. With an
// empty secret the header is there and empty.
var Gitea = add(verifiers.Provider{
	Name:  "gitea",
	Title: "Gitea",
	Docs:  "https://docs.gitea.com/usage/webhooks",
	Scheme: oneOf{
		verifiers.HMAC{
			Hash: verifiers.SHA256,
			Signed: verifiers.Signed{
				Signature: verifiers.Header("X-Gitea-Signature"),
				Content:   "{body}",
			},
		},
		verifiers.HMAC{
			Hash: verifiers.SHA256,
			Signed: verifiers.Signed{
				Signature: verifiers.Header("X-Gitea-Signature"),
				Content:   "{form:payload}",
			},
		},
	},
	SecretHint:   "the webhook's secret, as you typed it",
	ID:           verifiers.Header("X-Gitea-Delivery"),
	Type:         verifiers.Join(".", verifiers.Header("X-Gitea-Event"), verifiers.JSON("/action")),
	TypePrefix:   "io.gitea",
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
		"Deliveries with GET are not taken.",
	},
	Sources: []string{
		"https://docs.gitea.com/usage/webhooks",
		"https://github.com/go-gitea/gitea services/webhook/deliver.go",
	},
	Confidence: verifiers.High,
})
