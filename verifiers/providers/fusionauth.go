package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// FusionAuth signs a JSON Web Token whose one claim is the body's hash. It has no
// times, so that nothing in it limits replay; the body has id and time. The key
// is one of FusionAuth's Key Master: a secret by default, or a public key, whose
// algorithm then has to be named, so that nobody can use the public key as a
// secret.
var FusionAuth = add(verifiers.Provider{
	Name:   "fusionauth",
	Title:  "FusionAuth",
	Docs:   "https://fusionauth.io/docs/extend/events-and-webhooks/signing",
	Scheme: fusionAuthScheme{},
	Options: []verifiers.Option{{
		Name: fusionAuthAlgorithm,
		Doc:  "The algorithm of the signing key: RS256, RS384, RS512, ES256, ES384, ES512 or EdDSA for a public key in PEM. Not set: a secret, with HS256, HS384 or HS512.",
	}},
	SecretHint:   "the HMAC secret or the public key in PEM of the webhook's signing key, from Settings > Key Master",
	ID:           verifiers.JSON("/event/id"),
	Type:         verifiers.JSON("/event/type"),
	Time:         verifiers.JSON("/event/createInstant"),
	TypePrefix:   "io.fusionauth",
	ContentTypes: []string{"application/json"},
	NeedsJSON:    true,

	Category: "identity",
	Setup:    "Under Settings > Webhooks enable signing on the Security tab and choose a key; enable the webhook's events for the tenant too.",
	Signs:    "A JSON Web Token with the hash of the body",
	Retries:  "Not documented.",
	Notes: []string{
		"The hash in the token is standard base64, not base64url.",
		"A transactional event holds up what the user does, and is rolled back if it is not answered with a 2xx.",
	},
	Sources: []string{
		"https://fusionauth.io/docs/extend/events-and-webhooks/signing",
		"https://github.com/hookdeck/webhook-skills skills/fusionauth-webhooks",
	},
	Confidence: verifiers.Medium,
})
