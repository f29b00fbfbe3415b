package providers

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// hubspotEscapes are the escapes that HubSpot decodes in the URL that it signs.
var hubspotEscapes = strings.NewReplacer(
	"%3A", ":", "%2F", "/", "%3F", "?", "%40", "@", "%21", "!", "%24", "$",
	"%27", "'", "%28", "(", "%29", ")", "%2A", "*", "%2C", ",", "%3B", ";",
)

func hubspotRaw(u *url.URL) string     { return u.String() }
func hubspotDecoded(u *url.URL) string { return hubspotEscapes.Replace(u.String()) }

// hubspotScheme is one HMAC for each spelling of the URL.
type hubspotScheme struct{}

func (hubspotScheme) hmac(write func(*url.URL) string) verifiers.HMAC {
	return verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-HubSpot-Signature-v3"),
			Encoding:  verifiers.Base64,
			Timestamp: verifiers.Header("X-HubSpot-Request-Timestamp"),
			Unit:      verifiers.Milliseconds,
			Content:   "{req:method}{custom}{body}{timestamp}",
			Custom: func(dst []byte, r *verifiers.Request) ([]byte, error) {
				if r.URL == nil {
					return dst, verifiers.ErrMissing
				}
				return append(dst, write(r.URL)...), nil
			},
			CustomCovers: verifiers.Coverage{URL: true},
			Tolerance:    5 * time.Minute,
		},
	}
}

// Build returns a verifier that accepts a signature over either spelling.
func (s hubspotScheme) Build(provider string, cfg verifiers.Config) (verifiers.Verifier, error) {
	decoded, err := s.hmac(hubspotDecoded).Build(provider, cfg)
	if err != nil {
		return nil, err
	}
	raw, err := s.hmac(hubspotRaw).Build(provider, cfg)
	if err != nil {
		return nil, err
	}
	return verifiers.VerifierFunc(func(ctx context.Context, req *verifiers.Request) (verifiers.Result, error) {
		res, err := decoded.Verify(ctx, req)
		if !errors.Is(err, verifiers.ErrMismatch) || !strings.Contains(hubspotRaw(req.URL), "%") {
			return res, err
		}
		return raw.Verify(ctx, req)
	}), nil
}

// Sign signs the URL with its escapes decoded.
func (s hubspotScheme) Sign(req *verifiers.Request, cfg verifiers.Config) error {
	return s.hmac(hubspotDecoded).Sign(req, cfg)
}

// Places says where signature and timestamp are.
func (s hubspotScheme) Places() verifiers.Places { return s.hmac(hubspotRaw).Places() }

// Interface guards.
var (
	_ verifiers.Signer = hubspotScheme{}
	_ verifiers.Placer = hubspotScheme{}
)
