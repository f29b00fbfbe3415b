package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// IncidentIO sends through Svix, with the headers of Standard Webhooks or those
// of Svix.
var IncidentIO = add(verifiers.Provider{
	Name:         "incident-io",
	Title:        "incident.io",
	Docs:         "https://api-docs.incident.io/tag/Webhooks",
	Scheme:       verifiers.StandardWebhooks("webhook", "svix"),
	SecretHint:   "the endpoint's signing secret, whsec_ and base64",
	ID:           verifiers.First(verifiers.Header("Webhook-Id"), verifiers.Header("Svix-Id")),
	Type:         verifiers.JSON("/event_type"),
	TypePrefix:   "io.incident",
	ContentTypes: []string{"application/json"},
	NeedsJSON:    true,
	Deadline:     15 * time.Second,
	RetrySpan:    28 * time.Hour,

	Category: "infra",
	Setup:    "Add the endpoint under Settings > Webhooks; the signing secret is on its page.",
	Retries:  "As Svix does: after 5 s, 5 min, 30 min, 2 h, 5 h, 10 h and 10 h.",
	Notes: []string{
		"Events about private incidents hold an id only.",
	},
	Sources: []string{
		"https://api-docs.incident.io/tag/Webhooks",
		"https://github.com/simstudioai/sim apps/sim/lib/webhooks/providers/incidentio.ts",
	},
	Confidence: verifiers.Medium,
})
