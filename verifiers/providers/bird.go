package providers

import (
	"crypto/sha256"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Bird has MessageBird's older headers, with the whole URL in place of the
// query. The hash of the body is signed byte by byte and not in hex.
var Bird = add(verifiers.Provider{
	Name:  "bird",
	Title: "Bird",
	Docs:  "https://docs.bird.com/api/notifications-api/api-reference/webhooks/verifying-a-webhook",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature:    verifiers.Header("MessageBird-Signature"),
			Encoding:     verifiers.Base64,
			Content:      "{timestamp}\n{url}\n{custom}",
			Custom:       bodyDigest,
			CustomCovers: verifiers.Coverage{Body: true},
			Timestamp:    verifiers.Header("MessageBird-Request-Timestamp"),
			Tolerance:    5 * time.Minute,
		},
	},
	SecretHint: "the signing key given when the subscription was created",
	ID:         verifiers.Join(".", verifiers.JSON("/payload/id"), verifiers.JSON("/payload/status")),
	Type:       verifiers.Join(".", verifiers.JSON("/service"), verifiers.JSON("/event")),
	TypePrefix: "com.bird",
	NeedsJSON:  true,

	Category: "comms",
	Setup:    "Create the webhook subscription with the API, with a signing key.",
	Signs:    "Time, URL and the SHA-256 of the body, with HMAC-SHA256",
	Retries:  "Not documented.",
	Notes: []string{
		"The URL is signed exactly as it was called: behind a proxy the public one must be known.",
	},
	Sources: []string{
		"https://docs.bird.com/api/notifications-api/api-reference/webhooks/verifying-a-webhook",
	},
	Confidence: verifiers.High,
})

// bodyDigest is the SHA-256 of the body, byte by byte.
func bodyDigest(dst []byte, r *verifiers.Request) ([]byte, error) {
	sum := sha256.Sum256(r.Body)
	return append(dst, sum[:]...), nil
}
