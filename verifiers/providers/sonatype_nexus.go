package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// SonatypeNexus signs the body with HMAC-SHA1. Sonatype's sample encodes the
// parsed JSON again, which only works as long as both encoders agree; what is
// signed is what is sent.
var SonatypeNexus = add(verifiers.Provider{
	Name:    "sonatype-nexus",
	Aliases: []string{"nexus"},
	Title:   "Sonatype Nexus Repository",
	Docs:    "https://help.sonatype.com/en/working-with-hmac-payloads.html",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA1,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Nexus-Webhook-Signature"),
			Content:   "{body}",
		},
	},
	SecretHint:   "the secret key of the webhook capability",
	ID:           verifiers.Header("X-Nexus-Webhook-Delivery"),
	Type:         verifiers.Join(".", verifiers.Header("X-Nexus-Webhook-Id"), verifiers.JSON("/action")),
	Time:         verifiers.JSON("/timestamp"),
	TypePrefix:   "com.sonatype.nexus",
	ContentTypes: []string{"application/json"},
	NeedsJSON:    true,

	Category: "dev",
	Setup:    "Add a capability of the type Webhook: Repository or Webhook: Global under System > Capabilities with URL and secret key.",
	Retries:  "None documented.",
	Notes: []string{
		"Without a secret key there is no signature.",
		"Id and type are in headers, which are not signed.",
	},
	Sources: []string{
		"https://help.sonatype.com/en/working-with-hmac-payloads.html",
		"https://github.com/fluxcd/notification-controller internal/server/receiver_handlers.go",
	},
	Confidence: verifiers.Medium,
})
