package providers

import "github.com/caddy-webhooks/caddy-webhooks/verifiers"

// Dodo Payments follows Standard Webhooks.
var DodoPayments = add(verifiers.Provider{
	Name:       "dodo-payments",
	Title:      "Dodo Payments",
	Docs:       "https://docs.dodopayments.com/developer-resources/webhooks",
	Scheme:     verifiers.StandardWebhooks(),
	SecretHint: "the webhook's signing secret, whsec_ and base64",
	ID:         verifiers.Header("Webhook-Id"),
	Type:       verifiers.JSON("/type"),
	Time:       verifiers.JSON("/timestamp"),
	TypePrefix: "com.dodopayments",
	NeedsJSON:  true,

	Category: "payments",
	Setup:    "Add the endpoint under Developer > Webhooks of the dashboard and copy its signing secret.",
	Retries:  "Not stated on the pages read.",
	Sources: []string{
		"https://docs.dodopayments.com/developer-resources/webhooks",
		"github dodopayments/dodopayments-typescript src/resources/webhooks/webhooks.ts",
	},
	Confidence: verifiers.High,
})
