package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// SemaphoreCI signs the body only; there is neither a time nor an id. The result
// of the pipeline stands for the type.
var SemaphoreCI = add(verifiers.Provider{
	Name:    "semaphore-ci",
	Aliases: []string{"semaphore"},
	Title:   "Semaphore",
	Docs:    "https://docs.semaphoreci.com/using-semaphore/notifications",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Semaphore-Signature-256").Trim("sha256="),
			Content:   "{body}",
		},
	},
	SecretHint:   "the WEBHOOK_SECRET in the Semaphore secret that the notification names",
	Type:         verifiers.First(verifiers.JSON("/pipeline/result"), verifiers.JSON("/pipeline/state")),
	TypePrefix:   "com.semaphoreci.pipeline",
	ContentTypes: []string{"application/json"},
	NeedsJSON:    true,

	Category: "dev",
	Setup:    "Add a notification with the webhook's URL, and name in it a Semaphore secret that holds WEBHOOK_SECRET.",
	Retries:  "Not documented.",
	Notes: []string{
		"Without a secret there is no signature.",
	},
	Sources: []string{
		"https://docs.semaphoreci.com/using-semaphore/notifications",
		"https://github.com/superplanehq/superplane pkg/integrations/semaphore",
	},
	Confidence: verifiers.Medium,
})
