package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Zoho Payments writes the time in milliseconds and labels the signature v. Each
// attempt is signed anew, so the window can be short.
var ZohoPayments = add(verifiers.Provider{
	Name:  "zoho-payments",
	Title: "Zoho Payments",
	Docs:  "https://zoho.com/in/payments/developerdocs/webhooks/verification",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Zoho-Webhook-Signature").KV("v"),
			Content:   "{timestamp}.{body}",
			Timestamp: verifiers.Header("X-Zoho-Webhook-Signature").KV("t"),
			Unit:      verifiers.Milliseconds,
			Tolerance: 5 * time.Minute,
		},
	},
	SecretHint: "the signing key generated with the webhook",
	ID:         verifiers.JSON("/event_id"),
	Type:       verifiers.JSON("/event_type"),
	TypePrefix: "com.zoho.payments",
	NeedsJSON:  true,
	Deadline:   15 * time.Second,
	RetrySpan:  48 * time.Hour,

	Category: "payments",
	Setup:    "Create the webhook under Settings > Developer Space > Webhooks and copy the signing key.",
	Retries:  "For up to two days, hourly on the first and every two hours on the second.",
	Notes: []string{
		"The time is in milliseconds.",
	},
	Sources: []string{
		"https://zoho.com/in/payments/developerdocs/webhooks/verification",
		"https://www.zoho.com/in/payments/developerdocs/webhooks/best-practices/",
		"https://www.zoho.com/us/payments/developerdocs/go-live/",
	},
	Confidence: verifiers.High,
})
