package providers

import (
	"context"
	"strings"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Sanity writes the time in milliseconds and the signature in URL-safe base64
// without padding. The timestamp is signed; whether a retry is signed anew is
// not documented, and its library checks no age, so the window is as long as
// the retries. The body is whatever the webhook's projection makes of the
// document; what happened is in headers that are not signed.
var Sanity = add(verifiers.Provider{
	Name:  "sanity",
	Title: "Sanity",
	Docs:  "https://www.sanity.io/docs/webhooks",
	Scheme: sanityScheme{verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: sanitySignature.KV("v1"),
			Encoding:  verifiers.Base64URL,
			Timestamp: sanitySignature.KV("t"),
			Unit:      verifiers.Milliseconds,
			Content:   "{timestamp}.{body}",
			Tolerance: 35 * time.Minute,
		},
	}},
	SecretHint:   "the secret that you typed when you created the webhook",
	ID:           verifiers.Header("Idempotency-Key"),
	Type:         verifiers.Header("Sanity-Operation"),
	TypePrefix:   "io.sanity.document",
	ContentTypes: []string{"application/json"},
	RetrySpan:    35 * time.Minute,
	Headers: []string{
		"Sanity-Document-Id", "Sanity-Project-Id", "Sanity-Dataset", "Sanity-Webhook-Id", "Sanity-Transaction-Id",
	},

	Category: "saas",
	Setup:    "Create a GROQ-powered webhook under API > Webhooks of the project and type a long random secret.",
	Retries:  "With growing pauses for about half an hour, after a 429 or a 5xx.",
	Notes: []string{
		"The signature is URL-safe base64 without padding, the time is in milliseconds.",
		"Operation and document id are in headers, which are not signed.",
	},
	Sources: []string{
		"https://www.sanity.io/docs/webhooks",
		"npm @sanity/webhook@4.0.4 isValidSignature",
	},
	Confidence: verifiers.High,
})

var sanitySignature = verifiers.Header("Sanity-Webhook-Signature")

// sanityScheme is an HMAC in base64url that must not be padded, as for Sanity's
// own library.
type sanityScheme struct{ verifiers.HMAC }

// Build returns a verifier that refuses padding.
func (s sanityScheme) Build(provider string, cfg verifiers.Config) (verifiers.Verifier, error) {
	v, err := s.HMAC.Build(provider, cfg)
	if err != nil {
		return nil, err
	}
	return verifiers.VerifierFunc(func(ctx context.Context, req *verifiers.Request) (verifiers.Result, error) {
		if strings.HasSuffix(req.Header.Get(sanitySignature.Header), "=") {
			return verifiers.Result{}, &verifiers.Error{
				Provider: provider, Field: sanitySignature.String(), Err: verifiers.ErrMalformed,
			}
		}
		return v.Verify(ctx, req)
	}), nil
}

// Interface guards.
var (
	_ verifiers.Placer = sanityScheme{}
	_ verifiers.Signer = sanityScheme{}
)
