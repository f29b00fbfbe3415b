package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// TriggerDev signs the body of its alerts and nothing else.
var TriggerDev = add(verifiers.Provider{
	Name:  "trigger-dev",
	Title: "Trigger.dev (alerts)",
	Docs:  "https://trigger.dev/docs/troubleshooting-alerts",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Trigger-Signature-HMACSHA256"),
			Content:   "{body}",
		},
	},
	SecretHint: "the secret of the alert's webhook channel",
	ID:         verifiers.JSON("/id"),
	Type:       verifiers.JSON("/type"),
	Time:       verifiers.JSON("/created"),
	TypePrefix: "dev.trigger",
	NeedsJSON:  true,

	Category: "dev",
	Setup:    "Add an alert of the kind webhook under Alerts of the project; its secret is shown once.",
	Retries:  "Not documented.",
	Sources: []string{
		"https://trigger.dev/docs/troubleshooting-alerts",
		"npm @trigger.dev/sdk@4.8.3 webhooks.constructEvent",
	},
	Confidence: verifiers.High,
})
