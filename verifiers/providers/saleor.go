package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Saleor signs with a detached JWS over the bytes of the body as they are, under
// the key set of the instance, which the option names: the domain in the
// request's headers is not signed. A webhook with the older secret key is signed
// with HMAC instead; then there is no option.
var Saleor = add(verifiers.Provider{
	Name:       "saleor",
	Title:      "Saleor",
	Docs:       "https://docs.saleor.io/developer/extending/webhooks/payload-signature",
	Scheme:     saleorScheme{},
	SecretHint: "the secret key of the webhook, where it has one",
	Type:       verifiers.Header("Saleor-Event"),
	TypePrefix: "io.saleor",
	Options: []verifiers.Option{{
		Name: saleorHost, Example: "shop.saleor.cloud",
		Doc: "The host of the Saleor instance, whose keys sign; without it the secret key of the webhook does.",
	}},
	MaxBody: 4 << 20,
	Headers: []string{"Saleor-Event", "Saleor-Domain", "Saleor-Api-Url", "Saleor-Schema-Version"},

	Category: "commerce",
	Setup:    "Add the webhook to the app, with the host of the instance as option; or set a secret key, which is deprecated.",
	Signs:    "The body, with a detached JWS (RS256), or with HMAC-SHA256",
	Retries:  "Up to five times by report.",
	Notes: []string{
		"Saleor-Domain and Saleor-Api-Url are not signed.",
		"JWS libraries that do not know the extension b64 refuse these signatures.",
		"Nothing names the delivery.",
	},
	Sources: []string{
		"https://docs.saleor.io/developer/extending/webhooks/payload-signature",
		"https://github.com/saleor/saleor saleor/core/jwt_manager.py",
	},
	Confidence: verifiers.High,
})
