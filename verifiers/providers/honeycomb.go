package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Honeycomb repeats a shared secret in a header and signs nothing. The id in the
// body is that of the trigger, which fires again and again.
var Honeycomb = add(verifiers.Provider{
	Name:         "honeycomb",
	Title:        "Honeycomb (triggers)",
	Docs:         "https://docs.honeycomb.io/integrations/webhooks/",
	Scheme:       verifiers.Token{Source: verifiers.Header("X-Honeycomb-Webhook-Token")},
	SecretHint:   "the shared secret of the webhook recipient",
	Type:         verifiers.JSON("/status"),
	TypePrefix:   "io.honeycomb.trigger",
	ContentTypes: []string{"application/json"},
	NeedsJSON:    true,

	Category: "infra",
	Setup:    "Add a Webhook integration under Team Settings > Integrations with URL and shared secret, and name it as recipient of triggers.",
	Retries:  "Not documented.",
	Notes: []string{
		"There is no signature: whoever learns the secret can send events.",
		"A payload template replaces the JSON.",
	},
	Sources: []string{
		"https://docs.honeycomb.io/integrations/webhooks/",
		"https://github.com/superplanehq/superplane pkg/integrations/honeycomb",
	},
	Confidence: verifiers.Medium,
})
