package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Ramp Network signs, on the curve of Bitcoin, the JSON with its members sorted,
// and publishes one key for production and one for its demo environment. No
// secret is shared, so what is proven is that the event is Ramp Network's, not
// that it is about a purchase of ours.
var RampNetwork = add(verifiers.Provider{
	Name:   "ramp-network",
	Title:  "Ramp Network",
	Docs:   "https://docs.ramp.network/webhooks",
	Scheme: rampScheme{},
	Options: []verifiers.Option{
		{Name: rampEnvironment, Doc: "The environment whose key is taken: production, which is the preset, or demo."},
		{Name: rampKey, Doc: "Another public key, as PEM, in place of those that Ramp Network publishes."},
	},
	ID: verifiers.Join(".",
		verifiers.First(verifiers.JSON("/purchase/id"), verifiers.JSON("/payload/id"), verifiers.JSON("/id")),
		verifiers.JSON("/type"), verifiers.First(verifiers.JSON("/purchase/status"), verifiers.JSON("/payload/status")),
	),
	Type:       verifiers.JSON("/type"),
	TypePrefix: "network.ramp",
	NeedsJSON:  true,
	RetrySpan:  time.Hour,

	Category: "payments",
	Setup:    "Pass webhookStatusUrl to the widget, or have it set for the API key. There is no secret: the keys are built in.",
	Signs:    "The JSON with the members of all objects sorted, with ECDSA on secp256k1 and SHA-256",
	Retries:  "Four times, three minutes apart.",
	Notes: []string{
		"What is signed is the parsed and sorted JSON, with numbers as JavaScript prints them.",
		"Events of everybody's purchases have the same signer: check that the purchase is one of yours.",
	},
	Sources: []string{
		"https://docs.ramp.network/webhooks",
		"npm fast-json-stable-stringify@2.1.0",
	},
	Confidence: verifiers.High,
})
