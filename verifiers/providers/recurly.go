package providers

import (
	"context"
	"strings"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Recurly's header is a list: the time, then a signature for each secret that is
// active. The time has 13 digits, which are milliseconds, or ten. The older
// webhooks in XML are not signed.
var Recurly = add(verifiers.Provider{
	Name:       "recurly",
	Title:      "Recurly",
	Docs:       "https://recurly.com/developers/pages/webhooks.html",
	Scheme:     recurlyScheme{},
	SecretHint: "the secret of the endpoint",
	ID:         verifiers.JSON("/id"),
	Type:       verifiers.Join(".", verifiers.JSON("/object_type"), verifiers.JSON("/event_type")),
	Time:       verifiers.JSON("/event_time"),
	TypePrefix: "com.recurly",
	NeedsJSON:  true,
	Deadline:   5 * time.Second,

	Category: "payments",
	Setup:    "Add the endpoint under Integrations > Webhooks with JSON; its secret is on its page.",
	Signs:    "Time and body with a dot between them, with HMAC-SHA256",
	Retries:  "Up to ten times by report.",
	Notes: []string{
		"Choose JSON: XML webhooks are not signed.",
	},
	Sources: []string{
		"https://recurly.com/developers/pages/webhooks.html",
	},
	Confidence: verifiers.Medium,
})

const recurlyTime = "Recurly-Time"

var recurlySignature = verifiers.Header("Recurly-Signature")

func recurlyHMAC(unit verifiers.TimeUnit) verifiers.HMAC {
	return verifiers.HMAC{Hash: verifiers.SHA256, Signed: verifiers.Signed{
		Signature: recurlySignature.Split(","),
		Content:   "{timestamp}.{body}",
		Timestamp: verifiers.Header(recurlyTime),
		Unit:      unit,
		Tolerance: 5 * time.Minute,
	}}
}

// recurlyScheme is an HMAC whose time has one of two units.
type recurlyScheme struct{}

func (recurlyScheme) Build(provider string, cfg verifiers.Config) (verifiers.Verifier, error) {
	seconds, err := recurlyHMAC(verifiers.Seconds).Build(provider, cfg)
	if err != nil {
		return nil, err
	}
	milliseconds, err := recurlyHMAC(verifiers.Milliseconds).Build(provider, cfg)
	if err != nil {
		return nil, err
	}
	covers := recurlyScheme{}.Places().Covers
	return verifiers.VerifierFunc(func(ctx context.Context, req *verifiers.Request) (verifiers.Result, error) {
		text, err := recurlySignature.Lookup(req)
		at, signatures, ok := strings.Cut(text, ",")
		if err == nil && (!ok || at == "") {
			err = verifiers.ErrMalformed
		}
		if err != nil {
			return verifiers.Result{}, &verifiers.Error{Provider: provider, Field: recurlySignature.String(), Err: cause(err)}
		}
		inner := seconds
		if len(at) > 11 {
			inner = milliseconds
		}
		res, err := inner.Verify(ctx, withHeaders(req, map[string]string{recurlySignature.Header: signatures, recurlyTime: at}))
		if err != nil {
			return res, err
		}
		res.Covers = &covers
		return res, nil
	}), nil
}

// Places says where time and signatures are.
func (recurlyScheme) Places() verifiers.Places {
	return verifiers.Places{
		Scheme: "hmac-sha256", Covers: verifiers.Coverage{Body: true}, Signature: recurlySignature, Tolerance: 5 * time.Minute,
	}
}

// Sign adds time and signature.
func (recurlyScheme) Sign(req *verifiers.Request, cfg verifiers.Config) error {
	c := reform(req)
	if err := recurlyHMAC(verifiers.Milliseconds).Sign(c, cfg); err != nil {
		return err
	}
	req.Header.Set(recurlySignature.Header, c.Header.Get(recurlyTime)+","+c.Header.Get(recurlySignature.Header))
	return nil
}

// Interface guards.
var (
	_ verifiers.Signer = recurlyScheme{}
	_ verifiers.Placer = recurlyScheme{}
)
