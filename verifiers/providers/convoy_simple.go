package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// ConvoySimple is Convoy's older signature: an HMAC of the body alone. Hash and
// encoding are settings of a project; all four combinations are taken, since
// none of them is weak and their lengths differ. The signed text is Convoy's own
// compact encoding of the event, which is also what it sends.
var ConvoySimple = add(verifiers.Provider{
	Name:         "convoy-simple",
	Title:        "Convoy (simple signatures)",
	Docs:         "https://www.getconvoy.io/docs/product-manual/signatures",
	Scheme:       convoyVariants(verifiers.Signed{Signature: verifiers.Header("X-Convoy-Signature"), Content: "{body}"}),
	SecretHint:   "the endpoint's secret",
	ID:           verifiers.Header("X-Convoy-Idempotency-Key"),
	Type:         verifiers.First(verifiers.JSON("/event_type"), verifiers.JSON("/event"), verifiers.JSON("/type")),
	TypePrefix:   "io.getconvoy",
	ContentTypes: []string{"application/json"},
	NeedsJSON:    true,

	Category: "generic",
	Setup:    "The sender shows the secret where it lists the endpoint; in a Convoy of your own it is on the endpoint's page.",
	Signs:    "HMAC of the body with SHA-256 or SHA-512, in hex or base64",
	Retries:  "As the project is configured, in equal or growing pauses.",
	Notes: []string{
		"There is no time in what is signed: prefer advanced signatures.",
		"The header for the id is only there if the producer gave an idempotency key.",
	},
	Sources: []string{
		"https://www.getconvoy.io/docs/product-manual/signatures",
		"https://github.com/frain-dev/convoy pkg/signature/testdata/signature-vectors.json",
	},
	Confidence: verifiers.High,
})

// convoyVariants are the hashes and encodings that a project can choose, the
// default first.
func convoyVariants(s verifiers.Signed) variants {
	var list variants
	for _, hash := range []verifiers.Hash{verifiers.SHA256, verifiers.SHA512} {
		for _, encoding := range []verifiers.Encoding{verifiers.Hex, verifiers.Base64} {
			s.Encoding = encoding
			list = append(list, verifiers.HMAC{Hash: hash, Signed: s})
		}
	}
	return list
}
