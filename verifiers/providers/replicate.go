package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Replicate follows Standard Webhooks. The body is the prediction itself, so one
// prediction sends several events with the same id in the body: only the id of
// the header tells them apart. Replicate's library checks neither the timestamp
// nor the version of a signature; both are checked here.
var Replicate = add(verifiers.Provider{
	Name:         "replicate",
	Title:        "Replicate",
	Docs:         "https://replicate.com/docs/topics/webhooks/verify-webhook",
	Scheme:       verifiers.StandardWebhooks(),
	SecretHint:   "the signing secret of the account or organization, whsec_ and base64, from GET /v1/webhooks/default/secret",
	ID:           verifiers.Header("Webhook-Id"),
	Type:         verifiers.JSON("/status"),
	TypePrefix:   "com.replicate.prediction",
	ContentTypes: []string{"application/json"},
	NeedsJSON:    true,

	Category: "saas",
	Setup:    "Name the URL as webhook when you create a prediction. The API returns the secret at /v1/webhooks/default/secret.",
	Retries:  "Repeated under the same Webhook-Id; the schedule is not documented in full.",
	Notes: []string{
		"One prediction sends several events: the id in the body is no key for deduplication.",
	},
	Sources: []string{
		"https://replicate.com/docs/topics/webhooks/verify-webhook",
		"npm replicate@1.4.0 validateWebhook",
	},
	Confidence: verifiers.High,
})
