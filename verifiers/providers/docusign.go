package providers

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Docusign sends a header for each of its active keys, numbered from 1 up to
// 100; every one is tried with every secret. The key is used as text though it
// looks like base64.
var DocuSign = add(verifiers.Provider{
	Name:       "docusign",
	Title:      "Docusign Connect",
	Docs:       "https://developers.docusign.com/platform/webhooks/connect/hmac/",
	Scheme:     docuSign{},
	SecretHint: "the HMAC key as shown, with its = at the end",
	ID:         verifiers.Join(".", verifiers.JSON("/data/envelopeId"), verifiers.JSON("/event"), verifiers.JSON("/data/recipientId"), verifiers.JSON("/generatedDateTime")),
	Type:       verifiers.JSON("/event"),
	Time:       verifiers.JSON("/generatedDateTime"),
	TypePrefix: "com.docusign",
	MaxBody:    32 << 20,
	Deadline:   100 * time.Second,
	RetrySpan:  96 * time.Hour,
	Varies:     []string{"/retryCount"},

	Category: "saas",
	Setup:    "Create a configuration under Connect with HMAC signing, and a key under Connect keys; its text is shown once.",
	Signs:    "The body, with HMAC-SHA256, once for each key",
	Retries:  "After 5 minutes and then with doubling pauses for up to 15 days, of which the deduplication window covers 96 hours.",
	Notes: []string{
		"The key is not decoded.",
		"Configurations of the older kind send XML, which has no id that the gateway reads.",
	},
	Sources: []string{
		"https://developers.docusign.com/platform/webhooks/connect/hmac/",
	},
	Confidence: verifiers.High,
})

// docuSignHeaders is how many keys there may be.
const docuSignHeaders = 100

// docuSignAtOnce is how many signatures the engine compares in one pass.
const docuSignAtOnce = 16

var docuSignHMAC = verifiers.HMAC{Hash: verifiers.SHA256, Signed: verifiers.Signed{
	Signature: verifiers.Header("X-Docusign-Signature-1").Split(","),
	Encoding:  verifiers.Base64,
	Content:   "{body}",
}}

// docuSign is an HMAC in any of a hundred headers.
type docuSign struct{}

func (docuSign) Build(provider string, cfg verifiers.Config) (verifiers.Verifier, error) {
	inner, err := docuSignHMAC.Build(provider, cfg)
	if err != nil {
		return nil, err
	}
	return verifiers.VerifierFunc(func(ctx context.Context, req *verifiers.Request) (verifiers.Result, error) {
		signatures, err := docuSignatures(req)
		if err != nil {
			return verifiers.Result{}, &verifiers.Error{Provider: provider, Field: "header X-Docusign-Signature-1", Err: err}
		}
		var refusal error
		for part := range slices.Chunk(signatures, docuSignAtOnce) {
			res, err := inner.Verify(ctx, withHeaders(req, map[string]string{"X-Docusign-Signature-1": strings.Join(part, ",")}))
			if !errors.Is(err, verifiers.ErrMismatch) {
				return res, err
			}
			refusal = err
		}
		return verifiers.Result{}, refusal
	}), nil
}

func docuSignatures(req *verifiers.Request) ([]string, error) {
	var signatures []string
	for i := 1; i <= docuSignHeaders; i++ {
		values := req.Header["X-Docusign-Signature-"+strconv.Itoa(i)]
		switch {
		case len(values) > 1 || len(values) == 1 && strings.Contains(values[0], ","):
			return nil, verifiers.ErrMalformed
		case len(values) == 1 && values[0] != "":
			signatures = append(signatures, values[0])
		}
	}
	if len(signatures) == 0 {
		return nil, verifiers.ErrMissing
	}
	return signatures, nil
}

// Places says where the first signature is.
func (docuSign) Places() verifiers.Places {
	p := docuSignHMAC.Places()
	p.Signature = verifiers.Header("X-Docusign-Signature-1")
	return p
}

// Sign adds the first signature.
func (docuSign) Sign(req *verifiers.Request, cfg verifiers.Config) error {
	return docuSignHMAC.Sign(req, cfg)
}

// Interface guards.
var (
	_ verifiers.Signer = docuSign{}
	_ verifiers.Placer = docuSign{}
)
