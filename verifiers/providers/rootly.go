package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Rootly's header looks like Stripe's, but nothing stands between time and body
// in what is signed. The prose of its documentation calls the signature v, the
// example and code in use v1; the latter is followed.
var Rootly = add(verifiers.Provider{
	Name:  "rootly",
	Title: "Rootly",
	Docs:  "https://docs.rootly.com/configuration/webhooks",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Rootly-Signature").KV("v1"),
			Timestamp: verifiers.Header("X-Rootly-Signature").KV("t"),
			Content:   "{timestamp}{body}",
			Tolerance: 5 * time.Minute,
		},
	},
	SecretHint:   "the webhook's secret",
	ID:           verifiers.JSON("/event/id"),
	Type:         verifiers.JSON("/event/type"),
	Time:         verifiers.JSON("/event/issued_at"),
	TypePrefix:   "com.rootly",
	ContentTypes: []string{"application/json"},
	NeedsJSON:    true,

	Category: "infra",
	Setup:    "Create the webhook under Configuration > Webhooks; the secret is on its page.",
	Retries:  "Not documented.",
	Notes: []string{
		"There is no dot between time and body.",
	},
	Sources: []string{
		"https://docs.rootly.com/configuration/webhooks",
		"https://github.com/superplanehq/superplane pkg/integrations/rootly/rootly.go",
	},
	Confidence: verifiers.Medium,
})
