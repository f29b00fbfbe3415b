package providers

import "github.com/caddy-webhooks/caddy-webhooks/verifiers"

// Uber Direct repeats its signature under the older header of Postmates, which
// is not looked at. Each kind of webhook may have a key of its own on one URL:
// configure them all.
var UberDirect = add(verifiers.Provider{
	Name:  "uber-direct",
	Title: "Uber Direct",
	Docs:  "https://developer.uber.com/docs/deliveries/guides/webhooks",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Uber-Signature"),
			Content:   "{body}",
		},
	},
	SecretHint: "the signing key shown when the webhook was created",
	ID:         verifiers.First(verifiers.JSON("/id"), verifiers.Header("X-Uber-Signature").Lower()),
	Type:       verifiers.JSON("/kind"),
	Time:       verifiers.JSON("/created"),
	TypePrefix: "com.uber.direct",
	NeedsJSON:  true,

	Category: "commerce",
	Setup:    "Create the webhook in the Direct dashboard under Developer > Webhooks and copy its signing key.",
	Retries:  "By report up to three times after a 5xx or no answer, after 10 seconds and then 30 to 120.",
	Notes: []string{
		"The key is the webhook's own signing key and not the client secret.",
	},
	Sources:    []string{"https://developer.uber.com/docs/deliveries/guides/webhooks"},
	Confidence: verifiers.Medium,
})
