package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Routes send the message that they received as a form, with attachments as a
// multipart one. Time and token are signed as in webhooks, and the message is
// not. A field that is there twice is refused.
var MailgunForm = add(verifiers.Provider{
	Name:  "mailgun-form",
	Title: "Mailgun (routes and forms)",
	Docs:  "https://documentation.mailgun.com/docs/mailgun/user-manual/receive-forward-store/",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Form("signature"),
			Content:   "{timestamp}{form:token}",
			Timestamp: verifiers.Form("timestamp"),
			Tolerance: 12 * time.Hour,
		},
	},
	SecretHint: "the HTTP webhook signing key",
	ID:         verifiers.Form("token"),
	Type:       verifiers.First(verifiers.Form("event"), verifiers.Const("inbound")),
	TypePrefix: "com.mailgun.route",
	MaxBody:    32 << 20,
	RetrySpan:  12 * time.Hour,

	Category: "comms",
	Setup:    "Create a route with the URL as forward; the HTTP webhook signing key is under API security.",
	Retries:  "For about 8 hours by report.",
	Notes: []string{
		"The message itself is not signed.",
		"The key is the HTTP webhook signing key and not an API key.",
		"A 406 stops the retries.",
	},
	Sources: []string{
		"https://documentation.mailgun.com/docs/mailgun/user-manual/receive-forward-store/",
	},
	Confidence: verifiers.Medium,
})
