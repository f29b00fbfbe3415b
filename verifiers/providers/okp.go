package providers

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// okpKeys is a [verifiers.KeySource] that reads the Ed25519 keys of a JSON Web
// Key Set, RFC 8037, for senders that publish one and whose signatures are no
// JSON Web Tokens.
type okpKeys struct {
	fetcher verifiers.Fetcher
	pin     verifiers.Pin
	url     string
	cached  atomic.Pointer[okpSet]
}

type okpSet struct {
	document string
	keys     verifiers.Keys
}

// maxOKP is how many keys of a set are read.
const maxOKP = 64

// newOKPKeys is for a URL that pin permits. No fetcher is an error.
func newOKPKeys(provider string, cfg verifiers.Config, pin verifiers.Pin, url string) (*okpKeys, error) {
	if cfg.Fetcher == nil {
		return nil, fmt.Errorf("%s: keys are fetched: %w", provider, verifiers.ErrNoFetcher)
	}
	return &okpKeys{fetcher: cfg.Fetcher, pin: pin, url: url}, nil
}

// kidKey is the context's key for the key id that a request names.
type kidKey struct{}

// Keys returns the key with this id, which may also be in the context, or all
// keys if there is no id.
func (s *okpKeys) Keys(ctx context.Context, hint string) ([]*verifiers.Key, error) {
	if hint == "" {
		hint, _ = ctx.Value(kidKey{}).(string)
	}
	doc, err := s.fetcher.Fetch(ctx, s.pin, s.url)
	if err != nil {
		return nil, fmt.Errorf("fetching the key set: %w", err)
	}
	set := s.cached.Load()
	if set == nil || set.document != string(doc) {
		keys, err := parseOKP(doc)
		if err != nil {
			return nil, err
		}
		set = &okpSet{document: string(doc), keys: keys}
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
func (s *okpKeys) withKid(ctx context.Context, kid string) (context.Context, error) {
	keys, err := s.Keys(ctx, kid)
	switch {
	case err != nil:
		return nil, fmt.Errorf("getting keys: %w", verifiers.ErrUnavailable)
	case len(keys) == 0:
		return nil, verifiers.ErrUnknownKey
	}
	return context.WithValue(ctx, kidKey{}, kid), nil
}

// parseOKP skips keys of other kinds, as RFC 7517 section 5 asks for.
func parseOKP(doc []byte) (verifiers.Keys, error) {
	var set struct {
		Keys []struct {
			Kty string `json:"kty"`
			Crv string `json:"crv"`
			Use string `json:"use"`
			Kid string `json:"kid"`
			X   string `json:"x"`
		} `json:"keys"`
	}
	if err := json.Unmarshal(doc, &set); err != nil || set.Keys == nil || len(set.Keys) > maxOKP {
		return nil, errors.New("parsing the key set: it is none")
	}
	var keys verifiers.Keys
	for _, j := range set.Keys {
		x, err := base64.RawURLEncoding.Strict().DecodeString(j.X)
		if err != nil || j.Kty != "OKP" || j.Crv != "Ed25519" || j.Use != "" && j.Use != "sig" || len(x) != ed25519.PublicKeySize {
			continue
		}
		k, err := verifiers.NewPublicKey(j.Kid, ed25519.PublicKey(x))
		if err != nil {
			continue
		}
		keys = append(keys, k)
	}
	return keys, nil
}

// Interface guards.
var _ verifiers.KeySource = (*okpKeys)(nil)
