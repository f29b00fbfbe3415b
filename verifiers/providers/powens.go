package providers

import "github.com/caddy-webhooks/caddy-webhooks/verifiers"

// Powens signs the path of the URL as configured, so a proxy that rewrites it
// breaks the signature. The event is told from the URL: use one for each. How
// its date is written is not documented, so it limits no replay.
var Powens = add(verifiers.Provider{
	Name:    "powens",
	Aliases: []string{"budget-insight"},
	Title:   "Powens (Budget Insight)",
	Docs:    "https://docs.powens.com/documentation/integration-guides/webhooks",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("Bi-Signature"),
			Encoding:  verifiers.Base64,
			Content:   "POST.{req:path}.{header:Bi-Signature-Date}.{body}",
		},
	},
	SecretHint: "the secret of the HMAC authentication profile made with the webhooks API",
	ID:         verifiers.Header("Bi-Signature"),
	TypePrefix: "com.powens",
	NeedsJSON:  true,
	Headers:    []string{"Bi-Signature-Date"},

	Category: "payments",
	Setup:    "Create an authentication profile of the type HMAC and the webhook in the console, with one path for each kind of event.",
	Retries:  "Not stated on the pages read.",
	Notes: []string{
		"The body does not name its event: the path does.",
		"The path is signed as Powens calls it.",
		"An event has no id: the signature, which is over path, date and body, stands in for it.",
	},
	Sources: []string{
		"https://docs.powens.com/documentation/integration-guides/webhooks",
		"github formancehq/payments ce/plugins/powens/webhooks.go",
	},
	Confidence: verifiers.Medium,
})
