package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Worldline signs the body only, with the key that X-GCS-KeyId names. Every
// configured key is tried whatever the header says, which comes to the same: a
// key id is not a proof. Saving the endpoint makes it send a GET with a header
// that has to be sent back. Worldline Direct uses the same headers.
var Worldline = add(verifiers.Provider{
	Name:    "worldline",
	Aliases: []string{"worldline-connect"},
	Title:   "Worldline Connect (Global Collect)",
	Docs:    "https://docs.connect.worldline-solutions.com/documentation/webhooks/",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Gcs-Signature"),
			Encoding:  verifiers.Base64,
			Content:   "{body}",
		},
	},
	SecretHint: "the secret key of the webhook key id, from the Configuration Center",
	ID:         verifiers.JSON("/id"),
	Type:       verifiers.JSON("/type"),
	TypePrefix: "com.worldline",
	Handshakes: []verifiers.Handshake{{
		Name:   "endpoint_verification",
		Method: "GET",
		When:   []verifiers.Match{verifiers.Header("X-Gcs-Webhooks-Endpoint-Verification").Present()},
		Reply:  verifiers.Echo(verifiers.Header("X-Gcs-Webhooks-Endpoint-Verification")),
	}},
	NeedsJSON: true,
	RetrySpan: 36 * time.Hour,
	Headers:   []string{"X-Gcs-Keyid"},

	Category: "payments",
	Setup:    "Create a key id and its secret under Webhooks in the Configuration Center, then add the endpoint.",
	Retries:  "By report after 10 minutes, 1, 2, 8 and 24 hours.",
	Notes: []string{
		"Nothing limits replay: the member created is in the body, but no window is documented.",
		"While keys are changed, configure the old and the new one together.",
	},
	Sources: []string{
		"https://docs.connect.worldline-solutions.com/documentation/webhooks/",
		"npm connect-sdk-nodejs@5.2.0 webhooks.v1.unmarshal",
	},
	Confidence: verifiers.High,
})
