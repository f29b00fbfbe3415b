package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Samsara signs like Slack, with v1 in the text and before the signature. The
// secret is shown in base64 and is decoded.
var Samsara = add(verifiers.Provider{
	Name:  "samsara",
	Title: "Samsara",
	Docs:  "https://developers.samsara.com/docs/webhooks",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Samsara-Signature").Trim("v1="),
			Content:   "v1:{timestamp}:{body}",
			Timestamp: verifiers.Header("X-Samsara-Timestamp"),
			Tolerance: 5 * time.Minute,
			Key:       verifiers.KeyBase64,
		},
	},
	SecretHint: "the webhook's secret key, in base64 as shown",
	ID:         verifiers.JSON("/eventId"),
	Type:       verifiers.JSON("/eventType"),
	Time:       verifiers.JSON("/eventTime"),
	TypePrefix: "com.samsara",
	NeedsJSON:  true,

	Category: "saas",
	Setup:    "Create the webhook under Settings > Webhooks; its secret key is shown there.",
	Retries:  "Five times.",
	Notes: []string{
		"The secret is decoded from base64 first.",
	},
	Sources: []string{
		"https://developers.samsara.com/docs/webhooks",
	},
	Confidence: verifiers.Medium,
})
