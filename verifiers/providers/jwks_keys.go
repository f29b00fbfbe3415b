package providers

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"sync/atomic"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// jwksKeys is a [verifiers.KeySource] that reads the keys of one kind in a JSON
// Web Key Set, for senders that publish one and whose signatures are no JSON Web
// Tokens.
type jwksKeys struct {
	fetcher verifiers.Fetcher
	pin     verifiers.Pin
	url     string
	parse   func(doc []byte) (verifiers.Keys, error)
	cached  atomic.Pointer[jwksSet]
}

type jwksSet struct {
	document string
	keys     verifiers.Keys
}

// maxJWKS is how many keys of a set are read.
const maxJWKS = 64

// newOKPKeys returns the Ed25519 keys, RFC 8037, at a URL that pin permits. No
// fetcher is an error.
func newOKPKeys(provider string, cfg verifiers.Config, pin verifiers.Pin, url string) (*jwksKeys, error) {
	return newJWKSKeys(provider, cfg, &jwksKeys{pin: pin, url: url, parse: parseOKP})
}

// newRSAKeys returns the RSA keys at a URL on its own host. No fetcher is an
// error.
func newRSAKeys(provider string, cfg verifiers.Config, rawURL string) (*jwksKeys, error) {
	host, _, _ := strings.Cut(strings.TrimPrefix(rawURL, "https://"), "/")
	pin := verifiers.Pin{Hosts: []string{host}}
	return newJWKSKeys(provider, cfg, &jwksKeys{pin: pin, url: rawURL, parse: parseRSA})
}

func newJWKSKeys(provider string, cfg verifiers.Config, keys *jwksKeys) (*jwksKeys, error) {
	if cfg.Fetcher == nil {
		return nil, fmt.Errorf("%s: keys are fetched: %w", provider, verifiers.ErrNoFetcher)
	}
	keys.fetcher = cfg.Fetcher
	return keys, nil
}

// kidKey is the context's key for the key id that a request names.
type kidKey struct{}

// Keys returns the key with this id, which may also be in the context, or all
// keys if there is no id.
func (s *jwksKeys) Keys(ctx context.Context, hint string) ([]*verifiers.Key, error) {
	if hint == "" {
		hint, _ = ctx.Value(kidKey{}).(string)
	}
	doc, err := s.fetcher.Fetch(ctx, s.pin, s.url)
	if err != nil {
		return nil, fmt.Errorf("fetching the key set: %w", err)
	}
	set := s.cached.Load()
	if set == nil || set.document != string(doc) {
		keys, err := s.parse(doc)
		if err != nil {
			return nil, err
		}
		set = &jwksSet{document: string(doc), keys: keys}
		s.cached.Store(set)
	}
	if hint == "" {
		return set.keys, nil
	}
	for i, k := range set.keys {
		if k.ID() == hint {
			return set.keys[i : i+1 : i+1], nil
		}
	}
	return nil, nil
}

// withKid returns a context in which Keys returns only the key with this id.
// There being none is [verifiers.ErrUnknownKey].
func (s *jwksKeys) withKid(ctx context.Context, kid string) (context.Context, error) {
	keys, err := s.Keys(ctx, kid)
	switch {
	case err != nil:
		return nil, fmt.Errorf("getting keys: %w", verifiers.ErrUnavailable)
	case len(keys) == 0:
		return nil, verifiers.ErrUnknownKey
	}
	return context.WithValue(ctx, kidKey{}, kid), nil
}

// A publicJWK is a key of a set.
type publicJWK struct {
	Kty string `json:"kty"`
	Crv string `json:"crv"`
	Use string `json:"use"`
	Kid string `json:"kid"`
	X   string `json:"x"`
	N   string `json:"n"`
	E   string `json:"e"`
}

// parseJWKS skips keys that read does not know, as RFC 7517 section 5 asks for.
func parseJWKS(doc []byte, read func(j *publicJWK) (crypto.PublicKey, bool)) (verifiers.Keys, error) {
	var set struct {
		Keys []publicJWK `json:"keys"`
	}
	if err := json.Unmarshal(doc, &set); err != nil || set.Keys == nil || len(set.Keys) > maxJWKS {
		return nil, errors.New("parsing the key set: it is none")
	}
	var keys verifiers.Keys
	for i := range set.Keys {
		j := &set.Keys[i]
		if j.Use != "" && j.Use != "sig" {
			continue
		}
		public, ok := read(j)
		if !ok {
			continue
		}
		k, err := verifiers.NewPublicKey(j.Kid, public)
		if err != nil {
			continue
		}
		keys = append(keys, k)
	}
	return keys, nil
}

func parseOKP(doc []byte) (verifiers.Keys, error) {
	return parseJWKS(doc, func(j *publicJWK) (crypto.PublicKey, bool) {
		x, err := base64.RawURLEncoding.Strict().DecodeString(j.X)
		ok := err == nil && j.Kty == "OKP" && j.Crv == "Ed25519" && len(x) == ed25519.PublicKeySize
		return ed25519.PublicKey(x), ok
	})
}

func parseRSA(doc []byte) (verifiers.Keys, error) {
	return parseJWKS(doc, func(j *publicJWK) (crypto.PublicKey, bool) {
		n, errN := base64.RawURLEncoding.Strict().DecodeString(j.N)
		e, errE := base64.RawURLEncoding.Strict().DecodeString(j.E)
		if j.Kty != "RSA" || errN != nil || errE != nil || len(e) == 0 || len(e) > 4 {
			return nil, false
		}
		exponent := new(big.Int).SetBytes(e).Int64()
		if exponent < 3 || exponent > 1<<31-1 {
			return nil, false
		}
		return &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(exponent)}, true
	})
}

// Interface guards.
var _ verifiers.KeySource = (*jwksKeys)(nil)
