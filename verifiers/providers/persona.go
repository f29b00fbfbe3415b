package providers

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Persona's header looks like Stripe's. While a secret is rotated it has two
// such groups with a space between them, each with a time of its own, so that a
// reader who splits at commas alone finds one item with the end of one group and
// the beginning of the other. One group that fits is enough.
var Persona = add(verifiers.Provider{
	Name:       "persona",
	Title:      "Persona",
	Docs:       "https://docs.withpersona.com/docs/webhooks-best-practices",
	Scheme:     personaScheme{},
	SecretHint: "the secret of the webhook (wbhsec_...)",
	ID:         verifiers.JSON("/data/id"),
	Type:       verifiers.JSON("/data/attributes/name"),
	Time:       verifiers.First(verifiers.JSON("/data/attributes/created-at"), verifiers.JSON("/data/attributes/created_at"), verifiers.JSON("/data/attributes/createdAt")),
	TypePrefix: "com.withpersona",
	NeedsJSON:  true,
	Deadline:   5 * time.Second,

	Category: "identity",
	Setup:    "Create the webhook under Webhooks in the dashboard; the secret (wbhsec_...) is on its page.",
	Signs:    "Time and body with a dot between them, with HMAC-SHA256",
	Retries:  "By report up to seven times with growing pauses.",
	Notes: []string{
		"The header may have two groups with a space between them.",
		"The secret is not decoded.",
	},
	Sources: []string{
		"https://docs.withpersona.com/docs/webhooks-best-practices",
		"https://docs.withpersona.com/quickstart-webhooks",
	},
	Confidence: verifiers.Medium,
})

var (
	personaHeader = verifiers.Header("Persona-Signature")
	personaHMAC   = verifiers.HMAC{Hash: verifiers.SHA256, Signed: verifiers.Signed{
		Signature: personaHeader.KV("v1"),
		Content:   "{timestamp}.{body}",
		Timestamp: personaHeader.KV("t"),
	}}
)

// maxPersona is how many groups are read.
const maxPersona = 4

// personaScheme verifies groups of time and signature.
type personaScheme struct{}

// Build returns a verifier that accepts a request of which one group fits.
func (personaScheme) Build(provider string, cfg verifiers.Config) (verifiers.Verifier, error) {
	inner, err := personaHMAC.Build(provider, cfg)
	if err != nil {
		return nil, err
	}
	return verifiers.VerifierFunc(func(ctx context.Context, req *verifiers.Request) (verifiers.Result, error) {
		text, err := personaHeader.Lookup(req)
		if err != nil || !strings.Contains(text, " ") {
			return inner.Verify(ctx, req)
		}
		groups := strings.Split(text, " ")
		if len(groups) > maxPersona {
			return verifiers.Result{}, &verifiers.Error{Provider: provider, Field: personaHeader.String(), Err: verifiers.ErrMalformed}
		}
		var refusal error
		for _, group := range groups {
			c := reform(req)
			c.Header[personaHeader.Header] = []string{group}
			res, err := inner.Verify(ctx, c)
			if err == nil {
				return res, nil
			}
			// Of several refusals that of an authentic group says the most.
			if refusal == nil || errors.Is(err, verifiers.ErrStale) || errors.Is(err, verifiers.ErrFuture) {
				refusal = err
			}
		}
		return verifiers.Result{}, refusal
	}), nil
}

// Places says where signature and time are.
func (personaScheme) Places() verifiers.Places { return personaHMAC.Places() }

// Sign adds a header of one group.
func (personaScheme) Sign(req *verifiers.Request, cfg verifiers.Config) error {
	return personaHMAC.Sign(req, cfg)
}

// Interface guards.
var (
	_ verifiers.Signer = personaScheme{}
	_ verifiers.Placer = personaScheme{}
)
