package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// CustomerIO signs a text like Slack's, yet its header has no "v0=". It
// documents no tolerance, and not whether a retry is signed anew. The window is
// as long as deduplication remembers an event, which catches replays.
var CustomerIO = add(verifiers.Provider{
	Name:    "customer-io",
	Aliases: []string{"customerio"},
	Title:   "Customer.io",
	Docs:    "https://docs.customer.io/integrations/data-out/connections/webhooks/",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-CIO-Signature"),
			Timestamp: verifiers.Header("X-CIO-Timestamp"),
			Content:   "v0:{timestamp}:{body}",
			Tolerance: 96 * time.Hour,
		},
	},
	SecretHint: "the webhook signing key, on the page of the reporting webhook",
	ID:         verifiers.JSON("/event_id"),
	Type:       verifiers.Join(".", verifiers.JSON("/object_type"), verifiers.JSON("/metric")),
	Time:       verifiers.JSON("/timestamp"),
	TypePrefix: "io.customer",
	NeedsJSON:  true,
	Deadline:   4 * time.Second,
	RetrySpan:  96 * time.Hour,

	Category: "crm",
	Setup:    "Add a reporting webhook under Data & Integrations > Integrations. The signing key is on its page.",
	Retries:  "With exponential pauses for 7 days; the deduplication window stays at 96 hours. After a 4xx or 5xx there is a pause of an hour.",
	Notes: []string{
		"Events queue behind one that fails.",
		"Webhooks that a campaign sends are signed in the same way, but their body is your own.",
	},
	Sources: []string{
		"https://docs.customer.io/integrations/data-out/connections/webhooks/",
	},
	Confidence: verifiers.High,
})
