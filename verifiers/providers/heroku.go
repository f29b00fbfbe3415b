package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Heroku signs the body in base64. A webhook of the level notify is tried once;
// only the level sync is repeated.
var Heroku = add(verifiers.Provider{
	Name:  "heroku",
	Title: "Heroku (app webhooks)",
	Docs:  "https://devcenter.heroku.com/articles/app-webhooks",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("Heroku-Webhook-Hmac-SHA256"),
			Encoding:  verifiers.Base64,
			Content:   "{body}",
		},
	},
	SecretHint: "the secret shown when the webhook was added",
	ID:         verifiers.First(verifiers.JSON("/webhook_metadata/delivery/id"), verifiers.JSON("/id")),
	Type:       verifiers.First(verifiers.JSON("/webhook_metadata/event/include"), verifiers.Join(".", verifiers.JSON("/resource"), verifiers.JSON("/action"))),
	Time:       verifiers.JSON("/created_at"),
	TypePrefix: "com.heroku",
	NeedsJSON:  true,

	Category: "infra",
	Setup:    "Run heroku webhooks:add with level sync; the secret is shown once.",
	Retries:  "On level sync until it is accepted or a limit is reached; on level notify never.",
	Notes: []string{
		"Choose the level sync: notify never tries again.",
	},
	Sources: []string{
		"https://devcenter.heroku.com/articles/app-webhooks",
	},
	Confidence: verifiers.Medium,
})
