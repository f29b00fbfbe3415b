package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Composio signs as Standard Webhooks does, except that the secret is used as
// the text that it is.
var Composio = add(verifiers.Provider{
	Name:       "composio",
	Title:      "Composio",
	Docs:       "https://docs.composio.dev/docs/webhook-verification",
	Scheme:     composioScheme(),
	SecretHint: "the project's webhook secret, as it is",
	ID:         verifiers.Header("Webhook-Id"),
	Type:       verifiers.JSON("/type"),
	TypePrefix: "dev.composio",
	NeedsJSON:  true,

	Category: "saas",
	Setup:    "Set the webhook URL in the settings of the project, or create a subscription with the API; the secret is shown once.",
	Retries:  "Not documented.",
	Notes: []string{
		"The secret is not decoded, unlike that of other senders with these headers.",
	},
	Sources: []string{
		"https://docs.composio.dev/docs/webhook-verification",
		"npm @composio/core@0.17.0 triggers.verifyWebhook",
	},
	Confidence: verifiers.High,
})

func composioScheme() verifiers.HMAC {
	s := verifiers.StandardWebhooks()
	s.Key = verifiers.KeyText
	return s
}
