package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// The whole body of Dialpad's requests is a JSON Web Token, and the event is its
// claims, which have no time of their own. The published payload is the token:
// consumers decode it.
var Dialpad = add(verifiers.Provider{
	Name:  "dialpad",
	Title: "Dialpad",
	Docs:  "https://developers.dialpad.com/reference/webhookscreate",
	Scheme: verifiers.JWT{
		Token:      verifiers.Body(),
		Algorithms: []string{"HS256"},
		Timeless:   true,
	},
	SecretHint: "the secret given when the webhook was created",
	ID:         verifiers.First(verifiers.Join(".", verifiers.Body().Claim("/call_id"), verifiers.Body().Claim("/state"), verifiers.Body().Claim("/event_timestamp")), verifiers.Join(".", verifiers.Body().Claim("/id"), verifiers.Body().Claim("/message_status"))),
	Type:       verifiers.First(verifiers.Body().Claim("/state"), verifiers.Body().Claim("/direction")),
	Time:       verifiers.Body().Claim("/event_timestamp"),
	TypePrefix: "com.dialpad",
	Opaque:     true,

	Category: "comms",
	Setup:    "Create the webhook with the API, with a secret.",
	Signs:    "The token is the body",
	Retries:  "Not documented.",
	Notes: []string{
		"Without a secret the body is plain JSON, and nothing is accepted.",
		"The payload is a token and no JSON: schemas do not apply to it.",
	},
	Sources: []string{
		"https://developers.dialpad.com/reference/webhookscreate",
	},
	Confidence: verifiers.Medium,
})
