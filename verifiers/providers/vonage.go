package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Vonage sends a token with the hash of the body and no expiry: its age is
// limited by iat. Callbacks with GET hash their parameters and are not taken.
// Which secret it is depends on the API key in the token: configure that one.
var Vonage = add(verifiers.Provider{
	Name:  "vonage",
	Title: "Vonage (signed webhooks)",
	Docs:  "https://developer.vonage.com/en/getting-started/concepts/webhooks",
	Scheme: verifiers.JWT{
		Token:      verifiers.Header("Authorization").Trim("Bearer "),
		Algorithms: []string{"HS256"},
		BodyHash:   "payload_hash",
	},
	SecretHint: "the signature secret, under API settings",
	ID:         verifiers.First(verifiers.Join(".", verifiers.JSON("/message_uuid"), verifiers.JSON("/status"), verifiers.JSON("/timestamp")), verifiers.Join(".", verifiers.JSON("/uuid"), verifiers.JSON("/status"), verifiers.JSON("/timestamp"))),
	Type:       verifiers.First(verifiers.JSON("/status"), verifiers.JSON("/event"), verifiers.JSON("/type"), verifiers.JSON("/message_type")),
	Time:       verifiers.JSON("/timestamp"),
	TypePrefix: "com.vonage",
	Aliases:    []string{"nexmo"},
	RetrySpan:  24 * time.Hour,

	Category: "comms",
	Setup:    "Switch signed webhooks on for the application; the signature secret is under API settings, and callbacks must be by POST.",
	Retries:  "With growing pauses for 24 hours.",
	Notes: []string{
		"Choose POST for callbacks.",
		"Rarely a callback is not signed: it is refused, and comes again signed after a 5xx only.",
	},
	Sources: []string{
		"https://developer.vonage.com/en/getting-started/concepts/webhooks",
		"npm @vonage/jwt@1.14.0 verifySignature",
	},
	Confidence: verifiers.High,
})
