package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// WorkOS writes its time in milliseconds and a space after the comma. Its
// library refuses only what is too old; here the window is the same in both
// directions. AuthKit actions are signed alike but need an answer that depends
// on the request: they belong to an application.
var WorkOS = add(verifiers.Provider{
	Name:  "workos",
	Title: "WorkOS",
	Docs:  "https://workos.com/docs/events/data-syncing/webhooks",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.First(verifiers.Header("WorkOS-Signature").KV("v1").Split(", "), verifiers.Header("WorkOS-Signature").KV("v1")),
			Content:   "{timestamp}.{body}",
			Timestamp: verifiers.Header("WorkOS-Signature").KV("t"),
			Unit:      verifiers.Milliseconds,
			Tolerance: 3 * time.Minute,
		},
	},
	SecretHint: "the endpoint's secret",
	ID:         verifiers.JSON("/id"),
	Type:       verifiers.JSON("/event"),
	Time:       verifiers.JSON("/created_at"),
	TypePrefix: "com.workos",
	NeedsJSON:  true,
	RetrySpan:  72 * time.Hour,

	Category: "identity",
	Setup:    "Add the endpoint under Webhooks in the dashboard; its secret is on its page.",
	Retries:  "Up to six times within three days.",
	Notes: []string{
		"The time is in milliseconds.",
	},
	Sources: []string{
		"https://workos.com/docs/events/data-syncing/webhooks",
		"npm @workos-inc/node@8.13.0 webhooks.constructEvent",
	},
	Confidence: verifiers.High,
})
