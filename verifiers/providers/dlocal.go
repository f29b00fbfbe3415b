package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// DLocal puts the signature into Authorization. The login of the merchant, the
// date and the body are signed with nothing between them; since the login comes
// with the request, the option login says which one is yours. Whether a repetition has a
// new date is not documented, so that the replay window is as long as the
// deduplication window. dLocal Go, the product for small merchants, signs
// something else and is not this entry.
var DLocal = add(verifiers.Provider{
	Name:  "dlocal",
	Title: "dLocal",
	Docs:  "https://docs.dlocal.com/docs/receive-notifications",
	Scheme: limited{
		Scheme: verifiers.HMAC{
			Hash: verifiers.SHA256,
			Signed: verifiers.Signed{
				Signature: verifiers.Header("Authorization").Trim("V2-HMAC-SHA256, Signature: "),
				Content:   "{header:X-Login}{timestamp}{body}",
				Timestamp: verifiers.Header("X-Date"),
				Unit:      verifiers.RFC3339,
				Tolerance: 96 * time.Hour,
			},
		},
		option: dLocalLogin,
		member: verifiers.Header("X-Login"),
	},
	SecretHint: "the secret key of the merchant",
	ID:         verifiers.Join(".", verifiers.JSON("/id"), verifiers.JSON("/status")),
	Type:       verifiers.JSON("/status"),
	TypePrefix: "com.dlocal",
	Options: []verifiers.Option{{
		Name: dLocalLogin, Doc: "The X-Login that notifications must have; without it any that is signed.", Example: "sak223k2wdksdl2",
	}},
	NeedsJSON: true,
	RetrySpan: 96 * time.Hour,

	Category: "payments",
	Setup:    "Send notification_url with each payment; the secret key is in the merchant dashboard under Settings > Integration.",
	Retries:  "Every hour for six hours and then every twelve hours for four days, twelve times at most; the deduplication window covers 96 hours of it.",
	Notes: []string{
		"Authorization holds a signature and no credentials.",
		"Notifications of dLocal's platforms and verifications have the signature in another header, Signature, and are refused.",
		"Without the option login any X-Login is accepted that is signed with the secret.",
		"Notifications of dLocal Go are signed over API key and body and are refused here.",
	},
	Sources: []string{
		"https://docs.dlocal.com/docs/receive-notifications",
		"https://docs.dlocal.com/docs/payins-notifications",
	},
	Confidence: verifiers.Medium,
})

// dLocalLogin is the option with the merchant's own login.
const dLocalLogin = "login"
