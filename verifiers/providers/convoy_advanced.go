package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// ConvoyAdvanced signs the time, a comma and the body. A header holds one v1 for
// each active secret; v2 and later are further combinations of hash and encoding
// over the same text, for which v1 stands in. Keys may come in any order.
var ConvoyAdvanced = add(verifiers.Provider{
	Name:    "convoy-advanced",
	Aliases: []string{"convoy"},
	Title:   "Convoy (advanced signatures)",
	Docs:    "https://www.getconvoy.io/docs/product-manual/signatures",
	Scheme: convoyVariants(verifiers.Signed{
		Signature: verifiers.Header("X-Convoy-Signature").KV("v1"),
		Timestamp: verifiers.Header("X-Convoy-Signature").KV("t"),
		Content:   "{timestamp},{body}",
		Tolerance: 5 * time.Minute,
	}),
	SecretHint:   "the endpoint's secret",
	ID:           verifiers.Header("X-Convoy-Idempotency-Key"),
	Type:         verifiers.First(verifiers.JSON("/event_type"), verifiers.JSON("/event"), verifiers.JSON("/type")),
	TypePrefix:   "io.getconvoy",
	ContentTypes: []string{"application/json"},
	NeedsJSON:    true,

	Category: "generic",
	Setup:    "The sender shows the secret where it lists the endpoint; in a Convoy of your own it is on the endpoint's page.",
	Signs:    "HMAC of time, comma and body with SHA-256 or SHA-512, in hex or base64",
	Retries:  "As the project is configured, in equal or growing pauses.",
	Notes: []string{
		"Between time and body there is a comma, not a dot.",
		"Values in base64 hold an equals sign: a pair is split at the first one.",
		"The header for the id is only there if the producer gave an idempotency key.",
	},
	Sources: []string{
		"https://www.getconvoy.io/docs/product-manual/signatures",
		"https://github.com/frain-dev/convoy pkg/signature/testdata/signature-vectors.json",
	},
	Confidence: verifiers.High,
})
