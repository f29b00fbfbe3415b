package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Pylon sends a body of its owner's making, which need not have an id. The
// signature serves as one: it guards against replays, and against retries as
// far as these are not signed anew, which Pylon does not say. For the same
// reason the window is as long as the retries. The header X-Pylon-Signature,
// over the body alone, is the older scheme and is not looked at.
var Pylon = add(verifiers.Provider{
	Name:  "pylon",
	Title: "Pylon",
	Docs:  "https://getpylon.com/developers/guides/using-webhooks/",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("Pylon-Webhook-Signature").Trim("hs256="),
			Timestamp: verifiers.Header("Pylon-Webhook-Timestamp"),
			Content:   "{timestamp}.{body}",
			Tolerance: 32 * time.Hour,
		},
	},
	SecretHint: "the signing secret of the webhook destination",
	ID:         verifiers.Header("Pylon-Webhook-Signature").Trim("hs256=").Lower(),
	Type:       verifiers.JSON("/type"),
	TypePrefix: "com.usepylon",
	RetrySpan:  32 * time.Hour,

	Category: "crm",
	Setup:    "Add a webhook destination in the settings and copy its signing secret; then choose it in a trigger.",
	Retries:  "Five times within about 31 hours.",
	Notes: []string{
		"The label is hs256=, and the older header X-Pylon-Signature has none.",
		"The body is what the trigger's author wrote: set event_type if it has no member type.",
	},
	Sources: []string{
		"https://getpylon.com/developers/guides/using-webhooks/",
	},
	Confidence: verifiers.Medium,
})
