package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Adobe Commerce signs the base64 text of the body, with RSA, although its
// documentation says HMAC. The shop waits for the answer: what is published
// here can be observed but not changed, and the answer says that all is well.
var AdobeCommerce = add(verifiers.Provider{
	Name:  "adobe-commerce",
	Title: "Adobe Commerce (Magento)",
	Docs:  "https://developer.adobe.com/commerce/extensibility/webhooks/signature-verification/",
	Scheme: verifiers.RSA{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Adobe-Commerce-Webhook-Signature"),
			Encoding:  verifiers.Base64,
			Content:   "{base64:body}",
			Key:       verifiers.KeyPEM,
		},
	},
	SecretHint:   "the public key (PEM) under Stores > Configuration > Adobe Services > Webhooks",
	TypePrefix:   "com.adobe.commerce",
	NeverRetries: true,
	Success:      verifiers.Reply{ContentType: "application/json", Body: `[{"op":"success"}]`},

	Category: "commerce",
	Setup:    "Switch digital signatures on under Stores > Configuration > Adobe Services > Webhooks, generate the key pair there and copy the public key.",
	Retries:  "None: the shop waits for the answer.",
	Notes: []string{
		"Signatures are off until you switch them on.",
		"A new key pair makes the old public key useless at once.",
		"What is signed is the base64 of the body, not the body.",
		"An event has neither id nor type: give each webhook method a path of its own.",
	},
	Sources: []string{
		"https://developer.adobe.com/commerce/extensibility/webhooks/signature-verification/",
		"https://github.com/AdobeDocs/commerce-extensibility src/pages/webhooks/signature-verification.md",
	},
	Confidence: verifiers.High,
})
