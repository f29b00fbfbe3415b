package providers

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"strings"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/internal/canon"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/internal/secp256k1"
)

const (
	rampEnvironment = "environment"
	rampKey         = "public_key"
	rampWord        = "ecdsa-secp256k1-sha256"
)

// rampKeys are the public keys that Ramp Network publishes, by environment.
var rampKeys = map[string]string{
	"production": `-----BEGIN PUBLIC KEY-----
MFYwEAYHKoZIzj0CAQYFK4EEAAoDQgAElvxpYOhgdAmI+7oL4mABRAfM5CwLkCbZ
m64ERVKAisSulWFC3oRZom/PeyE2iXPX1ekp9UD1r+51c9TiuIHU4w==
-----END PUBLIC KEY-----`,
	"demo": `-----BEGIN PUBLIC KEY-----
MFYwEAYHKoZIzj0CAQYFK4EEAAoDQgAEevN2PMEeIaaMkS4VIfXOqsLebj19kVeu
wWl0AnkIA6DJU0r3ixkXVhJTltycJtkDoEAYtPHfARyTofB5ZNw9xA==
-----END PUBLIC KEY-----`,
}

var (
	rampSignature = verifiers.Header("X-Body-Signature")
	// rampCovers lists the members that matter; all are signed, but not the
	// white space between them.
	rampCovers = verifiers.Coverage{Pointers: []string{
		"/type", "/id", "/purchase/id", "/purchase/status", "/purchase/endTime", "/purchase/createdAt",
		"/purchase/updatedAt", "/purchase/asset/symbol", "/purchase/receiverAddress", "/purchase/cryptoAmount",
		"/purchase/fiatCurrency", "/purchase/fiatValue", "/purchase/assetExchangeRate", "/purchase/appliedFee",
		"/purchase/finalTxHash", "/payload/id", "/payload/status",
	}}
)

// rampScheme verifies on a curve that package verifiers does not have.
// Config.Keys is not used.
type rampScheme struct{}

func (rampScheme) Build(provider string, cfg verifiers.Config) (verifiers.Verifier, error) {
	text := cfg.Options[rampKey]
	option := rampKey
	if text == "" {
		option = rampEnvironment
		environment := cfg.Options[rampEnvironment]
		if environment == "" {
			environment = "production"
		}
		text = rampKeys[environment]
	}
	block, rest := pem.Decode([]byte(text))
	if block == nil || block.Type != "PUBLIC KEY" || strings.TrimSpace(string(rest)) != "" {
		return nil, fmt.Errorf("%s: %w %s is malformed", provider, verifiers.ErrOption, option)
	}
	key, err := secp256k1.ParsePKIX(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w %s: %w", provider, verifiers.ErrOption, option, err)
	}
	return &rampVerifier{provider: provider, key: key}, nil
}

// Places says where the signature is.
func (rampScheme) Places() verifiers.Places {
	return verifiers.Places{Scheme: rampWord, Covers: rampCovers, Signature: rampSignature}
}

type rampVerifier struct {
	provider string
	key      *secp256k1.PublicKey
}

func (v *rampVerifier) Verify(_ context.Context, req *verifiers.Request) (verifiers.Result, error) {
	text, err := rampSignature.Lookup(req)
	if err != nil {
		return verifiers.Result{}, v.fail(rampSignature.String(), err)
	}
	der, err := base64.StdEncoding.Strict().DecodeString(text)
	r, s, ok := secp256k1.Signature(der)
	if err != nil || !ok || strings.ContainsAny(text, "\r\n") {
		return verifiers.Result{}, v.fail(rampSignature.String(), verifiers.ErrMalformed)
	}
	sorted, err := canon.Stable{}.Append(nil, req.Body)
	if err != nil {
		return verifiers.Result{}, v.fail("body", verifiers.ErrMalformed)
	}
	if !v.key.Verify(sha256.Sum256(sorted), r, s) {
		return verifiers.Result{}, v.fail(rampSignature.String(), verifiers.ErrMismatch)
	}
	return verifiers.Result{Scheme: rampWord, Covers: &rampCovers}, nil
}

func (v *rampVerifier) fail(field string, err error) error {
	return &verifiers.Error{Provider: v.provider, Field: field, Err: err}
}

// Interface guards.
var _ verifiers.Placer = rampScheme{}
