package providers

import "github.com/caddy-webhooks/caddy-webhooks/verifiers"

// Maxio sends forms whose names have brackets, and beside the HMAC an older MD5
// signature, which is not looked at.
var Maxio = add(verifiers.Provider{
	Name:    "maxio",
	Aliases: []string{"chargify"},
	Title:   "Maxio Advanced Billing (Chargify)",
	Docs:    "https://docs.maxio.com/hc/en-us/articles/24266094437773-Webhooks",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Chargify-Webhook-Signature-Hmac-Sha-256"),
			Content:   "{body}",
		},
	},
	SecretHint: "the site's shared key",
	ID: verifiers.First(
		verifiers.Form("id"), verifiers.Header("X-Chargify-Webhook-Id"),
		verifiers.Header("X-Chargify-Webhook-Signature-Hmac-Sha-256").Lower(),
	),
	Type:       verifiers.Form("event"),
	TypePrefix: "com.maxio",
	Headers:    []string{"X-Chargify-Webhook-Id"},

	Category: "payments",
	Setup:    "Add the endpoint under Config > Integrations > Webhooks of the site; the shared key is in the site's settings.",
	Retries:  "By report five more times.",
	Notes: []string{
		"X-Chargify-Webhook-Signature is MD5 and is not looked at.",
	},
	Sources: []string{
		"https://docs.maxio.com/hc/en-us/articles/24266094437773-Webhooks",
		"npm @maxio-com/advanced-billing-sdk@8.0.0 models/webhook",
	},
	Confidence: verifiers.Medium,
})
