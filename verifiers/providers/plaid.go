package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Plaid sends a token with the hash of the body. Its keys are behind a login, so
// that the operator configures them: as JWK, several while they are being
// replaced. The algorithm is ES256 and nothing else. The token must be younger
// than five minutes.
var Plaid = add(verifiers.Provider{
	Name:  "plaid",
	Title: "Plaid",
	Docs:  "https://plaid.com/docs/api/webhooks/webhook-verification/",
	Scheme: verifiers.JWT{
		Token:      verifiers.Header("Plaid-Verification"),
		Algorithms: []string{"ES256"},
		BodyHash:   "request_body_sha256",
	},
	SecretHint: "the key of /webhook_verification_key/get, as JSON (a JWK with its kid); several while keys are replaced",
	ID:         verifiers.Join(".", verifiers.Header("Plaid-Verification").Claim("/iat"), verifiers.Header("Plaid-Verification").Claim("/request_body_sha256")),
	Type:       verifiers.Join(".", verifiers.JSON("/webhook_type"), verifiers.JSON("/webhook_code")),
	TypePrefix: "com.plaid",
	Deadline:   10 * time.Second,
	RetrySpan:  24 * time.Hour,

	Category: "payments",
	Setup:    "Give the URL as webhook when a Link token is made. Read the key with POST /webhook_verification_key/get, with the kid in the header of a token.",
	Retries:  "Up to six times within 24 hours by report.",
	Notes: []string{
		"Keys are replaced now and then: a token with an unknown kid is refused until the new one is configured.",
		"A token without the hash of the body protects nothing and is refused.",
		"Nothing names the event: the token's time and the hash of the body stand for the id. The hash alone would not do: many events are the same bytes.",
		"A key that has expired_at set must be removed.",
	},
	Sources: []string{
		"https://plaid.com/docs/api/webhooks/webhook-verification/",
		"npm plaid@47.0.0",
	},
	Confidence: verifiers.High,
})
