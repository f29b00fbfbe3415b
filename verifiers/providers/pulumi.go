package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Pulumi signs the body only. Id and kind of an event are in headers outside the
// signature.
var Pulumi = add(verifiers.Provider{
	Name:  "pulumi",
	Title: "Pulumi Cloud",
	Docs:  "https://www.pulumi.com/docs/pulumi-cloud/webhooks/",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("Pulumi-Webhook-Signature"),
			Content:   "{body}",
		},
	},
	SecretHint:   "the shared secret that you typed when you created the webhook",
	ID:           verifiers.Header("Pulumi-Webhook-Id"),
	Type:         verifiers.Header("Pulumi-Webhook-Kind"),
	TypePrefix:   "com.pulumi",
	ContentTypes: []string{"application/json"},
	NeedsJSON:    true,

	Category: "infra",
	Setup:    "Add a webhook of the format JSON under Settings > Webhooks of a stack, environment or organization, with a secret.",
	Retries:  "Not documented; a delivery can be repeated by hand.",
	Notes: []string{
		"Without a secret there is no signature.",
		"Webhooks in the formats of Slack and Microsoft Teams are for those alone.",
	},
	Sources: []string{
		"https://www.pulumi.com/docs/pulumi-cloud/webhooks/",
	},
	Confidence: verifiers.High,
})
