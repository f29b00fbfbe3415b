package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// The signing key begins with whsec_ and is nonetheless used as it is: this is
// not Standard Webhooks. A request may tell of several transfers; it stays one
// event with one id.
var Alchemy = add(verifiers.Provider{
	Name:  "alchemy",
	Title: "Alchemy Notify",
	Docs:  "https://www.alchemy.com/docs/reference/notify-api-quickstart",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Alchemy-Signature"),
			Content:   "{body}",
		},
	},
	SecretHint: "the signing key of the webhook (whsec_...)",
	ID:         verifiers.JSON("/id"),
	Type:       verifiers.JSON("/type"),
	Time:       verifiers.JSON("/createdAt"),
	TypePrefix: "com.alchemy",
	NeedsJSON:  true,

	Category: "payments",
	Setup:    "Create the webhook on the Webhooks page of the dashboard; the signing key is in its details.",
	Retries:  "Up to three tries, the first after 15 seconds; more in enterprise plans.",
	Notes: []string{
		"The signing key is not decoded although it begins with whsec_.",
		"Each webhook has a signing key of its own.",
	},
	Sources: []string{
		"https://www.alchemy.com/docs/reference/notify-api-quickstart",
		"https://github.com/alchemyplatform/webhook-examples golang/pkg/notify.go",
		"https://github.com/alchemyplatform/docs fern/api-reference/data/webhooks/notify-api-quickstart.mdx",
	},
	Confidence: verifiers.High,
})
