package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Shippo signs for accounts to which its staff has given a secret on request;
// others should use a token in the URL with a description of their own.
var Shippo = add(verifiers.Provider{
	Name:  "shippo",
	Title: "Shippo",
	Docs:  "https://docs.goshippo.com/docs/Tracking/WebhookSecurity/",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("Shippo-Auth-Signature").KV("v1"),
			Content:   "{timestamp}.{body}",
			Timestamp: verifiers.Header("Shippo-Auth-Signature").KV("t"),
			Tolerance: 5 * time.Minute,
		},
	},
	SecretHint: "the HMAC secret that Shippo gave you",
	ID:         verifiers.Header("Shippo-Auth-Signature").KV("v1"),
	Type:       verifiers.JSON("/event"),
	TypePrefix: "com.goshippo",
	NeedsJSON:  true,

	Category: "commerce",
	Setup:    "Ask Shippo for an HMAC secret, and add the webhook under Settings > API > Webhooks.",
	Retries:  "Not documented.",
	Notes: []string{
		"Without a secret nothing is signed, and nothing is accepted.",
		"Nothing names the event: the signature stands for the id, so that retries that are signed anew count as new.",
	},
	Sources: []string{
		"https://docs.goshippo.com/docs/Tracking/WebhookSecurity/",
	},
	Confidence: verifiers.Medium,
})
