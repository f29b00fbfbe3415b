package providers

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Gong sends a token that binds both body and URL. Authorization holds it with
// or without Bearer before it. The URL in the token counts without query and
// final slash. A rule may have a secret in its URL in place of the token; that
// is not this entry.
var Gong = add(verifiers.Provider{
	Name:       "gong",
	Title:      "Gong",
	Docs:       "https://help.gong.io/docs/create-a-webhook-rule",
	Scheme:     gongScheme{},
	SecretHint: "the rule's RSA public key, which Gong shows when signed JWT headers are chosen",
	ID:         verifiers.JSON("/callData/metaData/id"),
	Type:       verifiers.Const("call"),
	Time:       verifiers.JSON("/callData/metaData/started"),
	TypePrefix: "io.gong",
	NeedsJSON:  true,
	MaxBody:    8 << 20,

	Category: "crm",
	Setup:    "Create a webhook rule under Settings > Ecosystem > Automation rules, choose the signed JWT header and copy the public key.",
	Signs:    "A JWT (RS256) whose claims hold the SHA-256 of the body and the URL",
	Retries:  "Not documented.",
	Notes: []string{
		"The token names the URL: behind a proxy the public scheme, host and path must be known.",
		"Each rule sends one kind of event: give each a URL of its own.",
	},
	Sources: []string{
		"https://help.gong.io/docs/create-a-webhook-rule",
	},
	Confidence: verifiers.Medium,
})

var (
	gongToken = verifiers.Header("Authorization")
	gongURL   = gongToken.Claim("/webhook_url")
	gongJWT   = verifiers.JWT{Token: gongToken, Algorithms: []string{"RS256"}, BodyHash: "body_sha256"}
)

// gongScheme is a JWT that names the URL in a claim of its own.
type gongScheme struct{}

// Build returns a verifier of token and URL.
func (gongScheme) Build(provider string, cfg verifiers.Config) (verifiers.Verifier, error) {
	inner, err := gongJWT.Build(provider, cfg)
	if err != nil {
		return nil, err
	}
	covers := gongScheme{}.Places().Covers
	return verifiers.VerifierFunc(func(ctx context.Context, req *verifiers.Request) (verifiers.Result, error) {
		bare := withoutBearer(req)
		res, err := inner.Verify(ctx, bare)
		if err != nil {
			return res, err
		}
		named, err := gongURL.Lookup(bare)
		if err == nil && (req.URL == nil || gongPlain(named) != gongPlain(req.URL.String())) {
			err = verifiers.ErrMismatch
		}
		if err != nil {
			return verifiers.Result{}, &verifiers.Error{Provider: provider, Field: "claim webhook_url", Err: err}
		}
		res.Covers = &covers
		return res, nil
	}), nil
}

// Sign adds a token that names the URL and the hash of the body.
func (gongScheme) Sign(req *verifiers.Request, cfg verifiers.Config) error {
	if req.URL == nil {
		return errors.New("the URL is missing, which is signed")
	}
	now, sum := senderTime(cfg), sha256.Sum256(req.Body)
	return signJWS(req, cfg, gongToken, "RS256", verifiers.RSA{Hash: verifiers.SHA256, Signed: jwsSigned(gongToken)}, map[string]any{
		"iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(),
		"webhook_url": gongPlain(req.URL.String()), "body_sha256": hex.EncodeToString(sum[:]),
	})
}

// Places says where the token is.
func (gongScheme) Places() verifiers.Places { return gongJWT.Places() }

// withoutBearer returns a request whose Authorization has no scheme before the
// token.
func withoutBearer(req *verifiers.Request) *verifiers.Request {
	values := req.Header[gongToken.Header]
	if len(values) != 1 || len(values[0]) < 7 || !strings.EqualFold(values[0][:7], "Bearer ") {
		return req
	}
	header := req.Header.Clone()
	header.Set(gongToken.Header, values[0][7:])
	return &verifiers.Request{Method: req.Method, URL: req.URL, Header: header, Body: req.Body, Remote: req.Remote, Peer: req.Peer}
}

// gongPlain returns the URL as Gong compares it; "" is equal to nothing, since
// it stands for one that cannot be parsed.
func gongPlain(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" {
		return ""
	}
	return strings.ToLower(u.Scheme+"://"+u.Host) + strings.TrimRight(u.EscapedPath(), "/")
}

// Interface guards.
var (
	_ verifiers.Placer = gongScheme{}
	_ verifiers.Signer = gongScheme{}
)
