package providers

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

const (
	smartThingsApp    = "app_id"
	smartThingsKeyURL = "https://key.smartthings.com"
	smartThingsTarget = "(request-target)"
	smartThingsWord   = "rsa-sha256"

	smartThingsTolerance = 5 * time.Minute
)

var (
	smartThingsPin       = verifiers.Pin{Hosts: []string{"key.smartthings.com"}}
	smartThingsAuth      = verifiers.Header("Authorization")
	smartThingsDigest    = verifiers.Header("Digest")
	smartThingsDate      = verifiers.Header("Date")
	smartThingsSignature = verifiers.Header("Smartthings-Signature")
	smartThingsRSA       = verifiers.RSA{Hash: verifiers.SHA256, Signed: verifiers.Signed{
		Signature:    smartThingsSignature,
		Encoding:     verifiers.Base64,
		Content:      "{custom}",
		Custom:       smartThingsText,
		CustomCovers: verifiers.Coverage{Body: true, Method: true, Headers: []string{"Date"}},
	}}
	// smartThingsSigned has to be among what is signed.
	smartThingsSigned = []string{smartThingsTarget, "digest", "date"}
)

// smartThingsScheme is a signature as in draft-cavage-http-signatures. Config.Keys
// is not used: the header names a certificate.
type smartThingsScheme struct{}

func (smartThingsScheme) Build(provider string, cfg verifiers.Config) (verifiers.Verifier, error) {
	if cfg.Fetcher == nil {
		return nil, fmt.Errorf("%s: certificates are fetched: %w", provider, verifiers.ErrNoFetcher)
	}
	certificates := newServedCertificates(cfg, smartThingsPin, firstCertificate)
	cfg.Keys = hinted{certificates}
	inner, err := smartThingsRSA.Build(provider, cfg)
	if err != nil {
		return nil, err
	}
	tolerance := cfg.Tolerance
	if tolerance == 0 {
		tolerance = smartThingsTolerance
	}
	fail := func(field verifiers.Source, err error) (verifiers.Result, error) {
		return verifiers.Result{}, &verifiers.Error{Provider: provider, Field: field.String(), Err: cause(err)}
	}
	return verifiers.VerifierFunc(func(ctx context.Context, req *verifiers.Request) (verifiers.Result, error) {
		text, err := smartThingsAuth.Lookup(req)
		if err != nil {
			return fail(smartThingsAuth, err)
		}
		named, err := parseHTTPSignature(text)
		if err != nil {
			return fail(smartThingsAuth, err)
		}
		if _, err := smartThingsDigest.Lookup(req); err != nil {
			return fail(smartThingsDigest, err)
		}
		date, err := smartThingsDate.Lookup(req)
		if err != nil {
			return fail(smartThingsDate, err)
		}
		signed, err := http.ParseTime(date)
		if err != nil {
			return fail(smartThingsDate, verifiers.ErrMalformed)
		}
		url := smartThingsKeyURL + named["keyId"]
		if err := certificates.check(ctx, url); err != nil {
			return fail(smartThingsAuth, err)
		}
		formed := reform(req)
		formed.Header[smartThingsSignature.Header] = []string{named["signature"]}
		formed.Header[smartThingsNames] = []string{named["headers"]}
		res, err := inner.Verify(withHint(ctx, url), formed)
		if err != nil {
			return fail(smartThingsAuth, err)
		}
		if err := inWindow(certificates.now(), signed, tolerance); err != nil {
			return fail(smartThingsDate, err)
		}
		res.Signed = signed
		return res, nil
	}), nil
}

// Places says where signature and time are.
func (smartThingsScheme) Places() verifiers.Places {
	p := smartThingsRSA.Places()
	p.Signature, p.Timestamp = smartThingsAuth, smartThingsDate
	p.Unit, p.Tolerance = verifiers.HTTPDate, smartThingsTolerance
	return p
}

// smartThingsNames is the header in which smartThingsText finds what is signed.
const smartThingsNames = "Smartthings-Signed"

// firstCertificate is vouched for by the host that it comes from.
func firstCertificate(served []*x509.Certificate, _ time.Time) []*x509.Certificate { return served[:1] }

// parseHTTPSignature takes the header apart: quoted values under names that are
// there once. What must be signed is, with the one algorithm that there is.
func parseHTTPSignature(text string) (map[string]string, error) {
	rest, ok := strings.CutPrefix(text, "Signature ")
	if !ok {
		return nil, verifiers.ErrMalformed
	}
	named := make(map[string]string)
	for more := true; more; {
		var name, value string
		if name, rest, ok = strings.Cut(rest, `="`); !ok {
			return nil, verifiers.ErrMalformed
		}
		if value, rest, ok = strings.Cut(rest, `"`); !ok || value == "" {
			return nil, verifiers.ErrMalformed
		}
		name = strings.TrimLeft(name, " ")
		if _, twice := named[name]; twice {
			return nil, verifiers.ErrMalformed
		}
		named[name] = value
		if rest, more = strings.CutPrefix(rest, ","); !more && rest != "" {
			return nil, verifiers.ErrMalformed
		}
	}
	if named["signature"] == "" || named["keyId"] == "" {
		return nil, verifiers.ErrMissing
	}
	signed := strings.Split(named["headers"], " ")
	for _, name := range smartThingsSigned {
		if !slices.Contains(signed, name) {
			return nil, verifiers.ErrUntrusted
		}
	}
	if named["algorithm"] != smartThingsWord || !strings.HasPrefix(named["keyId"], "/") {
		return nil, verifiers.ErrUntrusted
	}
	return named, nil
}

// smartThingsText is what is signed: a line for each of the names. The digest is
// that of the body as it came.
func smartThingsText(dst []byte, r *verifiers.Request) ([]byte, error) {
	for i, name := range strings.Split(r.Header.Get(smartThingsNames), " ") {
		if i > 0 {
			dst = append(dst, '\n')
		}
		dst = append(dst, name+": "...)
		switch name {
		case smartThingsTarget:
			dst = append(dst, strings.ToLower(r.Method)+" "+r.URL.RequestURI()...)
		case "digest":
			sum := sha256.Sum256(r.Body)
			dst = base64.StdEncoding.AppendEncode(append(dst, "SHA-256="...), sum[:])
		default:
			value, err := verifiers.Header(name).Lookup(r)
			if err != nil {
				return dst, err
			}
			dst = append(dst, value...)
		}
	}
	return dst, nil
}

// answerSmartThings is an object named after the lifecycle.
func answerSmartThings(dst []byte, r *verifiers.Request, _ verifiers.Prover) ([]byte, error) {
	name := "eventData"
	switch lifecycle, _ := verifiers.JSON("/lifecycle").Lookup(r); lifecycle {
	case "INSTALL", "UPDATE", "UNINSTALL":
		name = strings.ToLower(lifecycle) + "Data"
	case "OAUTH_CALLBACK":
		name = "oAuthCallbackData"
	}
	return fmt.Appendf(dst, `{"statusCode":200,"%s":{}}`, name), nil
}

// Interface guards.
var _ verifiers.Placer = smartThingsScheme{}
