package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Telnyx signs with Ed25519; the public key is the account's.
var Telnyx = add(verifiers.Provider{
	Name:  "telnyx",
	Title: "Telnyx",
	Docs:  "https://developers.telnyx.com/docs/messaging/messages/receiving-webhooks",
	Scheme: verifiers.Ed25519{
		Signed: verifiers.Signed{
			Signature: verifiers.Header("Telnyx-Signature-Ed25519"),
			Encoding:  verifiers.Base64,
			Content:   "{timestamp}|{body}",
			Timestamp: verifiers.Header("Telnyx-Timestamp"),
			Tolerance: 5 * time.Minute,
		},
	},
	SecretHint: "the public key of the account, in base64 as shown",
	ID:         verifiers.JSON("/data/id"),
	Type:       verifiers.JSON("/data/event_type"),
	Time:       verifiers.JSON("/data/occurred_at"),
	TypePrefix: "com.telnyx",
	Deadline:   2 * time.Second,
	Varies:     []string{"/meta/attempt"},

	Category: "comms",
	Setup:    "Enter the URL in the profile or connection; the public key is under Keys & Credentials in Mission Control.",
	Retries:  "Up to three times for each URL, then at the failover URL.",
	Notes: []string{
		"Callbacks of TeXML are forms with the same headers; they have no id.",
	},
	Sources: []string{
		"https://developers.telnyx.com/docs/messaging/messages/receiving-webhooks",
		"npm telnyx@7.24.0 webhooks",
	},
	Confidence: verifiers.High,
})
