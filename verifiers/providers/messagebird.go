package providers

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// MessageBird's token has the hash of the URL and, if there is a body, that of
// the body. A body without its hash is refused, and so is a hash without a body.
// A token is valid for a minute and for one request; jti is not the id of an
// event.
var MessageBird = add(verifiers.Provider{
	Name:       "messagebird",
	Title:      "MessageBird (signed with a JWT)",
	Docs:       "https://developers.messagebird.com/api/#verifying-http-requests",
	Scheme:     birdScheme{},
	SecretHint: "the signing key",
	ID:         verifiers.Join(".", verifiers.First(verifiers.JSON("/message/id"), verifiers.JSON("/id"), verifiers.Form("id"), verifiers.Query("id")), verifiers.First(verifiers.JSON("/message/status"), verifiers.JSON("/status"), verifiers.Form("status"), verifiers.Query("status")), verifiers.JSON("/type")),
	Type:       verifiers.First(verifiers.JSON("/type"), verifiers.JSON("/status"), verifiers.Form("status"), verifiers.Query("status")),
	TypePrefix: "com.messagebird",
	Methods:    []string{"POST", "GET"},

	Category: "comms",
	Setup:    "Create a signing key in the dashboard under Developers.",
	Signs:    "A JSON Web Token with the hashes of URL and body",
	Retries:  "Not documented.",
	Notes: []string{
		"The URL is signed exactly as it was called, with port and query: behind a proxy the public one must be known.",
		"Tokens are valid for a minute: clocks must be right.",
	},
	Sources: []string{
		"https://developers.messagebird.com/api/#verifying-http-requests",
		"npm messagebird@4.0.1 webhook-signature-jwt",
	},
	Confidence: verifiers.High,
})

var (
	birdToken = verifiers.Header("MessageBird-Signature-JWT")
	birdJWT   = verifiers.JWT{
		Token:         birdToken,
		Algorithms:    []string{"HS256", "HS384", "HS512"},
		Issuers:       []string{"MessageBird"},
		RequireExpiry: true,
		Tolerance:     5 * time.Second, // as MessageBird's library has it
	}
	birdCovers = verifiers.Coverage{Body: true, URL: true}
)

// birdScheme is a JSON Web Token with two hashes.
type birdScheme struct{}

func (birdScheme) Build(provider string, cfg verifiers.Config) (verifiers.Verifier, error) {
	token, err := birdJWT.Build(provider, cfg)
	if err != nil {
		return nil, err
	}
	return verifiers.VerifierFunc(func(ctx context.Context, req *verifiers.Request) (verifiers.Result, error) {
		res, err := token.Verify(ctx, req)
		if err != nil {
			return res, err
		}
		if claim, err := birdClaims(req); err != nil {
			return verifiers.Result{}, &verifiers.Error{Provider: provider, Field: "claim " + claim, Err: err}
		}
		res.Covers = &birdCovers
		return res, nil
	}), nil
}

// birdClaims returns the claim at fault.
func birdClaims(req *verifiers.Request) (string, error) {
	if _, err := birdToken.Claim("/jti").Lookup(req); err != nil {
		return "jti", cause(err)
	}
	if req.URL == nil {
		return "url_hash", verifiers.ErrMismatch
	}
	if err := birdHash("/url_hash", req, []byte(req.URL.String())); err != nil {
		return "url_hash", err
	}
	err := birdHash("/payload_hash", req, req.Body)
	if len(req.Body) == 0 {
		// The hash of nothing is as wrong as that of another body.
		if errors.Is(err, verifiers.ErrMissing) {
			return "", nil
		}
		return "payload_hash", verifiers.ErrMismatch
	}
	return "payload_hash", err
}

func birdHash(claim string, req *verifiers.Request, text []byte) error {
	value, err := birdToken.Claim(claim).Lookup(req)
	if err != nil {
		return cause(err)
	}
	got, err := hex.DecodeString(value)
	if err != nil || len(got) != sha256.Size {
		return verifiers.ErrMalformed
	}
	if want := sha256.Sum256(text); subtle.ConstantTimeCompare(got, want[:]) != 1 {
		return verifiers.ErrMismatch
	}
	return nil
}

// Sign adds a token with the hashes, which is valid for a minute.
func (birdScheme) Sign(req *verifiers.Request, cfg verifiers.Config) error {
	if req.URL == nil {
		return errors.New("the URL is missing, which is signed")
	}
	now := senderTime(cfg)
	url := sha256.Sum256([]byte(req.URL.String()))
	claims := map[string]any{
		"iss": birdJWT.Issuers[0], "nbf": now.Unix(), "exp": now.Add(time.Minute).Unix(),
		"jti": rand.Text(), "url_hash": hex.EncodeToString(url[:]),
	}
	if len(req.Body) > 0 {
		body := sha256.Sum256(req.Body)
		claims["payload_hash"] = hex.EncodeToString(body[:])
	}
	return signJWS(req, cfg, birdToken, "HS256", verifiers.HMAC{Hash: verifiers.SHA256, Signed: jwsSigned(birdToken)}, claims)
}

// Places says where the token is.
func (birdScheme) Places() verifiers.Places {
	p := birdJWT.Places()
	p.Covers = birdCovers
	return p
}

// Interface guards.
var (
	_ verifiers.Placer = birdScheme{}
	_ verifiers.Signer = birdScheme{}
)
