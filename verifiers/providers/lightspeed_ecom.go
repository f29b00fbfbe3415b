package providers

import "github.com/caddy-webhooks/caddy-webhooks/verifiers"

// Lightspeed eCom hashes the body followed by the app's secret with MD5. That
// is as weak as it looks: keep such events apart from what moves money.
var LightspeedEcom = add(verifiers.Provider{
	Name:  "lightspeed-ecom",
	Title: "Lightspeed eCom (C-Series)",
	Docs:  "https://developers.lightspeedhq.com/ecom/introduction/webhooks/",
	Scheme: verifiers.Digest{
		Hash: verifiers.MD5,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Signature"),
			Content:   "{body}{secret}",
		},
	},
	SecretHint: "the app's API secret",
	ID:         verifiers.Join(".", verifiers.Header("X-Signature").Lower(), verifiers.Header("X-Event")),
	Type:       verifiers.Header("X-Event"),
	TypePrefix: "com.lightspeedhq.ecom",
	NeedsJSON:  true,
	Headers:    []string{"X-Event", "X-Shop-Id", "X-Language"},

	Category: "commerce",
	Setup:    "Create the webhook with the eCom API; the secret is that of the app.",
	Retries:  "By report ten times.",
	Notes: []string{
		"MD5 with the secret at the end is weak: two bodies of one hash can be made.",
		"An event has no id: the signature, the same for the same bytes, and the type stand in for it.",
	},
	Sources: []string{
		"https://developers.lightspeedhq.com/ecom/introduction/webhooks/",
		"https://community.lightspeedhq.com/en/discussion/4574/webhook-signature-verification",
	},
	Confidence: verifiers.Medium,
})
