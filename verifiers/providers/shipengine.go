package providers

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// ShipStation V2, which was ShipEngine and still says so in its headers, signs
// timestamp and body with RSA and a key of its key set that a header names. The
// set also has an EC key, which is passed over. The keys are the same for all
// customers, and nothing in a body says whose account it is about.
var ShipEngine = add(verifiers.Provider{
	Name:       "shipengine",
	Aliases:    []string{"shipstation-v2"},
	Title:      "ShipStation API V2 (ShipEngine)",
	Docs:       "https://docs.shipstation.com/apis/docs/guides/webhooks-validation",
	Scheme:     shipEngineScheme{},
	Type:       verifiers.JSON("/resource_type"),
	TypePrefix: "com.shipengine",
	Options:    []verifiers.Option{{Name: shipEngineRegion, Doc: "The region whose keys are trusted: us, which is the preset, or eu."}},
	NeedsJSON:  true,

	Category: "commerce",
	Setup:    "Add the webhook under Developer > Webhooks in the dashboard of the production environment, or through the API. There is no secret: the keys are published.",
	Signs:    "Timestamp and body with a dot between them, with RSA and SHA-256 and a key that is published",
	Retries:  "Not documented.",
	Notes: []string{
		"The keys are the same for all customers, and the body does not say which account it is for: read the resource through the API.",
		"Accounts of the EU have another key set: set region.",
		"A delivery has no id.",
	},
	Sources: []string{
		"https://docs.shipstation.com/apis/docs/guides/webhooks-validation",
		"https://www.shipengine.com/docs/webhooks/",
	},
	Confidence: verifiers.Medium,
})

const shipEngineRegion = "region"

var (
	shipEngineKeyID = verifiers.Header("X-Shipengine-Rsa-Sha256-Key-Id")
	shipEngineRSA   = verifiers.RSA{Hash: verifiers.SHA256, Signed: verifiers.Signed{
		Signature: verifiers.Header("X-Shipengine-Rsa-Sha256-Signature"),
		Encoding:  verifiers.Base64,
		Content:   "{timestamp}.{body}",
		Timestamp: verifiers.Header("X-Shipengine-Timestamp"),
		Unit:      verifiers.RFC3339,
		Tolerance: 5 * time.Minute,
	}}
	shipEngineKeys = map[string]string{
		"us": "https://api.shipengine.com/jwks",
		"eu": "https://api.eu.shipengine.com/jwks",
	}
)

// shipEngineScheme is RSA with a key that a header names. Config.Keys is not
// used.
type shipEngineScheme struct{}

// Build returns a verifier with the keys of the region.
func (shipEngineScheme) Build(provider string, cfg verifiers.Config) (verifiers.Verifier, error) {
	address, ok := shipEngineKeys[cmp.Or(cfg.Options[shipEngineRegion], "us")]
	if !ok {
		return nil, fmt.Errorf("%s: %w %s: want us or eu", provider, verifiers.ErrOption, shipEngineRegion)
	}
	keys, err := newRSAKeys(provider, cfg, address)
	if err != nil {
		return nil, err
	}
	cfg.Keys = keys
	inner, err := shipEngineRSA.Build(provider, cfg)
	if err != nil {
		return nil, err
	}
	return verifiers.VerifierFunc(func(ctx context.Context, req *verifiers.Request) (verifiers.Result, error) {
		kid, err := shipEngineKeyID.Lookup(req)
		if err == nil {
			ctx, err = keys.withKid(ctx, kid)
		}
		if err != nil {
			return verifiers.Result{}, &verifiers.Error{Provider: provider, Field: shipEngineKeyID.String(), Err: err}
		}
		return inner.Verify(ctx, req)
	}), nil
}

// Places says where signature and timestamp are.
func (shipEngineScheme) Places() verifiers.Places {
	p := shipEngineRSA.Places()
	p.Headers = append(p.Headers, shipEngineKeyID.Header)
	return p
}

// Interface guards.
var _ verifiers.Placer = shipEngineScheme{}
