package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// BambooHR signs the body with the time behind it. One request may name several
// employees, with only their ids to tell them apart.
var BambooHR = add(verifiers.Provider{
	Name:  "bamboohr",
	Title: "BambooHR",
	Docs:  "https://documentation.bamboohr.com/docs/webhooks",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-BambooHR-Signature"),
			Content:   "{body}{timestamp}",
			Timestamp: verifiers.Header("X-BambooHR-Timestamp"),
			Tolerance: 5 * time.Minute,
		},
	},
	SecretHint: "the privateKey of the webhook, as it is",
	ID:         verifiers.Header("X-BambooHR-Signature").Lower(),
	Type:       verifiers.Const("employees"),
	TypePrefix: "com.bamboohr",
	RetrySpan:  time.Hour,
	Batch:      &verifiers.Batch{Elements: "/employees"},

	Category: "saas",
	Setup:    "Create the webhook with the API; privateKey is in the answer, once.",
	Retries:  "Five times within about 20 minutes.",
	Notes: []string{
		"The key is used as text, not decoded from hex.",
	},
	Sources: []string{
		"https://documentation.bamboohr.com/docs/webhooks",
		"https://github.com/fusebit/integrations src/bamboohr/bamboohr-connector",
	},
	Confidence: verifiers.Medium,
})
