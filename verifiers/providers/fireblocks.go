package providers

import (
	"cmp"
	"context"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Fireblocks sends a JWS without its payload, which is the body, with a key from
// the set of its environment. The set is the same for all customers: the option
// workspace_id says whose events are yours. Only RS512 is accepted. The older
// Fireblocks-Signature, which came along during the migration, is not looked at.
var Fireblocks = add(verifiers.Provider{
	Name:  "fireblocks",
	Title: "Fireblocks (webhooks v2)",
	Docs:  "https://developers.fireblocks.com/reference/validating-webhooks",
	Scheme: limited{
		Scheme: fireblocksScheme{},
		option: fireblocksWorkspace,
		member: verifiers.JSON("/workspaceId"),
	},
	ID:         verifiers.JSON("/id"),
	Type:       verifiers.JSON("/eventType"),
	Time:       verifiers.JSON("/createdAt"),
	TypePrefix: "io.fireblocks",
	Options: []verifiers.Option{
		{Name: fireblocksEnvironment, Doc: "The environment whose keys are trusted: us, which is the preset, eu, eu2 or sandbox."},
		{Name: fireblocksWorkspace, Doc: "The ids of the workspaces whose events are accepted; without it those of all are.", Multiple: true},
	},
	NeedsJSON: true,
	RetrySpan: 96 * time.Hour,

	Category: "payments",
	Setup:    "Add the URL in the Developer Center of the console. There is no secret: Fireblocks publishes its keys.",
	Signs:    "The body, as a detached JWS with RS512",
	Retries:  "With growing pauses, ten times in all; what failed can be sent again by hand for 30 days, of which the deduplication window covers 96 hours.",
	Notes: []string{
		"The keys are the same for all customers: set workspace_id, or check the workspace in the consumer.",
		"Each environment has a key set of its own: set environment.",
		"An endpoint that fails often is switched off.",
	},
	Sources: []string{
		"https://developers.fireblocks.com/reference/validating-webhooks",
		"https://developers.fireblocks.com/reference/webhook-v2-migration-guide",
		"https://github.com/hookdeck/webhook-skills skills/fireblocks-webhooks/references/verification.md",
	},
	Confidence: verifiers.Medium,
})

const (
	fireblocksEnvironment = "environment"
	fireblocksWorkspace   = "workspace_id"
	fireblocksWord        = "jws-rs512"
)

var (
	fireblocksHeader = verifiers.Header("Fireblocks-Webhook-Signature")
	fireblocksRSA    = verifiers.RSA{Hash: verifiers.SHA512, Signed: jwsSigned(fireblocksHeader)}
	fireblocksKeys   = map[string]string{
		"us":      "https://keys.fireblocks.io/.well-known/jwks.json",
		"eu":      "https://eu-keys.fireblocks.io/.well-known/jwks.json",
		"eu2":     "https://eu2-keys.fireblocks.io/.well-known/jwks.json",
		"sandbox": "https://sandbox-keys.fireblocks.io/.well-known/jwks.json",
	}
)

// fireblocksScheme verifies a detached JWS. Config.Keys is not used.
type fireblocksScheme struct{}

// Build returns a verifier with the keys of the environment.
func (s fireblocksScheme) Build(provider string, cfg verifiers.Config) (verifiers.Verifier, error) {
	address, ok := fireblocksKeys[cmp.Or(cfg.Options[fireblocksEnvironment], "us")]
	if !ok {
		return nil, fmt.Errorf("%s: %w %s: want us, eu, eu2 or sandbox", provider, verifiers.ErrOption, fireblocksEnvironment)
	}
	keys, err := newRSAKeys(provider, cfg, address)
	if err != nil {
		return nil, err
	}
	cfg.Keys = keys
	inner, err := fireblocksRSA.Build(provider, cfg)
	if err != nil {
		return nil, err
	}
	places := s.Places()
	return verifiers.VerifierFunc(func(ctx context.Context, req *verifiers.Request) (verifiers.Result, error) {
		signed, kid, err := parseFireblocks(req)
		if err == nil {
			ctx, err = keys.withKid(ctx, kid)
		}
		if err != nil {
			return verifiers.Result{}, &verifiers.Error{Provider: provider, Field: fireblocksHeader.String(), Err: err}
		}
		res, err := inner.Verify(ctx, signed)
		if err == nil {
			res.Scheme, res.Covers = places.Scheme, &places.Covers
		}
		return res, err
	}), nil
}

// parseFireblocks returns a request that carries what is signed, and the id of
// the key.
func parseFireblocks(req *verifiers.Request) (signed *verifiers.Request, kid string, err error) {
	text, err := fireblocksHeader.Lookup(req)
	if err != nil {
		return nil, "", err
	}
	h, header, payload, signature, err := splitJWS(text)
	switch {
	case err != nil:
		return nil, "", err
	case payload != "":
		return nil, "", verifiers.ErrMalformed
	case h.Alg != "RS512" || h.Kid == "":
		return nil, "", verifiers.ErrUntrusted
	}
	return withHeaders(req, map[string]string{
		fireblocksHeader.Header: signature,
		jwsInput:                header + "." + base64.RawURLEncoding.EncodeToString(req.Body),
	}), h.Kid, nil
}

// Places says where the JWS is.
func (fireblocksScheme) Places() verifiers.Places {
	return verifiers.Places{
		Scheme: fireblocksWord, Covers: verifiers.Coverage{Body: true}, Signature: fireblocksHeader,
	}
}

// Interface guards.
var _ verifiers.Placer = fireblocksScheme{}
