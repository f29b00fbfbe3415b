package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Langfuse signs a time and the body; the key is the text of the secret, which
// begins with lf-whsec_.
var Langfuse = add(verifiers.Provider{
	Name:  "langfuse",
	Title: "Langfuse (prompt webhooks)",
	Docs:  "https://langfuse.com/docs/prompt-management/features/webhooks-slack-integrations",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Langfuse-Signature").KV("v1"),
			Timestamp: verifiers.Header("X-Langfuse-Signature").KV("t"),
			Content:   "{timestamp}.{body}",
			Tolerance: 5 * time.Minute,
		},
	},
	SecretHint: "the webhook's secret, as text with its lf-whsec_",
	ID:         verifiers.JSON("/id"),
	Type:       verifiers.Join(".", verifiers.JSON("/type"), verifiers.JSON("/action")),
	Time:       verifiers.JSON("/timestamp"),
	TypePrefix: "com.langfuse",
	NeedsJSON:  true,

	Category: "dev",
	Setup:    "Add an automation of the kind webhook under Prompts; its secret is shown once.",
	Retries:  "Not documented.",
	Sources: []string{
		"https://langfuse.com/docs/prompt-management/features/webhooks-slack-integrations",
	},
	Confidence: verifiers.Medium,
})
