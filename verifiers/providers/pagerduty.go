package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// PagerDuty sends one v1 signature for each secret that is active. It drops what
// was answered with a 4xx other than 429, and after three such events the whole
// subscription for a day.
var PagerDuty = add(verifiers.Provider{
	Name:  "pagerduty",
	Title: "PagerDuty",
	Docs:  "https://developer.pagerduty.com/docs/webhooks/webhook-signatures/",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-PagerDuty-Signature").KV("v1"),
			Content:   "{body}",
		},
	},
	SecretHint: "the secret of the webhook, as it is, though it looks like base64",
	ID:         verifiers.JSON("/event/id"),
	Type:       verifiers.JSON("/event/event_type"),
	Time:       verifiers.JSON("/event/occurred_at"),
	TypePrefix: "com.pagerduty",
	NeedsJSON:  true,
	Deadline:   5 * time.Second,
	RetrySpan:  48 * time.Hour,
	Final4xx:   true,
	Success:    verifiers.Reply{Status: 202},
	Headers:    []string{"X-Webhook-Id", "X-Webhook-Subscription"},

	Category: "infra",
	Setup:    "Add a subscription under Integrations > Generic Webhooks (v3); its secret is shown once.",
	Retries:  "Up to 48 hours after a timeout, 429 or 5xx.",
	Notes: []string{
		"The secret is not decoded.",
		"A 4xx loses the event for good.",
	},
	Sources: []string{
		"https://developer.pagerduty.com/docs/webhooks/webhook-signatures/",
		"https://github.com/PagerDuty/go-pagerduty webhookv3",
	},
	Confidence: verifiers.High,
})
