package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Mailgun signs a time and a token, both in the body, and not the event. The
// window is as long as the retries, since it is not documented that those are
// signed anew. What was signed is left out where deliveries are compared.
var Mailgun = add(verifiers.Provider{
	Name:  "mailgun",
	Title: "Mailgun",
	Docs:  "https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/securing-webhooks",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.JSON("/signature/signature"),
			Content:   "{timestamp}{json:/signature/token}",
			Timestamp: verifiers.JSON("/signature/timestamp"),
			Tolerance: 12 * time.Hour,
		},
	},
	SecretHint: "the HTTP webhook signing key",
	ID:         verifiers.JSON("/event-data/id"),
	Type:       verifiers.JSON("/event-data/event"),
	Time:       verifiers.JSON("/event-data/timestamp"),
	TypePrefix: "com.mailgun",
	NeedsJSON:  true,
	RetrySpan:  12 * time.Hour,
	Varies:     []string{"/signature"},

	Category: "comms",
	Setup:    "Add the webhook under Sending > Webhooks; the HTTP webhook signing key is under API security.",
	Retries:  "For about 8 hours, after 10, 10, 15 and 30 minutes and 1, 2 and 4 hours by report.",
	Notes: []string{
		"The event itself is not signed: whoever sees one signature can put another event beside it, until its time is over.",
		"The key is the HTTP webhook signing key and not an API key.",
		"A 406 stops the retries.",
	},
	Sources: []string{
		"https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/securing-webhooks",
		"https://github.com/mailgun/mailgun-go VerifyWebhookSignature",
	},
	Confidence: verifiers.High,
})
