package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Tailscale sends an array of events, which have no ids: time, kind and node
// together serve as one.
var Tailscale = add(verifiers.Provider{
	Name:  "tailscale",
	Title: "Tailscale",
	Docs:  "https://tailscale.com/kb/1213/webhooks",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("Tailscale-Webhook-Signature").KV("v1"),
			Timestamp: verifiers.Header("Tailscale-Webhook-Signature").KV("t"),
			Content:   "{timestamp}.{body}",
			Tolerance: 5 * time.Minute,
		},
	},
	SecretHint: "the webhook's secret, tskey-webhook-...",
	ID:         verifiers.Join(".", verifiers.JSON("/0/timestamp"), verifiers.JSON("/0/type"), verifiers.JSON("/0/data/nodeID")),
	Type:       verifiers.JSON("/0/type"),
	Time:       verifiers.JSON("/0/timestamp"),
	TypePrefix: "com.tailscale",
	Batch: &verifiers.Batch{
		ID:   verifiers.Join(".", verifiers.JSON("/timestamp"), verifiers.JSON("/type"), verifiers.JSON("/data/nodeID")),
		Type: verifiers.JSON("/type"),
		Time: verifiers.JSON("/timestamp"),
	},
	NeedsJSON: true,

	Category: "infra",
	Setup:    "Add the endpoint under Settings > Webhooks of the admin console; its secret is shown once.",
	Retries:  "Not documented.",
	Sources: []string{
		"https://tailscale.com/kb/1213/webhooks",
		"https://github.com/tailscale/tailscale/blob/main/docs/webhooks/example.go",
	},
	Confidence: verifiers.Medium,
})
