package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// The whole body of Kinde's requests is a JSON Web Token, and the event is its
// claims. Keys are those of the configured domain, never those of a domain that
// the token names. The published payload is the token: consumers decode it.
var Kinde = add(verifiers.Provider{
	Name:  "kinde",
	Title: "Kinde",
	Docs:  "https://docs.kinde.com/integrate/webhooks/about-webhooks/",
	Scheme: verifiers.JWT{
		Token:      verifiers.Body(),
		Algorithms: []string{"RS256"},
		JWKS:       "https://{option:domain}/.well-known/jwks.json",
		Timeless:   true,
	},
	ID:         verifiers.Body().Claim("/event_id"),
	Type:       verifiers.Body().Claim("/type"),
	Time:       verifiers.Body().Claim("/timestamp"),
	TypePrefix: "com.kinde",
	Opaque:     true,
	Options: []verifiers.Option{{
		Name: "domain", Required: true, Example: "example.kinde.com",
		Doc: "The domain of your Kinde account, such as example.kinde.com.",
	}},
	RetrySpan: 24 * time.Hour,

	Category: "identity",
	Setup:    "Add the webhook under Settings > Webhooks.",
	Signs:    "The token is the body",
	Retries:  "With growing pauses for about a day.",
	Notes: []string{
		"The payload is a token and no JSON: schemas do not apply to it.",
	},
	Sources: []string{
		"https://docs.kinde.com/integrate/webhooks/about-webhooks/",
		"npm @kinde/webhooks@1.0.0 decodeWebhook",
	},
	Confidence: verifiers.High,
})
