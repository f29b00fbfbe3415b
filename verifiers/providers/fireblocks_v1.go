package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// The older webhooks of Fireblocks, whose end was announced for June 2026: RSA
// with SHA-512 over the body, with a key for each environment that the
// documentation shows. The key is the same for all customers. Newer webhooks
// carry this signature as well while they are migrated.
var FireblocksV1 = add(verifiers.Provider{
	Name:  "fireblocks-v1",
	Title: "Fireblocks (webhooks v1)",
	Docs:  "https://developers.fireblocks.com/reference/verify-requests",
	Scheme: limited{
		Scheme: verifiers.RSA{
			Hash: verifiers.SHA512,
			Signed: verifiers.Signed{
				Signature: verifiers.Header("Fireblocks-Signature"),
				Encoding:  verifiers.Base64,
				Content:   "{body}",
				Key:       verifiers.KeyAny,
			},
		},
		option: fireblocksTenant,
		member: verifiers.JSON("/tenantId"),
	},
	SecretHint: "Fireblocks' public key (PEM) for your environment, as its documentation shows it",
	ID:         verifiers.Join(".", verifiers.JSON("/data/id"), verifiers.JSON("/type"), verifiers.JSON("/timestamp")),
	Type:       verifiers.JSON("/type"),
	Time:       verifiers.JSON("/timestamp"),
	TypePrefix: "io.fireblocks",
	Options: []verifiers.Option{{
		Name: fireblocksTenant, Doc: "The ids of the workspaces (tenantId) whose events are accepted; without it those of all are.", Multiple: true,
	}},
	NeedsJSON: true,

	Category: "payments",
	Setup:    "Enter the URL under Settings > General > Configure Webhook URL, and configure the public key of your environment from the documentation.",
	Retries:  "By report with growing pauses: after 15, 45, 105, 225 and 465 seconds and on.",
	Notes: []string{
		"The key is the same for all customers: set tenant_id, or check the workspace in the consumer.",
		"Sandbox, US and EU have different keys.",
		"Move to version 2, whose keys are fetched.",
	},
	Sources: []string{
		"https://developers.fireblocks.com/reference/verify-requests",
		"https://developers.fireblocks.com/reference/validating-webhooks",
		"https://github.com/hookdeck/webhook-skills skills/fireblocks-webhooks/references/verification.md",
	},
	Confidence: verifiers.Medium,
})

// fireblocksTenant is the option with the workspaces.
const fireblocksTenant = "tenant_id"
