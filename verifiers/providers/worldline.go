package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Worldline signs the body only, with the key that X-GCS-KeyId names. Every
// configured key is tried; with key_ids the header must also name the key that
// fits, as Worldline's libraries ask for. Saving the endpoint makes it send a GET
// with a header that has to be sent back. Worldline Direct uses the same headers.
var Worldline = add(verifiers.Provider{
	Name:    "worldline",
	Aliases: []string{"worldline-connect"},
	Title:   "Worldline Connect (Global Collect)",
	Docs:    "https://docs.connect.worldline-solutions.com/documentation/webhooks/",
	Scheme: namedKey{
		hmac: verifiers.HMAC{
			Hash: verifiers.SHA256,
			Signed: verifiers.Signed{
				Signature: verifiers.Header("X-Gcs-Signature"),
				Encoding:  verifiers.Base64,
				Content:   "{body}",
			},
		},
		header: verifiers.Header("X-Gcs-Keyid"),
		option: "key_ids",
	},
	Options:    []verifiers.Option{{Name: "key_ids", Doc: "The webhook key ids, in the order of the secrets that belong to them.", Multiple: true}},
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
	Signs:    "HMAC-SHA256 of the body, in base64",
	Retries:  "By report after 10 minutes, 1, 2, 8 and 24 hours.",
	Notes: []string{
		"Nothing limits replay: the member created is in the body, but no window is documented.",
		"While keys are changed, configure the old and the new one together, with their ids in the option key_ids if you set it.",
	},
	Sources: []string{
		"https://docs.connect.worldline-solutions.com/documentation/webhooks/",
		"npm connect-sdk-nodejs@5.2.0 webhooks.v1.unmarshal",
	},
	Confidence: verifiers.High,
})
