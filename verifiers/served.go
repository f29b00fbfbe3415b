package verifiers

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
)

// JWKSOf returns a JSON Web Key Set, RFC 7517, of the public half of a key under the
// key's id. The error is [ErrKeyFormat] if it has none.
func JWKSOf(key *Key) (string, error) {
	b64 := base64.RawURLEncoding.EncodeToString
	j := jwk{Kid: key.id, Use: "sig"}
	switch public := key.public.(type) {
	case ed25519.PublicKey:
		j.Kty, j.Crv, j.X = "OKP", "Ed25519", b64(public)
	case *rsa.PublicKey:
		j.Kty, j.N, j.E = "RSA", b64(public.N.Bytes()), b64(big.NewInt(int64(public.E)).Bytes())
	case *ecdsa.PublicKey:
		point, err := public.Bytes()
		if err != nil {
			return "", fmt.Errorf("%w: %w", ErrKeyFormat, err)
		}
		half := (len(point) - 1) / 2
		j.Kty, j.Crv, j.X, j.Y = "EC", public.Params().Name, b64(point[1:1+half]), b64(point[1+half:])
	default:
		return "", fmt.Errorf("%w: a public key is needed", ErrKeyFormat)
	}
	text, err := json.Marshal(struct {
		Keys []jwk `json:"keys"`
	}{[]jwk{j}})
	return string(text), err
}

// Serve returns the JSON Web Key Set of the scheme, if it has one.
func (j JWT) Serve(key *Key, options map[string]string) (Served, error) {
	if j.JWKS == "" {
		return Served{}, nil
	}
	j, err := j.bind(options)
	if err != nil {
		return Served{}, err
	}
	set, err := JWKSOf(key)
	if err != nil {
		return Served{}, err
	}
	return Served{Documents: map[string]string{j.JWKS: set}}, nil
}

// Interface guards.
var _ KeyServer = JWT{}
