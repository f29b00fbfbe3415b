package providers

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

const fusionAuthAlgorithm = "algorithm"

var fusionAuthToken = verifiers.Header("X-Fusionauth-Signature-Jwt")

// fusionAuthScheme is a JSON Web Token without times that holds the body's hash.
// The engine's own JWT refuses tokens that never end.
type fusionAuthScheme struct{}

var fusionAuthHashes = map[string]verifiers.Hash{
	"256": verifiers.SHA256, "384": verifiers.SHA384, "512": verifiers.SHA512,
}

// fusionAuthSigner returns the scheme for an algorithm, nil if there is none.
func fusionAuthSigner(alg string) verifiers.Signer {
	s := jwsSigned(fusionAuthToken)
	if alg == "EdDSA" {
		s.Key = verifiers.KeyPEM
		return verifiers.Ed25519{Signed: s}
	}
	if len(alg) != len("HS256") {
		return nil
	}
	hash, ok := fusionAuthHashes[alg[2:]]
	if !ok {
		return nil
	}
	if alg[:2] == "HS" {
		return verifiers.HMAC{Hash: hash, Signed: s}
	}
	s.Key = verifiers.KeyPEM
	switch alg[:2] {
	case "RS":
		return verifiers.RSA{Hash: hash, Signed: s}
	case "ES":
		return verifiers.ECDSA{Hash: hash, Raw: true, Signed: s}
	}
	return nil
}

// Build returns a verifier for the algorithm of the option, or for secrets.
func (fusionAuthScheme) Build(provider string, cfg verifiers.Config) (verifiers.Verifier, error) {
	algorithms := []string{"HS256", "HS384", "HS512"}
	if alg := cfg.Options[fusionAuthAlgorithm]; alg != "" {
		algorithms = []string{alg}
	}
	if err := refusePublic(provider, cfg, algorithms[0]); err != nil {
		return nil, err
	}
	f := &fusionAuthVerifier{provider: provider, now: cfg.Time, inner: map[string]verifiers.Verifier{}}
	if f.now == nil {
		f.now = time.Now
	}
	for _, alg := range algorithms {
		scheme := fusionAuthSigner(alg)
		if scheme == nil {
			return nil, fmt.Errorf("%s: %w %s: there is no such algorithm", provider, verifiers.ErrOption, fusionAuthAlgorithm)
		}
		v, err := scheme.Build(provider, cfg)
		if err != nil {
			return nil, err
		}
		f.inner[alg] = v
	}
	return f, nil
}

// refusePublic refuses a public key where a secret is meant: everybody knows it,
// and could sign with it.
func refusePublic(provider string, cfg verifiers.Config, alg string) error {
	keys, ok := cfg.Keys.(verifiers.Keys)
	if !ok || alg[:min(2, len(alg))] != "HS" {
		return nil
	}
	for _, k := range keys {
		for _, alg := range []string{"RS256", "ES256", "EdDSA"} {
			c := cfg
			c.Keys = verifiers.Keys{k}
			if _, err := fusionAuthSigner(alg).Build(provider, c); err == nil {
				return fmt.Errorf("%s: %s: %w: it is a public key, for which %s must be set",
					provider, k, verifiers.ErrKeyFormat, fusionAuthAlgorithm)
			}
		}
	}
	return nil
}

type fusionAuthVerifier struct {
	provider string
	now      func() time.Time
	inner    map[string]verifiers.Verifier // by algorithm
}

// fusionAuthCovers is what a token protects.
var fusionAuthCovers = verifiers.Coverage{Body: true}

func (f *fusionAuthVerifier) Verify(ctx context.Context, req *verifiers.Request) (verifiers.Result, error) {
	text, err := fusionAuthToken.Lookup(req)
	if err != nil {
		return f.fail(fusionAuthToken.String(), err)
	}
	h, header, payload, signature, err := splitJWS(text)
	if err != nil {
		return f.fail(fusionAuthToken.String(), err)
	}
	v := f.inner[h.Alg]
	if v == nil {
		return f.fail(fusionAuthToken.String(), verifiers.ErrUntrusted)
	}
	res, err := v.Verify(ctx, withHeaders(req, map[string]string{
		fusionAuthToken.Header: signature, jwsInput: header + "." + payload,
	}))
	if err != nil {
		return verifiers.Result{}, err
	}
	if field, err := f.checkClaims(payload, req.Body); err != nil {
		return f.fail(field, err)
	}
	res.Covers = &fusionAuthCovers
	return res, nil
}

// checkClaims returns the claim at fault.
func (f *fusionAuthVerifier) checkClaims(payload string, body []byte) (field string, err error) {
	var claims struct {
		Hash *string  `json:"request_body_sha256"`
		Exp  *float64 `json:"exp"`
		Nbf  *float64 `json:"nbf"`
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(payload)
	if err != nil || json.Unmarshal(raw, &claims) != nil {
		return fusionAuthToken.String(), verifiers.ErrMalformed
	}
	if claims.Hash == nil || *claims.Hash == "" {
		return "claim request_body_sha256", verifiers.ErrMissing
	}
	got, err := base64.StdEncoding.Strict().DecodeString(*claims.Hash)
	if err != nil || len(got) != sha256.Size {
		return "claim request_body_sha256", verifiers.ErrMalformed
	}
	if want := sha256.Sum256(body); subtle.ConstantTimeCompare(got, want[:]) != 1 {
		return "claim request_body_sha256", verifiers.ErrMismatch
	}
	now := float64(f.now().Unix())
	if claims.Exp != nil && now > *claims.Exp {
		return "claim exp", verifiers.ErrStale
	}
	if claims.Nbf != nil && now < *claims.Nbf {
		return "claim nbf", verifiers.ErrFuture
	}
	return "", nil
}

func (f *fusionAuthVerifier) fail(field string, err error) (verifiers.Result, error) {
	return verifiers.Result{}, &verifiers.Error{Provider: f.provider, Field: field, Err: err}
}

// Sign adds the token, for which a public algorithm needs a private key.
func (fusionAuthScheme) Sign(req *verifiers.Request, cfg verifiers.Config) error {
	alg := cfg.Options[fusionAuthAlgorithm]
	if alg == "" {
		alg = "HS256"
	}
	scheme := fusionAuthSigner(alg)
	if scheme == nil {
		return fmt.Errorf("%w %s: there is no such algorithm", verifiers.ErrOption, fusionAuthAlgorithm)
	}
	hash := sha256.Sum256(req.Body)
	return signJWS(req, cfg, fusionAuthToken, alg, scheme, map[string]any{
		"request_body_sha256": base64.StdEncoding.EncodeToString(hash[:]),
	})
}

// Places says where the token is. It is good for this body only.
func (fusionAuthScheme) Places() verifiers.Places {
	return verifiers.Places{Scheme: "hmac-sha256", Covers: fusionAuthCovers, Signature: fusionAuthToken}
}

// Interface guards.
var (
	_ verifiers.Placer = fusionAuthScheme{}
	_ verifiers.Signer = fusionAuthScheme{}
)
