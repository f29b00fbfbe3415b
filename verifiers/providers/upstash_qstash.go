package providers

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// UpstashQStash signs a JSON Web Token that names the destination as sub and
// holds the body's hash. Two keys are valid at a time, the current one and the
// next: configure both. The token must be for the URL that was called, or for
// one of those in the option destination where a proxy changes it: otherwise a
// message that one of your services received could be replayed to another.
var UpstashQStash = add(verifiers.Provider{
	Name:    "upstash-qstash",
	Aliases: []string{"qstash"},
	Title:   "Upstash QStash",
	Docs:    "https://upstash.com/docs/qstash/howto/signature",
	Scheme:  qstashScheme{},
	Options: []verifiers.Option{{
		Name:     qstashDestination,
		Doc:      "The URLs to which messages are published, where they are not the URL that is called.",
		Multiple: true,
	}},
	SecretHint: "QSTASH_CURRENT_SIGNING_KEY, and QSTASH_NEXT_SIGNING_KEY as the second secret",
	ID:         verifiers.Header("Upstash-Message-Id"),
	Type:       verifiers.Const("message"),
	TypePrefix: "com.upstash.qstash",
	Methods:    []string{"POST", "PUT", "PATCH", "DELETE", "GET"},
	Headers:    []string{"Upstash-Message-Id", "Upstash-Retried", "Upstash-Schedule-Id", "Upstash-Topic-Name"},

	Category: "infra",
	Setup:    "Publish with the URL as destination. Both signing keys are on the QStash page of the console.",
	Signs:    "A JSON Web Token (HS256) with the URL and the hash of the body",
	Retries:  "As often as the publisher asks for, with growing pauses.",
	Notes: []string{
		"Configure the current and the next key, so that rolling keys needs no change.",
		"The claim body is URL-safe base64, with or without padding.",
	},
	Sources: []string{
		"https://upstash.com/docs/qstash/howto/signature",
		"npm @upstash/qstash@2.12.0 Receiver.verify",
	},
	Confidence: verifiers.High,
})

const qstashDestination = "destination"

var qstashToken = verifiers.Header("Upstash-Signature")

// qstashScheme is a JSON Web Token for one URL.
type qstashScheme struct{}

// jwt allows clocks to differ by some seconds only, since tokens are made for
// the moment and QStash's own library allows none.
func (qstashScheme) jwt() verifiers.JWT {
	return verifiers.JWT{
		Token:            qstashToken,
		Algorithms:       []string{"HS256"},
		Issuers:          []string{"Upstash"},
		BodyHash:         "body",
		BodyHashEncoding: verifiers.Base64URL,
		RequireExpiry:    true,
		Tolerance:        10 * time.Second,
	}
}

// Build returns a verifier that also compares the destination.
func (s qstashScheme) Build(provider string, cfg verifiers.Config) (verifiers.Verifier, error) {
	v, err := s.jwt().Build(provider, cfg)
	if err != nil {
		return nil, err
	}
	destinations := strings.Fields(cfg.Options[qstashDestination])
	return verifiers.VerifierFunc(func(ctx context.Context, req *verifiers.Request) (verifiers.Result, error) {
		res, err := v.Verify(ctx, req)
		if err != nil {
			return res, err
		}
		sub, err := qstashToken.Claim("/sub").Lookup(req)
		if err == nil && !qstashFor(sub, req.URL, destinations) {
			err = verifiers.ErrUntrusted
		}
		if err != nil {
			return verifiers.Result{}, &verifiers.Error{Provider: provider, Field: "claim sub", Err: err}
		}
		if len(destinations) == 0 {
			res.Covers = &verifiers.Coverage{Body: true, URL: true}
		}
		return res, nil
	}), nil
}

// qstashFor reports whether a message to this destination is for us. A path of
// "/" may have been left out when it was published.
func qstashFor(sub string, called *url.URL, destinations []string) bool {
	if len(destinations) > 0 {
		return slices.Contains(destinations, sub)
	}
	if called == nil {
		return false
	}
	if called.Path == "/" {
		bare := *called
		bare.Path = ""
		if sub == bare.String() {
			return true
		}
	}
	return sub == called.String()
}

// Sign adds a token for the first destination, or for the request's URL.
func (s qstashScheme) Sign(req *verifiers.Request, cfg verifiers.Config) error {
	now := time.Now()
	if cfg.Time != nil {
		now = cfg.Time()
	}
	destination := req.URL.String()
	if list := strings.Fields(cfg.Options[qstashDestination]); len(list) > 0 {
		destination = list[0]
	}
	hash := sha256.Sum256(req.Body)
	return signJWS(req, cfg, qstashToken, "HS256", verifiers.HMAC{Hash: verifiers.SHA256, Signed: jwsSigned(qstashToken)},
		map[string]any{
			"iss": "Upstash", "sub": destination, "iat": now.Unix(), "nbf": now.Unix(),
			"exp": now.Add(5 * time.Minute).Unix(), "body": base64.URLEncoding.EncodeToString(hash[:]),
		})
}

// Places says where the token is. It is for one URL.
func (s qstashScheme) Places() verifiers.Places {
	p := s.jwt().Places()
	p.Covers.URL = true
	return p
}

// Interface guards.
var (
	_ verifiers.Placer = qstashScheme{}
	_ verifiers.Signer = qstashScheme{}
)
