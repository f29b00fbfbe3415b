package providers

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// errCertificate means that what a sender serves is not a certificate of its own
// that is valid now.
var errCertificate = errors.New("not a valid certificate of the sender")

// servedCertificates is a [verifiers.KeySource] of the keys in certificates that
// a sender serves. The hint of Keys is a URL that pin permits.
type servedCertificates struct {
	fetcher verifiers.Fetcher
	pin     verifiers.Pin
	now     func() time.Time
	// chain returns what vouches for the first of the certificates, that one
	// first, or nothing if it is not the sender's.
	chain  func(served []*x509.Certificate, now time.Time) []*x509.Certificate
	cached atomic.Pointer[servedCertificate]
}

// servedCertificate is what was made of a document, and when it may be used.
type servedCertificate struct {
	document    string
	from, until time.Time
	keys        []*verifiers.Key
}

func newServedCertificates(
	cfg verifiers.Config, pin verifiers.Pin, chain func([]*x509.Certificate, time.Time) []*x509.Certificate,
) *servedCertificates {
	s := &servedCertificates{fetcher: cfg.Fetcher, pin: pin, now: cfg.Time, chain: chain}
	if s.now == nil {
		s.now = time.Now
	}
	return s
}

// Keys returns the key in the certificate at the URL.
func (s *servedCertificates) Keys(ctx context.Context, url string) ([]*verifiers.Key, error) {
	doc, err := s.fetcher.Fetch(ctx, s.pin, url)
	if err != nil {
		return nil, fmt.Errorf("fetching the certificate: %w", err)
	}
	now, have := s.now(), s.cached.Load()
	if have == nil || have.document != string(doc) {
		if have, err = s.parse(doc, now); err != nil {
			return nil, err
		}
		s.cached.Store(have)
	}
	if now.Before(have.from) || now.After(have.until) {
		return nil, errCertificate
	}
	return have.keys, nil
}

// check returns why there is no key at the URL: [verifiers.ErrUntrusted] or
// [verifiers.ErrUnavailable].
func (s *servedCertificates) check(ctx context.Context, url string) error {
	if err := s.pin.Check(url); err != nil {
		return verifiers.ErrUntrusted
	}
	switch _, err := s.Keys(ctx, url); {
	case errors.Is(err, errCertificate):
		return verifiers.ErrUntrusted
	case err != nil:
		return verifiers.ErrUnavailable
	}
	return nil
}

func (s *servedCertificates) parse(doc []byte, now time.Time) (*servedCertificate, error) {
	var served []*x509.Certificate
	for rest := doc; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil || block.Type != "CERTIFICATE" {
			return nil, errCertificate
		}
		served = append(served, cert)
	}
	if len(served) == 0 {
		return nil, errCertificate
	}
	chain := s.chain(served, now)
	key, err := verifiers.NewPublicKey(served[0].SerialNumber.Text(16), served[0].PublicKey)
	if len(chain) == 0 || err != nil {
		return nil, errCertificate
	}
	c := &servedCertificate{document: string(doc), until: chain[0].NotAfter, keys: []*verifiers.Key{key}}
	for _, cert := range chain {
		if cert.NotBefore.After(c.from) {
			c.from = cert.NotBefore
		}
		if cert.NotAfter.Before(c.until) {
			c.until = cert.NotAfter
		}
	}
	return c, nil
}

// Interface guards.
var _ verifiers.KeySource = (*servedCertificates)(nil)
