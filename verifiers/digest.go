package verifiers

import (
	"context"
	"crypto/hmac"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

type digestVerifier struct {
	signedVerifier
	digest Digest
	scheme string
	match  matcher
}

func (d Digest) compile() (*compiled, error) {
	if newDigest(d.Hash) == nil {
		return nil, fmt.Errorf("unknown hash %q", d.Hash)
	}
	c, err := d.Signed.compile(KeyText)
	switch {
	case err != nil:
		return nil, err
	case isPublic(c.Key):
		return nil, fmt.Errorf("%w: %q is a format of public keys", ErrKeyFormat, c.Key)
	case !c.template.has(segSecret):
		return nil, errors.New("the content of a digest must have the token {secret}: anybody can compute it otherwise")
	}
	if d.Sorted && c.template.has(segLiteral) {
		return nil, errors.New("of a content that is sorted each part must be a token")
	}
	return c, nil
}

// Build returns a verifier of digests.
func (d Digest) Build(provider string, cfg Config) (Verifier, error) {
	c, err := d.compile()
	if err == nil {
		err = c.bind(cfg)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", provider, err)
	}
	dep, err := deploy(provider, cfg, c.Tolerance, func(k *Key) error { return k.material("", c.Key).err })
	if err != nil {
		return nil, fmt.Errorf("%s: %w", provider, err)
	}
	v := &digestVerifier{
		signedVerifier: signedVerifier{compiled: c, deployment: dep, size: newDigest(d.Hash)().Size(), sorted: d.Sorted},
		digest:         d,
		scheme:         "digest-" + string(d.Hash),
	}
	v.match = v.matches
	return v, nil
}

func (v *digestVerifier) Verify(ctx context.Context, req *Request) (Result, error) {
	return v.verify(ctx, req, v.scheme, v.match)
}

func (v *digestVerifier) matches(sc *scratch, req *Request, k *Key) (bool, error) {
	m := k.material("", v.Key)
	if m.err != nil {
		return false, m.err
	}
	sum := v.digest.sum(v.template, sc, req, m.secret)
	ok := false
	for _, sig := range sc.signatures[:sc.n] {
		equal := hmac.Equal(sig, sum)
		ok = ok || equal
	}
	return ok, nil
}

// sum returns the digest of the text in sc.sum.
func (d Digest) sum(t template, sc *scratch, req *Request, secret []byte) []byte {
	h := newDigest(d.Hash)()
	if !d.Sorted {
		t.write(h, sc, req, secret)
		return h.Sum(sc.sum[:0])
	}
	parts := make([]string, len(t))
	for i := range t {
		var b strings.Builder
		t.writeSegment(i, &b, sc, req, secret)
		parts[i] = b.String()
	}
	slices.Sort(parts)
	for _, part := range parts {
		_, _ = io.WriteString(h, part)
	}
	return h.Sum(sc.sum[:0])
}
