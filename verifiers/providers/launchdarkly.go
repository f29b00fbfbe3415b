package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// LaunchDarkly signs the body if the webhook has a secret. Deliveries may come
// out of order: the date in the body, which is signed with it, tells the order.
var LaunchDarkly = add(verifiers.Provider{
	Name:  "launchdarkly",
	Title: "LaunchDarkly",
	Docs:  "https://launchdarkly.com/docs/home/infrastructure/webhooks",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Ld-Signature"),
			Content:   "{body}",
		},
	},
	SecretHint: "the secret of the webhook",
	ID:         verifiers.JSON("/_id"),
	Type:       verifiers.Join(".", verifiers.JSON("/kind"), verifiers.JSON("/accesses/0/action")),
	Time:       verifiers.JSON("/date"),
	TypePrefix: "com.launchdarkly",
	NeedsJSON:  true,

	Category: "dev",
	Setup:    "Add a webhook under Integrations with Sign this webhook on; the secret is shown with it.",
	Retries:  "Once again by report.",
	Notes: []string{
		"Without a secret there is no signature.",
		"Deliveries may come out of order: date is the order.",
	},
	Sources: []string{
		"https://launchdarkly.com/docs/api/webhooks",
		"https://launchdarkly.com/docs/home/infrastructure/webhooks",
		"https://github.com/superplanehq/superplane pkg/integrations/launchdarkly",
		"https://github.com/port-labs/ocean integrations/launchdarkly",
	},
	Confidence: verifiers.Medium,
})
