package providers

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// NeonAuth signs with a detached JSON Web Signature whose payload is the time, a
// dot and the body in base64url, so that the body is encoded twice. The keys are
// those of your own project. Events of the kinds send.* and user.before_create
// hold up a sign-in until they are answered, and user.before_create wants to be
// told whether the user is allowed, which a queue cannot know: it is not
// allowed then.
var NeonAuth = add(verifiers.Provider{
	Name:   "neon-auth",
	Title:  "Neon Auth",
	Docs:   "https://neon.com/docs/auth/guides/webhooks",
	Scheme: neonScheme{},
	Options: []verifiers.Option{{
		Name: neonURL, Example: "https://ep-cool-name-a1b2c3d4.neonauth.us-east-1.aws.neon.tech/neondb/auth",
		Doc:      "The URL of Neon Auth for your branch, under which the keys are: https://….neonauth.….aws.neon.tech/…/auth.",
		Required: true,
	}},
	ID:           verifiers.JSON("/event_id"),
	Type:         verifiers.JSON("/event_type"),
	Time:         verifiers.JSON("/timestamp"),
	TypePrefix:   "tech.neon.auth",
	ContentTypes: []string{"application/json"},
	NeedsJSON:    true,
	Deadline:     5 * time.Second,
	RetrySpan:    15 * time.Second,
	Final4xx:     true,
	Headers:      []string{"X-Neon-Event-Type", "X-Neon-Event-Id", "X-Neon-Delivery-Attempt"},

	Category: "identity",
	Setup:    "PUT the URL and the events to /projects/{project}/branches/{branch}/auth/webhooks of the Neon API.",
	Signs:    "Time and body, with Ed25519 (detached JWS) and the published keys of your project",
	Retries:  "Two at once, within fifteen seconds, after a 408, 429 or 5xx or without an answer.",
	Notes: []string{
		"The body is base64url-encoded twice in what is signed.",
		"Do not subscribe user.before_create here: it needs an answer that allows or refuses the user.",
		"Once send.otp or send.magic_link is subscribed, Neon sends no e-mails itself.",
	},
	Sources: []string{
		"https://neon.com/docs/auth/guides/webhooks",
	},
	Confidence: verifiers.High,
})

const neonURL = "auth_url"

var (
	neonSignature = verifiers.Header("X-Neon-Signature")
	neonTimestamp = verifiers.Header("X-Neon-Timestamp")
	neonKid       = verifiers.Header("X-Neon-Signature-Kid")
)

// neonHeader is the protected header as signed, in the request that the engine
// verifies.
const neonHeader = "Jws-Protected-Header"

// neonScheme is a detached JWS with a fetched key.
type neonScheme struct{}

func (neonScheme) signature() verifiers.Ed25519 {
	return verifiers.Ed25519{Signed: verifiers.Signed{
		Signature:    neonSignature,
		Encoding:     verifiers.Base64URL,
		Timestamp:    neonTimestamp,
		Unit:         verifiers.Milliseconds,
		Content:      "{header:" + neonHeader + "}.{custom}",
		Custom:       appendNeonPayload,
		CustomCovers: verifiers.Coverage{Body: true, Headers: []string{neonTimestamp.Header}},
		Tolerance:    5 * time.Minute,
	}}
}

// appendNeonPayload appends base64url of the time, a dot and base64url of the
// body.
func appendNeonPayload(dst []byte, r *verifiers.Request) ([]byte, error) {
	timestamp, err := neonTimestamp.Lookup(r)
	if err != nil {
		return dst, err
	}
	inner := base64.RawURLEncoding.AppendEncode([]byte(timestamp+"."), r.Body)
	return base64.RawURLEncoding.AppendEncode(dst, inner), nil
}

// Build returns a verifier that fetches keys from below the option's URL, and
// from no other host.
func (s neonScheme) Build(provider string, cfg verifiers.Config) (verifiers.Verifier, error) {
	base, err := url.Parse(strings.TrimSuffix(cfg.Options[neonURL], "/"))
	if err != nil || base.Hostname() == "" || base.RawQuery != "" || base.Fragment != "" {
		return nil, fmt.Errorf("%s: %w %s: it must be an HTTPS URL", provider, verifiers.ErrOption, neonURL)
	}
	pin := verifiers.Pin{Hosts: []string{base.Hostname()}, PathSuffix: "/.well-known/jwks.json"}
	address := base.String() + pin.PathSuffix
	if pin.Check(address) != nil {
		return nil, fmt.Errorf("%s: %w %s: it must be an HTTPS URL", provider, verifiers.ErrOption, neonURL)
	}
	keys, err := newOKPKeys(provider, cfg, pin, address)
	if err != nil {
		return nil, err
	}
	cfg.Keys = keys
	v, err := s.signature().Build(provider, cfg)
	if err != nil {
		return nil, err
	}
	return &neonVerifier{provider: provider, keys: keys, inner: v}, nil
}

type neonVerifier struct {
	provider string
	keys     *jwksKeys
	inner    verifiers.Verifier
}

// neonCovers is what a signature protects.
var neonCovers = verifiers.Coverage{Body: true, Headers: []string{neonTimestamp.Header}}

func (v *neonVerifier) Verify(ctx context.Context, req *verifiers.Request) (verifiers.Result, error) {
	text, err := neonSignature.Lookup(req)
	if err != nil {
		return v.fail(neonSignature, err)
	}
	kid, err := neonKid.Lookup(req)
	if err != nil {
		return v.fail(neonKid, err)
	}
	timestamp, err := neonTimestamp.Lookup(req)
	if err != nil {
		return v.fail(neonTimestamp, err)
	}
	h, header, payload, signature, err := splitJWS(text)
	switch {
	case err == nil && payload != "":
		err = verifiers.ErrMalformed
	case err == nil && (h.Alg != "EdDSA" || h.Kid != "" && h.Kid != kid):
		err = verifiers.ErrUntrusted
	}
	if err != nil {
		return v.fail(neonSignature, err)
	}
	if ctx, err = v.keys.withKid(ctx, kid); err != nil {
		return v.fail(neonKid, err)
	}
	res, err := v.inner.Verify(ctx, withHeaders(req, map[string]string{
		neonSignature.Header: signature, neonTimestamp.Header: timestamp, neonHeader: header,
	}))
	if err != nil {
		return verifiers.Result{}, err
	}
	res.Covers = &neonCovers
	return res, nil
}

func (v *neonVerifier) fail(field verifiers.Source, err error) (verifiers.Result, error) {
	return verifiers.Result{}, &verifiers.Error{Provider: v.provider, Field: field.String(), Err: err}
}

// Places says where signature and time are.
func (neonScheme) Places() verifiers.Places {
	return verifiers.Places{
		Scheme: "ed25519", Covers: neonCovers,
		Signature: neonSignature, Timestamp: neonTimestamp, Unit: verifiers.Milliseconds, Tolerance: 5 * time.Minute,
		Headers: []string{neonKid.Header},
	}
}

// Interface guards.
var _ verifiers.Placer = neonScheme{}
