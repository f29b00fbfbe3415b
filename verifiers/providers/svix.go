package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Svix is Standard Webhooks with headers of its own names. Senders that use
// Svix without showing it send webhook-* instead; as in the official library,
// svix-* goes first, header by header. The event type is the sender's choice
// and mostly a member "type". The aliases are senders that are known to use it, by
// Svix's own list of sources or by their documentation, and that need nothing else.
var Svix = add(verifiers.Provider{
	Name: "svix",
	Aliases: []string{
		"autumn", "beehiiv", "guesty", "nash", "pleo", "psi-fi", "safebase", "sardine", "shipbob", "vanta",
	},
	Title:        "Svix",
	Docs:         "https://docs.svix.com/receiving/verifying-payloads/how-manual",
	Scheme:       verifiers.StandardWebhooks("svix", "webhook"),
	SecretHint:   "the endpoint's signing secret, whsec_ and base64",
	ID:           verifiers.First(verifiers.Header("Svix-Id"), verifiers.Header("Webhook-Id")),
	Type:         verifiers.First(verifiers.JSON("/type"), verifiers.JSON("/event_type")),
	TypePrefix:   "com.svix",
	ContentTypes: []string{"application/json"},
	NeedsJSON:    true,
	Deadline:     15 * time.Second,
	RetrySpan:    28 * time.Hour,

	Category: "generic",
	Setup:    "The sender shows the secret, whsec_..., in its Svix App Portal.",
	Retries:  "After 5 s, 5 min, 30 min, 2 h, 5 h, 10 h and 10 h.",
	Notes: []string{
		"Senders may use the headers webhook-* in place of svix-*.",
	},
	Sources: []string{
		"https://docs.svix.com/receiving/verifying-payloads/how-manual",
		"npm svix@1.99.1",
		"github svix/svix-webhooks go/models/ingest_source_in.go",
		"https://developer.vanta.com/docs/webhooks",
	},
	Confidence: verifiers.High,
})
