package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Smartsheet checks the URL when the webhook is enabled and after every hundred
// callbacks, with a challenge that it wants back. A callback about the webhook
// itself holds no events.
var Smartsheet = add(verifiers.Provider{
	Name:  "smartsheet",
	Title: "Smartsheet",
	Docs:  "https://developers.smartsheet.com/api/smartsheet/guides/webhooks/webhook-verification",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("Smartsheet-Hmac-SHA256"),
			Content:   "{body}",
		},
	},
	SecretHint: "the sharedSecret of the webhook",
	ID:         verifiers.JSON("/nonce"),
	Type:       verifiers.First(verifiers.Join(".", verifiers.JSON("/events/0/objectType"), verifiers.JSON("/events/0/eventType")), verifiers.JSON("/newWebhookStatus").As("status")),
	Time:       verifiers.JSON("/timestamp"),
	TypePrefix: "com.smartsheet",
	NeedsJSON:  true,
	RetrySpan:  26 * time.Hour,
	Batch: &verifiers.Batch{
		Elements: "/events",
		Type:     verifiers.Join(".", verifiers.JSON("/objectType"), verifiers.JSON("/eventType")),
		Time:     verifiers.JSON("/timestamp"),
	},
	Handshakes: []verifiers.Handshake{{
		Name: "challenge",
		When: []verifiers.Match{verifiers.Header("Smartsheet-Hook-Challenge").Present()},
		Reply: verifiers.Reply{
			ContentType: "application/json",
			Template:    `{{"smartsheetHookResponse":"{header:Smartsheet-Hook-Challenge}"}}`,
			Header:      map[string]string{"Smartsheet-Hook-Response": "{header:Smartsheet-Hook-Challenge}"},
		},
	}},

	Category: "saas",
	Setup:    "Create and enable the webhook with the API; its sharedSecret is in the answer.",
	Retries:  "14 times within about 24 hours by report.",
	Notes: []string{
		"The signature is in hex, though some say base64.",
		"Events only name objects: read them with the API.",
	},
	Sources: []string{
		"https://developers.smartsheet.com/api/smartsheet/guides/webhooks/webhook-verification",
	},
	Confidence: verifiers.Medium,
})
