package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Klaviyo signs body and timestamp in this order, with nothing between them.
// How the timestamp is written is not documented, so it limits no replay;
// deduplication does. One request holds up to 1000 events. The order is that of
// others' receivers; the headers and the encoding are from the documentation.
var Klaviyo = add(verifiers.Provider{
	Name:  "klaviyo",
	Title: "Klaviyo (system webhooks)",
	Docs:  "https://developers.klaviyo.com/en/docs/working_with_system_webhooks",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("Klaviyo-Signature"),
			Content:   "{body}{header:Klaviyo-Timestamp}",
		},
	},
	SecretHint: "the secret key given when the webhook was created",
	ID:         verifiers.JSON("/data/0/external_id"),
	Type:       verifiers.JSON("/data/0/topic"),
	TypePrefix: "com.klaviyo",
	Batch:      &verifiers.Batch{Elements: "/data", ID: verifiers.JSON("/external_id"), Type: verifiers.JSON("/topic")},
	NeedsJSON:  true,
	MaxBody:    8 << 20,
	Headers:    []string{"Klaviyo-Webhook-Id"},

	Category: "crm",
	Setup:    "Create the webhook under Integrations > Webhooks or with the API, with a secret of at least 16 characters.",
	Retries:  "Not documented.",
	Notes: []string{
		"The action \"webhook\" of a flow is something else and is not signed.",
		"Klaviyo-Webhook-Id names the subscription, not the event.",
	},
	Sources: []string{
		"https://developers.klaviyo.com/en/docs/working_with_system_webhooks",
	},
	Confidence: verifiers.Medium,
})
