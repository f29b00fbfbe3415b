package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// HighLevel signs for all apps and all customers with one key, which it
// publishes: a signature proves that HighLevel sent an event to somebody, and
// anybody may have had it signed. Name the locations that are yours. The header
// X-WH-Signature, RSA with another key, was the older way and is not looked at.
var HighLevel = add(verifiers.Provider{
	Name:    "highlevel",
	Aliases: []string{"gohighlevel"},
	Title:   "HighLevel",
	Docs:    "https://marketplace.gohighlevel.com/docs/webhook/WebhookIntegrationGuide",
	Scheme: limited{
		Scheme: verifiers.Ed25519{Signed: verifiers.Signed{
			Signature: verifiers.Header("X-GHL-Signature"),
			Encoding:  verifiers.Base64,
			Content:   "{body}",
		}},
		option: "location_id",
		member: verifiers.JSON("/locationId"),
	},
	Options: []verifiers.Option{{
		Name:     "location_id",
		Doc:      "The ids of the locations whose events are accepted; without it those of all are.",
		Multiple: true,
	}},
	SecretHint: "HighLevel's public key, published in its documentation as MCowBQYDK2VwAyEAi2HR1srL4o18O8BRa7gVJY7G7bupbN3H9AwJrHCDiOg=",
	ID:         verifiers.JSON("/webhookId"),
	Type:       verifiers.JSON("/type"),
	Time:       verifiers.JSON("/timestamp"),
	TypePrefix: "com.gohighlevel",
	NeedsJSON:  true,

	Category: "crm",
	Setup:    "Enter the URL under Advanced Settings > Webhooks of the app in the Marketplace and choose events. The key is in the documentation.",
	Signs:    "The body, with Ed25519 and a key that all apps share",
	Retries:  "Not documented.",
	Notes: []string{
		"The key is the same for everybody: set location_id, or check locationId and companyId in the consumer.",
		"Events of a whole company have no locationId: with the option set they are refused.",
		"X-WH-Signature is the older signature.",
	},
	Sources: []string{
		"https://marketplace.gohighlevel.com/docs/webhook/WebhookIntegrationGuide",
	},
	Confidence: verifiers.Medium,
})
