package providers

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// A header names the hash of the HMAC, as set in the webhook. Without the secret
// none of the three can be forged, so all are accepted; the option hashes leaves
// only those that you use. A request that does not name one is refused. A
// delivery has no id: applicant, type and time make one.
var Sumsub = add(verifiers.Provider{
	Name:       "sumsub",
	Title:      "Sumsub",
	Docs:       "https://docs.sumsub.com/docs/webhook-manager",
	Scheme:     sumsubScheme{},
	SecretHint: "the secret key of the webhook",
	ID:         verifiers.Join(".", verifiers.JSON("/createdAtMs"), verifiers.JSON("/type"), verifiers.JSON("/applicantId"), verifiers.JSON("/correlationId")),
	Type:       verifiers.JSON("/type"),
	TypePrefix: "com.sumsub",
	Options:    []verifiers.Option{namedOption},
	NeedsJSON:  true,
	Deadline:   10 * time.Second,
	RetrySpan:  25 * time.Hour,

	Category: "identity",
	Setup:    "Create the webhook under Dev space > Webhook manager, with HMAC_SHA256_HEX as the signature algorithm; the secret key is on its page.",
	Signs:    "The body, with HMAC and the hash that X-Payload-Digest-Alg names",
	Retries:  "After 5 minutes, 1 hour, 5 hours and 18 hours; webhooks about applicant actions within minutes.",
	Notes: []string{
		"X-Payload-Digest-Alg says which hash it is, and has to be there.",
		"A connection is waited for one second only, and the answer ten.",
	},
	Sources: []string{
		"https://docs.sumsub.com/docs/webhook-manager",
		"https://docs.sumsub.com/docs/receive-verification-results",
	},
	Confidence: verifiers.Medium,
})

var (
	sumsubDigest = verifiers.Header("X-Payload-Digest")
	sumsubAlg    = verifiers.Header("X-Payload-Digest-Alg")
	// sumsubHashes restricts the hashes; the first is that of the sender's side.
	sumsubHashes = namedHMAC{hashes: []verifiers.Hash{verifiers.SHA256, verifiers.SHA512, verifiers.SHA1}}
)

func sumsubHMAC(h verifiers.Hash) verifiers.HMAC {
	return verifiers.HMAC{Hash: h, Signed: verifiers.Signed{Signature: sumsubDigest, Content: "{body}"}}
}

// sumsubName is the name of a hash in X-Payload-Digest-Alg.
func sumsubName(h verifiers.Hash) string { return "HMAC_" + strings.ToUpper(string(h)) + "_HEX" }

// sumsubScheme is HMAC with the hash that a header names.
type sumsubScheme struct{}

// Build returns a verifier of digests with any permitted hash.
func (sumsubScheme) Build(provider string, cfg verifiers.Config) (verifiers.Verifier, error) {
	hashes, err := sumsubHashes.permitted(cfg.Options)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", provider, err)
	}
	named := make(map[string]verifiers.Verifier, len(hashes))
	for _, h := range hashes {
		if named[sumsubName(h)], err = sumsubHMAC(h).Build(provider, cfg); err != nil {
			return nil, err
		}
	}
	return verifiers.VerifierFunc(func(ctx context.Context, req *verifiers.Request) (verifiers.Result, error) {
		name, err := sumsubAlg.Lookup(req)
		v := named[name]
		if err == nil && v == nil {
			err = verifiers.ErrUntrusted
		}
		if err != nil {
			return verifiers.Result{}, &verifiers.Error{Provider: provider, Field: sumsubAlg.String(), Err: err}
		}
		return v.Verify(ctx, req)
	}), nil
}

// Places says where the digest is.
func (sumsubScheme) Places() verifiers.Places {
	p := sumsubHMAC(sumsubHashes.hashes[0]).Places()
	p.Headers = append(p.Headers, sumsubAlg.Header)
	return p
}

// Sign adds both headers, with the best of the permitted hashes.
func (sumsubScheme) Sign(req *verifiers.Request, cfg verifiers.Config) error {
	hashes, err := sumsubHashes.permitted(cfg.Options)
	if err != nil {
		return err
	}
	req.Header.Set(sumsubAlg.Header, sumsubName(hashes[0]))
	return sumsubHMAC(hashes[0]).Sign(req, cfg)
}

// Interface guards.
var (
	_ verifiers.Signer = sumsubScheme{}
	_ verifiers.Placer = sumsubScheme{}
)
