package verifiers

import (
	"context"
	"crypto/hmac"
	"fmt"
	"hash"
)

type hmacVerifier struct {
	signedVerifier
	hash    Hash
	keyHash Hash
	scheme  string
	match   matcher
}

func (h HMAC) compile() (*compiled, error) {
	if newDigest(h.Hash) == nil {
		return nil, fmt.Errorf("unknown hash %q", h.Hash)
	}
	if h.KeyHash != "" && newHash(h.KeyHash) == nil {
		return nil, fmt.Errorf("unknown hash of the key %q", h.KeyHash)
	}
	c, err := h.Signed.compile(KeyText)
	if err == nil && isPublic(c.Key) {
		err = fmt.Errorf("%w: %q is a format of public keys", ErrKeyFormat, c.Key)
	}
	return c, err
}

// Build returns a verifier of HMAC signatures.
func (h HMAC) Build(provider string, cfg Config) (Verifier, error) {
	c, err := h.compile()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", provider, err)
	}
	if err := c.bind(cfg); err != nil {
		return nil, fmt.Errorf("%s: %w", provider, err)
	}
	d, err := deploy(provider, cfg, c.Tolerance, func(k *Key) error { return k.hashed(h.Hash, h.KeyHash, c.Key).err })
	if err != nil {
		return nil, fmt.Errorf("%s: %w", provider, err)
	}
	v := &hmacVerifier{
		signedVerifier: signedVerifier{compiled: c, deployment: d, size: cryptoHash(h.Hash).Size()},
		hash:           h.Hash,
		keyHash:        h.KeyHash,
		scheme:         "hmac-" + string(h.Hash),
	}
	v.match = v.matches
	return v, nil
}

func (v *hmacVerifier) Verify(ctx context.Context, req *Request) (Result, error) {
	return v.verify(ctx, req, v.scheme, v.match)
}

func (v *hmacVerifier) matches(sc *scratch, req *Request, k *Key) (bool, error) {
	m := k.hashed(v.hash, v.keyHash, v.Key)
	if m.err != nil {
		return false, m.err
	}
	sum := m.sum(v.template, sc, req)
	ok := false
	for _, sig := range sc.signatures[:sc.n] {
		equal := hmac.Equal(sig, sum)
		ok = ok || equal
	}
	return ok, nil
}

// sum returns the MAC of the text in sc.sum.
func (m *material) sum(t template, sc *scratch, req *Request) []byte {
	mac := m.macs.Get().(hash.Hash) //nolint:forcetypeassert // the pool holds nothing else
	defer m.macs.Put(mac)
	mac.Reset()
	t.write(mac, sc, req, m.secret)
	return mac.Sum(sc.sum[:0])
}
