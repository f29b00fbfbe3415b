package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// LiveKit sends a token with the hash of the body in Authorization, without a
// word before it. The issuer is the API key. The media type is
// application/webhook+json.
var LiveKit = add(verifiers.Provider{
	Name:  "livekit",
	Title: "LiveKit",
	Docs:  "https://docs.livekit.io/home/server/webhooks/",
	Scheme: verifiers.JWT{
		Token:            verifiers.Header("Authorization"),
		Algorithms:       []string{"HS256"},
		Issuers:          []string{"{option:api_key}"},
		BodyHash:         "sha256",
		BodyHashEncoding: verifiers.Base64,
		RequireExpiry:    true,
	},
	SecretHint: "the secret of the API key",
	ID:         verifiers.JSON("/id"),
	Type:       verifiers.JSON("/event"),
	Time:       verifiers.JSON("/createdAt"),
	TypePrefix: "io.livekit",
	Options:    []verifiers.Option{{Name: "api_key", Required: true, Doc: "The API key that signs, which is the issuer of tokens."}},
	NeedsJSON:  true,

	Category: "saas",
	Setup:    "Add the webhook under Settings > Webhooks with an API key to sign with.",
	Retries:  "Not documented in detail.",
	Notes: []string{
		"The token has no Bearer before it.",
		"Parsers that want application/json see no body.",
	},
	Sources: []string{
		"https://docs.livekit.io/home/server/webhooks/",
		"npm livekit-server-sdk@2.19.2 WebhookReceiver",
	},
	Confidence: verifiers.High,
})
