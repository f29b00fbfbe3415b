package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// HookdeckOutpost signs the body. While a secret is being rotated the further
// signatures follow the first after a comma and without the label v0 of their
// own. Operators may choose another header, template or hash; this is the
// default. In its Standard Webhooks mode use standard-webhooks.
var HookdeckOutpost = add(verifiers.Provider{
	Name:    "hookdeck-outpost",
	Aliases: []string{"outpost"},
	Title:   "Outpost",
	Docs:    "https://hookdeck.com/docs/outpost/destinations/webhook",
	Scheme: variants{
		outpostHMAC(verifiers.Header("X-Outpost-Signature").KV("v0")),
		outpostHMAC(verifiers.Header("X-Outpost-Signature").Split(",")),
	},
	SecretHint:   "the destination's secret",
	ID:           verifiers.Header("X-Outpost-Event-Id"),
	Type:         verifiers.Header("X-Outpost-Topic"),
	Time:         verifiers.Header("X-Outpost-Timestamp"),
	TypePrefix:   "com.hookdeck.outpost",
	ContentTypes: []string{"application/json"},
	NeedsJSON:    true,
	Headers:      []string{"X-Outpost-Topic"},

	Category: "generic",
	Setup:    "Create a webhook destination at the sender; its secret is shown with it.",
	Signs:    "HMAC-SHA256 of the body in hex",
	Retries:  "As the deployment is configured.",
	Notes: []string{
		"Only the first signature has the label v0.",
		"Id, topic and time are in headers, which are not signed by default.",
	},
	Sources: []string{
		"https://hookdeck.com/docs/outpost/destinations/webhook",
		"https://github.com/hookdeck/outpost internal/destregistry/providers/destwebhook/signature.go",
	},
	Confidence: verifiers.High,
})

func outpostHMAC(signature verifiers.Source) verifiers.HMAC {
	return verifiers.HMAC{Hash: verifiers.SHA256, Signed: verifiers.Signed{Signature: signature, Content: "{body}"}}
}
