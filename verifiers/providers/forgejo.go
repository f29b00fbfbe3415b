package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Forgejo signs like Gitea, of which it is a fork, in a header of its own and in
// Gitea's. Where its own is there, that one decides.
var Forgejo = add(verifiers.Provider{
	Name:    "forgejo",
	Aliases: []string{"codeberg"},
	Title:   "Forgejo",
	Docs:    "https://forgejo.org/docs/latest/user/webhooks/",
	Scheme: oneOf{
		verifiers.HMAC{
			Hash: verifiers.SHA256,
			Signed: verifiers.Signed{
				Signature: verifiers.First(verifiers.Header("X-Forgejo-Signature"), verifiers.Header("X-Gitea-Signature")),
				Content:   "{body}",
			},
		},
		verifiers.HMAC{
			Hash: verifiers.SHA256,
			Signed: verifiers.Signed{
				Signature: verifiers.First(verifiers.Header("X-Forgejo-Signature"), verifiers.Header("X-Gitea-Signature")),
				Content:   "{form:payload}",
			},
		},
	},
	SecretHint:   "the webhook's secret, as you typed it",
	ID:           verifiers.First(verifiers.Header("X-Forgejo-Delivery"), verifiers.Header("X-Gitea-Delivery")),
	Type:         verifiers.Join(".", verifiers.First(verifiers.Header("X-Forgejo-Event"), verifiers.Header("X-Gitea-Event")), verifiers.JSON("/action")),
	TypePrefix:   "org.forgejo",
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
		"https://forgejo.org/docs/latest/user/webhooks/",
	},
	Confidence: verifiers.Medium,
})
