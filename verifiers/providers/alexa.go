package providers

import (
	"context"
	"crypto/x509"
	"fmt"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Alexa signs the body with the key of a certificate that the request names;
// only Amazon's bucket is asked for it, and the chain must lead to a root that
// the system trusts. The key is the same for all skills, so that the skill has
// to be named. What is asked of a skill needs an answer from the skill at once:
// this is for its events.
var Alexa = add(verifiers.Provider{
	Name:       "alexa",
	Title:      "Amazon Alexa (skill events)",
	Docs:       "https://developer.amazon.com/en-US/docs/alexa/custom-skills/host-a-custom-skill-as-a-web-service.html",
	Scheme:     limited{Scheme: alexaScheme{}, option: alexaSkill, member: verifiers.JSON("/context/System/application/applicationId")},
	ID:         verifiers.JSON("/request/requestId"),
	Type:       verifiers.JSON("/request/type"),
	Time:       verifiers.JSON("/request/timestamp"),
	TypePrefix: "com.amazon.alexa",
	Options: []verifiers.Option{
		{
			Name: alexaSkill, Required: true, Multiple: true, Example: "amzn1.ask.skill.6b1f7a52-3f0e-4d0c-9f3e-5d6c7b8a9e10",
			Doc: "The ids of the skills whose requests are accepted.",
		},
		{Name: alexaRoot, Doc: "The root certificates that the chain may lead to, as PEM, instead of those of the system."},
	},
	NeedsJSON: true,
	RetrySpan: time.Hour,
	Success:   verifiers.Reply{ContentType: "application/json", Body: `{"version":"1.0","response":{}}`},

	Category: "saas",
	Setup:    "Enter the URL as endpoint of the events in the manifest of the skill.",
	Retries:  "For up to an hour by report.",
	Notes: []string{
		"The older header Signature, with SHA-1, is not looked at.",
		"Events of a skill may be an hour old, everything else 150 seconds.",
	},
	Sources: []string{
		"https://developer.amazon.com/en-US/docs/alexa/custom-skills/host-a-custom-skill-as-a-web-service.html",
		"npm ask-sdk-express-adapter@2.14.0 dist/verifier/index.js",
	},
	Confidence: verifiers.High,
})

const (
	alexaSkill  = "skill_id"
	alexaRoot   = "root_ca"
	alexaSigner = "echo-api.amazon.com"

	alexaTolerance      = 150 * time.Second
	alexaEventTolerance = time.Hour
	alexaEvents         = "AlexaSkillEvent."
)

var (
	alexaPin  = verifiers.Pin{Hosts: []string{"s3.amazonaws.com"}, PathPrefix: "/echo.api/"}
	alexaURL  = verifiers.Header("SignatureCertChainUrl")
	alexaType = verifiers.JSON("/request/type")
)

// alexaRSA is the signature with the tolerance of one kind of request.
func alexaRSA(tolerance time.Duration) verifiers.RSA {
	return verifiers.RSA{Hash: verifiers.SHA256, Signed: verifiers.Signed{
		Signature: verifiers.Header("Signature-256"),
		Encoding:  verifiers.Base64,
		Content:   "{body}",
		Timestamp: verifiers.JSON("/request/timestamp"),
		Unit:      verifiers.RFC3339,
		Tolerance: tolerance,
	}}
}

// alexaScheme is an RSA signature whose chain of certificates the request names.
// Config.Keys is not used.
type alexaScheme struct{}

func (alexaScheme) Build(provider string, cfg verifiers.Config) (verifiers.Verifier, error) {
	if cfg.Fetcher == nil {
		return nil, fmt.Errorf("%s: certificates are fetched: %w", provider, verifiers.ErrNoFetcher)
	}
	var roots *x509.CertPool // nil is that of the system
	if text := cfg.Options[alexaRoot]; text != "" {
		if roots = x509.NewCertPool(); !roots.AppendCertsFromPEM([]byte(text)) {
			return nil, fmt.Errorf("%s: %w %s has no certificate in PEM", provider, verifiers.ErrOption, alexaRoot)
		}
	}
	certificates := newServedCertificates(cfg, alexaPin, func(served []*x509.Certificate, now time.Time) []*x509.Certificate {
		return alexaChain(served, roots, now)
	})
	cfg.Keys = hinted{certificates}
	request, err := alexaRSA(alexaTolerance).Build(provider, cfg)
	if err != nil {
		return nil, err
	}
	event, err := alexaRSA(alexaEventTolerance).Build(provider, cfg)
	if err != nil {
		return nil, err
	}
	return verifiers.VerifierFunc(func(ctx context.Context, req *verifiers.Request) (verifiers.Result, error) {
		at, err := alexaURL.Lookup(req)
		if err == nil {
			at = normalized(at)
			err = certificates.check(ctx, at)
		}
		if err != nil {
			return verifiers.Result{}, &verifiers.Error{Provider: provider, Field: alexaURL.String(), Err: cause(err)}
		}
		if kind, err := alexaType.Lookup(req); err == nil && strings.HasPrefix(kind, alexaEvents) {
			return event.Verify(withHint(ctx, at), req)
		}
		return request.Verify(withHint(ctx, at), req)
	}), nil
}

// normalized is the URL without the steps . and .. in its path, as Amazon asks
// for before it is looked at.
func normalized(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.RawPath != "" || u.Path == "" {
		return text
	}
	u.Path = path.Clean(u.Path)
	return u.String()
}

// alexaChain is the chain from the first certificate, which must be for Alexa, to
// one of the roots.
func alexaChain(served []*x509.Certificate, roots *x509.CertPool, now time.Time) []*x509.Certificate {
	issuers := x509.NewCertPool()
	for _, cert := range served[1:] {
		issuers.AddCert(cert)
	}
	chains, err := served[0].Verify(x509.VerifyOptions{
		DNSName: alexaSigner, Roots: roots, Intermediates: issuers, CurrentTime: now,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	if err != nil {
		return nil
	}
	return chains[0]
}

// Places says where signature and time are.
func (alexaScheme) Places() verifiers.Places { return alexaRSA(alexaEventTolerance).Places() }

// Interface guards.
var _ verifiers.Placer = alexaScheme{}
