package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Courier writes the time in milliseconds. A message is updated several times
// under one id, which its status tells apart.
var Courier = add(verifiers.Provider{
	Name:  "courier",
	Title: "Courier",
	Docs:  "https://www.courier.com/docs/platform/workspaces/outbound-webhooks",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("Courier-Signature").KV("signature"),
			Content:   "{timestamp}.{body}",
			Timestamp: verifiers.Header("Courier-Signature").KV("t"),
			Unit:      verifiers.Milliseconds,
			Tolerance: 5 * time.Minute,
		},
	},
	SecretHint: "the webhook's signing secret",
	ID:         verifiers.Join(".", verifiers.JSON("/data/id"), verifiers.JSON("/type"), verifiers.JSON("/data/status")),
	Type:       verifiers.JSON("/type"),
	TypePrefix: "com.courier",
	NeedsJSON:  true,

	Category: "comms",
	Setup:    "Add the webhook under Settings > Outbound Webhooks; its signing secret is on its page.",
	Retries:  "Not documented.",
	Notes: []string{
		"The time is in milliseconds.",
	},
	Sources: []string{
		"https://www.courier.com/docs/platform/workspaces/outbound-webhooks",
	},
	Confidence: verifiers.Medium,
})
