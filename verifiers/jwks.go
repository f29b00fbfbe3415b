package verifiers

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
	"sync/atomic"
)

// maxJWKS is how many keys of a set are used.
const maxJWKS = 64

// keySet is a [KeySource] that reads a JSON Web Key Set, RFC 7517.
type keySet struct {
	fetcher Fetcher
	pin     Pin
	url     string
	cached  atomic.Pointer[parsedSet]
}

// JWKS returns a [KeySource] of the keys in the JSON Web Key Set at a URL that pin
// must permit. The hint of Keys is a kid; without one all keys are returned.
func JWKS(fetcher Fetcher, pin Pin, url string) KeySource {
	return &keySet{fetcher: fetcher, pin: pin, url: url}
}

type parsedSet struct {
	document string
	keys     []*Key
}

// Keys returns the keys with this id, or all if the token names none.
func (s *keySet) Keys(ctx context.Context, hint string) ([]*Key, error) {
	doc, err := s.fetcher.Fetch(ctx, s.pin, s.url)
	if err != nil {
		return nil, fmt.Errorf("fetching the key set: %w", err)
	}
	set := s.cached.Load()
	if set == nil || set.document != string(doc) {
		if set, err = parseSet(doc); err != nil {
			return nil, err
		}
		s.cached.Store(set)
	}
	if hint == "" {
		return set.keys, nil
	}
	for i, k := range set.keys {
		if k.id == hint {
			return set.keys[i : i+1 : i+1], nil
		}
	}
	return nil, nil
}

type jwk struct {
	Kty string `json:"kty,omitempty"`
	Use string `json:"use,omitempty"`
	Kid string `json:"kid,omitempty"`
	Alg string `json:"alg,omitempty"`
	Crv string `json:"crv,omitempty"`
	N   string `json:"n,omitempty"`
	E   string `json:"e,omitempty"`
	X   string `json:"x,omitempty"`
	Y   string `json:"y,omitempty"`
}

// parseSet skips keys of kinds that it does not know, as RFC 7517 section 5
// asks for.
func parseSet(doc []byte) (*parsedSet, error) {
	var body struct {
		Keys []jwk `json:"keys"`
	}
	if err := json.Unmarshal(doc, &body); err != nil || body.Keys == nil || len(body.Keys) > maxJWKS {
		return nil, fmt.Errorf("parsing the key set: %w", ErrMalformed)
	}
	set := &parsedSet{document: string(doc)}
	for i := range body.Keys {
		j := &body.Keys[i]
		if j.Use != "" && j.Use != "sig" {
			continue
		}
		pub, err := j.publicKey()
		if err != nil {
			continue
		}
		k, err := NewPublicKey(j.Kid, pub)
		if err != nil {
			continue
		}
		k.alg = j.Alg
		set.keys = append(set.keys, k)
	}
	return set, nil
}

func (j *jwk) publicKey() (crypto.PublicKey, error) {
	switch j.Kty {
	case "RSA":
		n, err := decodeBase64URL(j.N)
		if err != nil {
			return nil, ErrKeyFormat
		}
		e, err := decodeBase64URL(j.E)
		if err != nil || len(e) == 0 || len(e) > 4 {
			return nil, ErrKeyFormat
		}
		exponent := new(big.Int).SetBytes(e).Int64()
		if exponent < 3 || exponent > 1<<31-1 {
			return nil, ErrKeyFormat
		}
		return &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(exponent)}, nil
	case "EC":
		curve := map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521()}[j.Crv]
		x, errX := decodeBase64URL(j.X)
		y, errY := decodeBase64URL(j.Y)
		if curve == nil || errX != nil || errY != nil {
			return nil, ErrKeyFormat
		}
		if size := (curve.Params().BitSize + 7) / 8; len(x) != size || len(y) != size {
			return nil, ErrKeyFormat
		}
		return ecdsa.ParseUncompressedPublicKey(curve, append(append([]byte{4}, x...), y...))
	case "OKP":
		x, err := decodeBase64URL(j.X)
		if err != nil || j.Crv != "Ed25519" || len(x) != ed25519.PublicKeySize {
			return nil, ErrKeyFormat
		}
		return ed25519.PublicKey(x), nil
	}
	return nil, ErrKeyFormat
}

// isJWK reports whether the text of a key is a JSON object.
func isJWK(text string) bool { return strings.HasPrefix(text, "{") }

// parseJWK reads one JSON Web Key, RFC 7517.
func parseJWK(text []byte) (crypto.PublicKey, error) {
	var j jwk
	if err := json.Unmarshal(text, &j); err != nil {
		return nil, fmt.Errorf("%w: the JSON of the key cannot be parsed", ErrKeyFormat)
	}
	pub, err := j.publicKey()
	if err != nil {
		return nil, fmt.Errorf("%w: not a JWK of a public key", err)
	}
	return pub, checkPublic(pub)
}

// jwkID returns the id inside a key written as JWK, "" if there is none.
func jwkID(text []byte) string {
	var j struct {
		Kid string `json:"kid,omitempty"`
	}
	if !isJWK(string(text)) || json.Unmarshal(text, &j) != nil {
		return ""
	}
	return j.Kid
}
