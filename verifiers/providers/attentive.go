package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Attentive signs the body only. Events have no id; the signature serves as
// one, since the body has its time in milliseconds.
var Attentive = add(verifiers.Provider{
	Name:  "attentive",
	Title: "Attentive",
	Docs:  "https://docs.attentive.com/docs/webhook-authentication/",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Attentive-Hmac-Sha256"),
			Content:   "{body}",
		},
	},
	SecretHint: "the signing key of the webhook",
	ID:         verifiers.Header("X-Attentive-Hmac-Sha256").Lower(),
	Type:       verifiers.JSON("/type"),
	Time:       verifiers.JSON("/timestamp"),
	TypePrefix: "com.attentive",
	NeedsJSON:  true,
	RetrySpan:  72 * time.Hour,

	Category: "crm",
	Setup:    "Create the webhook in the settings of a private app, or with the API. Each webhook has a signing key of its own.",
	Retries:  "With exponential pauses for three days.",
	Sources: []string{
		"https://docs.attentive.com/docs/webhook-authentication/",
	},
	Confidence: verifiers.Medium,
})
