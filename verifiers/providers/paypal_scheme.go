package providers

import (
	"context"
	"crypto/x509"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"
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
	certificates := newServedCertificates(cfg, paypalPin, paypalChain)
	cfg.Keys = hinted{certificates}
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
			err = certificates.check(ctx, url)
		}
		if err != nil {
			return fail(paypalURL.String(), cause(err))
		}
		return inner.Verify(withHint(ctx, url), req)
	}), nil
}

// Places says where signature and time are.
func (paypalScheme) Places() verifiers.Places { return paypalRSA.Places() }

// paypalChain is the certificate if it names PayPal. That it is PayPal's is vouched
// for by the host that it comes from.
func paypalChain(served []*x509.Certificate, _ time.Time) []*x509.Certificate {
	if !strings.HasSuffix(served[0].Subject.CommonName, ".paypal.com") {
		return nil
	}
	return served[:1]
}

// Interface guards.
var _ verifiers.Placer = paypalScheme{}
