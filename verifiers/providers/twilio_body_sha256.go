package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Twilio binds a body that is no form by its hash in the URL, and signs the URL.
// Event Streams sends arrays of CloudEvents like this. Both the signature and
// the hash are checked, as in the entry twilio; this one splits the arrays.
var TwilioBodySHA256 = add(verifiers.Provider{
	Name:       "twilio-body-sha256",
	Title:      "Twilio (JSON and Event Streams)",
	Docs:       "https://www.twilio.com/docs/usage/webhooks/webhooks-security",
	Scheme:     twilioScheme{},
	SecretHint: "the auth token of the account, the primary one",
	ID:         verifiers.First(verifiers.JSON("/0/id"), verifiers.Header("I-Twilio-Idempotency-Token")),
	Type:       verifiers.JSON("/0/type"),
	Time:       verifiers.JSON("/0/time"),
	TypePrefix: "com.twilio.events",
	NeedsJSON:  true,
	MaxBody:    4 << 20,
	RetrySpan:  4 * time.Hour,
	Deadline:   5 * time.Second,
	Batch: &verifiers.Batch{
		ID:   verifiers.JSON("/id"),
		Type: verifiers.JSON("/type"),
		Time: verifiers.JSON("/time"),
	},

	Category: "comms",
	Setup:    "Create a sink of the kind webhook with the URL; the auth token is in the console.",
	Signs:    "The URL, with HMAC-SHA1; its parameter bodySHA256 binds the body",
	Retries:  "For up to 4 hours by report.",
	Notes: []string{
		"Without the hash in the URL the body would not be bound to anything: such requests are refused unless they are forms.",
		"The URL is signed as Twilio called it: behind a proxy the public one must be known.",
	},
	Sources: []string{
		"https://www.twilio.com/docs/usage/webhooks/webhooks-security",
		"npm twilio@6.2.0 validateRequestWithBody",
	},
	Confidence: verifiers.High,
})
