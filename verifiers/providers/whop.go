package providers

import "github.com/caddy-webhooks/caddy-webhooks/verifiers"

// Whop follows Standard Webhooks, except that the secret, ws_ and all, is the
// key as it stands: Whop tells users of the Standard Webhooks libraries to
// encode it in base64 first, which they undo.
var Whop = add(verifiers.Provider{
	Name:  "whop",
	Title: "Whop",
	Docs:  "https://docs.whop.com/developer/guides/webhooks",
	Scheme: func() verifiers.HMAC {
		h := verifiers.StandardWebhooks()
		h.Key = verifiers.KeyText
		return h
	}(),
	SecretHint: "the webhook's secret as it is shown, ws_ included",
	ID:         verifiers.Header("Webhook-Id"),
	Type:       verifiers.JSON("/type"),
	Time:       verifiers.JSON("/timestamp"),
	TypePrefix: "com.whop",
	NeedsJSON:  true,

	Category: "commerce",
	Setup:    "Create the webhook under Developer of the dashboard and copy its secret.",
	Retries:  "Not stated on the pages read.",
	Notes: []string{
		"The secret is used as text. Do not encode it in base64 here, although Whop's samples do so for their library.",
	},
	Sources: []string{
		"https://docs.whop.com/developer/guides/webhooks",
		"github whopio/whopsdk-typescript src/resources/webhooks.ts",
	},
	Confidence: verifiers.High,
})
