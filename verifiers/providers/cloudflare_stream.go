package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// CloudflareStream has the header name of Standard Webhooks and another grammar:
// time and sig1. The secret looks hexadecimal and is used as text. A video may
// become ready more than once; the time of its last change tells the events
// apart.
var CloudflareStream = add(verifiers.Provider{
	Name:  "cloudflare-stream",
	Title: "Cloudflare Stream",
	Docs:  "https://developers.cloudflare.com/stream/manage-video-library/using-webhooks/",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("Webhook-Signature").KV("sig1"),
			Timestamp: verifiers.Header("Webhook-Signature").KV("time"),
			Content:   "{timestamp}.{body}",
			Tolerance: 5 * time.Minute,
		},
	},
	SecretHint:   "the secret in the API's answer to PUT /accounts/{account}/stream/webhook",
	ID:           verifiers.Join(".", verifiers.JSON("/uid"), verifiers.JSON("/status/state"), verifiers.JSON("/modified")),
	Type:         verifiers.JSON("/status/state"),
	Time:         verifiers.JSON("/modified"),
	TypePrefix:   "com.cloudflare.stream",
	ContentTypes: []string{"application/json"},
	NeedsJSON:    true,

	Category: "media",
	Setup:    "PUT the URL as notificationUrl to /accounts/{account}/stream/webhook; the answer holds the secret. There is one webhook for an account.",
	Retries:  "Not documented.",
	Notes: []string{
		"The secret looks hexadecimal and is used as text.",
		"Live inputs notify through Cloudflare's notifications instead, with Cf-Webhook-Auth.",
	},
	Sources: []string{
		"https://developers.cloudflare.com/stream/manage-video-library/using-webhooks/",
	},
	Confidence: verifiers.High,
})
