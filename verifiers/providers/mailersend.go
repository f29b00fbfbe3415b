package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// MailerSend's header is called Signature and nothing more. Inbound routes have
// secrets of their own.
var MailerSend = add(verifiers.Provider{
	Name:  "mailersend",
	Title: "MailerSend",
	Docs:  "https://developers.mailersend.com/api/v1/webhooks.html#security",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("Signature"),
			Content:   "{body}",
		},
	},
	SecretHint: "the signing secret of the webhook or inbound route",
	ID:         verifiers.JSON("/data/id"),
	Type:       verifiers.JSON("/type"),
	Time:       verifiers.JSON("/created_at"),
	TypePrefix: "com.mailersend",
	NeedsJSON:  true,
	MaxBody:    32 << 20,
	RetrySpan:  10 * time.Minute,

	Category: "comms",
	Setup:    "Add the webhook under Domains > Webhooks; its signing secret is shown there.",
	Retries:  "Twice, after 10 and 100 seconds.",
	Sources: []string{
		"https://developers.mailersend.com/api/v1/webhooks.html#security",
	},
	Confidence: verifiers.Medium,
})
