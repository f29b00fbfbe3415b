package providers

import (
	"context"
	"net/http"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Metronome signs the text of a date header, a line break and the body. The
// date has a header of its own; where that is lacking it is Date, which a proxy
// may rewrite.
var Metronome = add(verifiers.Provider{
	Name:       "metronome",
	Title:      "Metronome",
	Docs:       "https://docs.metronome.com/manage-product-access/webhooks/",
	Scheme:     metronomeScheme{},
	SecretHint: "the webhook's secret key",
	ID:         verifiers.JSON("/id"),
	Type:       verifiers.JSON("/type"),
	Time:       verifiers.JSON("/timestamp"),
	TypePrefix: "com.metronome",
	NeedsJSON:  true,

	Category: "payments",
	Setup:    "Add the webhook under Connections > Webhooks; its secret key is shown there.",
	Signs:    "The text of X-Metronome-Date, or of Date, a line break and the body, with HMAC-SHA256",
	Retries:  "Not documented.",
	Notes: []string{
		"The date is signed as it is written.",
	},
	Sources: []string{
		"https://docs.metronome.com/manage-product-access/webhooks/",
	},
	Confidence: verifiers.Medium,
})

var (
	metronomeDate = verifiers.First(verifiers.Header("X-Metronome-Date"), verifiers.Header("Date"))
	metronomeHMAC = verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("Metronome-Webhook-Signature"),
			ID:        metronomeDate,
			Content:   "{id}\n{body}",
		},
	}
)

// metronomeScheme is an HMAC with the time as HTTP writes it.
type metronomeScheme struct{}

// Build returns a verifier of signature and time.
func (metronomeScheme) Build(provider string, cfg verifiers.Config) (verifiers.Verifier, error) {
	inner, err := metronomeHMAC.Build(provider, cfg)
	if err != nil {
		return nil, err
	}
	tolerance, now := cfg.Tolerance, cfg.Time
	if tolerance == 0 {
		tolerance = 5 * time.Minute
	}
	if now == nil {
		now = time.Now
	}
	fail := func(err error) (verifiers.Result, error) {
		return verifiers.Result{}, &verifiers.Error{Provider: provider, Field: metronomeDate.String(), Err: err}
	}
	return verifiers.VerifierFunc(func(ctx context.Context, req *verifiers.Request) (verifiers.Result, error) {
		text, err := metronomeDate.Lookup(req)
		if err != nil {
			return fail(err)
		}
		signed, err := http.ParseTime(text)
		if err != nil {
			return fail(verifiers.ErrMalformed)
		}
		res, err := inner.Verify(ctx, req)
		if err != nil {
			return res, err
		}
		switch age := now().Sub(signed); {
		case age > tolerance:
			return fail(verifiers.ErrStale)
		case age < -tolerance:
			return fail(verifiers.ErrFuture)
		}
		res.Signed = signed
		return res, nil
	}), nil
}

// Sign adds date and signature.
func (metronomeScheme) Sign(req *verifiers.Request, cfg verifiers.Config) error {
	now := cfg.Time
	if now == nil {
		now = time.Now
	}
	req.Header.Set("X-Metronome-Date", now().UTC().Format(http.TimeFormat))
	return metronomeHMAC.Sign(req, cfg)
}

// Places says where the signature is. The time is left out, since no unit
// describes how it is written.
func (metronomeScheme) Places() verifiers.Places { return metronomeHMAC.Places() }

// Interface guards.
var (
	_ verifiers.Signer = metronomeScheme{}
	_ verifiers.Placer = metronomeScheme{}
)
