package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Attio signs the body only, and two changes of one record may have the same
// bytes, so that the id has to come from a header that is not signed. The
// signature is sent under two names with the same value.
var Attio = add(verifiers.Provider{
	Name:  "attio",
	Title: "Attio",
	Docs:  "https://docs.attio.com/rest-api/guides/webhooks",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.First(verifiers.Header("Attio-Signature"), verifiers.Header("X-Attio-Signature")),
			Content:   "{body}",
		},
	},
	SecretHint: "the webhook's secret, which the API returns when the webhook is created",
	ID:         verifiers.Header("Idempotency-Key"),
	Type:       verifiers.JSON("/events/0/event_type"),
	TypePrefix: "com.attio",
	Batch:      &verifiers.Batch{Elements: "/events", Type: verifiers.JSON("/event_type")},
	NeedsJSON:  true,
	Deadline:   5 * time.Second,
	RetrySpan:  72 * time.Hour,

	Category: "crm",
	Setup:    "Create the webhook under Workspace settings > Developers, or with the API, which returns the secret once.",
	Retries:  "Up to ten times within about three days.",
	Notes: []string{
		"Idempotency-Key is not signed: it guards against retries and not against replays.",
	},
	Sources: []string{
		"https://docs.attio.com/rest-api/guides/webhooks",
	},
	Confidence: verifiers.Medium,
})
