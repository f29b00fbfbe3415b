package providers

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

const paypalWebhook = "webhook_id"

var (
	paypalPin = verifiers.Pin{Hosts: []string{"api.paypal.com", "api.sandbox.paypal.com"}}
	paypalURL = verifiers.Header("Paypal-Cert-Url")
	paypalAlg = verifiers.Header("Paypal-Auth-Algo")
	paypalRSA = verifiers.RSA{Hash: verifiers.SHA256, Signed: verifiers.Signed{
		Signature: verifiers.Header("Paypal-Transmission-Sig"),
		Encoding:  verifiers.Base64,
		Content:   "{header:Paypal-Transmission-Id}|{timestamp}|{option:" + paypalWebhook + "}|{custom}",
		Custom:    paypalCRC,
		Timestamp: verifiers.Header("Paypal-Transmission-Time"),
		Unit:      verifiers.RFC3339,
		Tolerance: 96 * time.Hour, // it is not documented whether retries have a time of their own
		Key:       verifiers.KeyPEM,
	}}
)

// paypalCRC is the CRC-32 of the body. Anybody can make another body with the
// same one, so that it is not said to cover the body.
func paypalCRC(dst []byte, r *verifiers.Request) ([]byte, error) {
	return strconv.AppendUint(dst, uint64(crc32.ChecksumIEEE(r.Body)), 10), nil
}

// paypalScheme is an RSA signature whose certificate the request names.
type paypalScheme struct{}

func (paypalScheme) Build(provider string, cfg verifiers.Config) (verifiers.Verifier, error) {
	if cfg.Fetcher == nil {
		return nil, fmt.Errorf("%s: certificates are fetched: %w", provider, verifiers.ErrNoFetcher)
	}
	now := cfg.Time
	if now == nil {
		now = time.Now
	}
	cfg.Keys = hinted{&paypalCertificates{fetcher: cfg.Fetcher, now: now}}
	inner, err := paypalRSA.Build(provider, cfg)
	if err != nil {
		return nil, err
	}
	fail := func(field string, err error) (verifiers.Result, error) {
		return verifiers.Result{}, &verifiers.Error{Provider: provider, Field: field, Err: err}
	}
	return verifiers.VerifierFunc(func(ctx context.Context, req *verifiers.Request) (verifiers.Result, error) {
		alg, err := paypalAlg.Lookup(req)
		switch {
		case err != nil:
			return fail(paypalAlg.String(), cause(err))
		case !strings.EqualFold(alg, "SHA256withRSA"):
			return fail(paypalAlg.String(), verifiers.ErrUntrusted)
		}
		url, err := paypalURL.Lookup(req)
		if err == nil {
			err = paypalPin.Check(url)
		}
		if err != nil {
			return fail(paypalURL.String(), cause(err))
		}
		res, err := inner.Verify(withHint(ctx, url), req)
		if errors.Is(err, errPayPalCertificate) {
			return fail(paypalURL.String(), verifiers.ErrUntrusted)
		}
		return res, err
	}), nil
}

// Places says where signature and time are.
func (paypalScheme) Places() verifiers.Places { return paypalRSA.Places() }

// errPayPalCertificate means that what was fetched is not a certificate of
// PayPal's that is valid now.
var errPayPalCertificate = errors.New("not a valid certificate of PayPal's")

// paypalCertificates is a [verifiers.KeySource] of certificates by URL. That they
// are PayPal's is vouched for by the host that they come from.
type paypalCertificates struct {
	fetcher verifiers.Fetcher
	now     func() time.Time
	cached  atomic.Pointer[paypalCertificate]
}

type paypalCertificate struct {
	document string
	parsed   *x509.Certificate
	keys     []*verifiers.Key
}

// Keys returns the key in the certificate at the URL.
func (p *paypalCertificates) Keys(ctx context.Context, url string) ([]*verifiers.Key, error) {
	doc, err := p.fetcher.Fetch(ctx, paypalPin, url)
	if err != nil {
		return nil, fmt.Errorf("fetching the certificate: %w", err)
	}
	have := p.cached.Load()
	if have == nil || have.document != string(doc) {
		if have, err = parsePayPal(doc); err != nil {
			return nil, err
		}
		p.cached.Store(have)
	}
	if now := p.now(); now.Before(have.parsed.NotBefore) || now.After(have.parsed.NotAfter) {
		return nil, errPayPalCertificate
	}
	return have.keys, nil
}

func parsePayPal(doc []byte) (*paypalCertificate, error) {
	block, _ := pem.Decode(doc) // those of its issuers may follow
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, errPayPalCertificate
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil || !strings.HasSuffix(cert.Subject.CommonName, ".paypal.com") {
		return nil, errPayPalCertificate
	}
	key, err := verifiers.NewPublicKey("certificate", cert.PublicKey)
	if err != nil {
		return nil, errPayPalCertificate
	}
	return &paypalCertificate{document: string(doc), parsed: cert, keys: []*verifiers.Key{key}}, nil
}

// Interface guards.
var _ verifiers.Placer = paypalScheme{}
