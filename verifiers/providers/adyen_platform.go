package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Webhooks of the balance platform and of management are signed as a whole, in a
// header, unlike Adyen's standard ones.
var AdyenPlatform = add(verifiers.Provider{
	Name:  "adyen-platform",
	Title: "Adyen (Platform and Classic Platforms)",
	Docs:  "https://docs.adyen.com/development-resources/webhooks/secure-webhooks/verify-hmac-signatures",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("HmacSignature"),
			Encoding:  verifiers.Base64,
			Content:   "{body}",
			Key:       verifiers.KeyHex,
		},
	},
	SecretHint: "the HMAC key, in hexadecimal as shown",
	ID:         verifiers.Join(".", verifiers.JSON("/data/id"), verifiers.JSON("/type"), verifiers.JSON("/timestamp")),
	Type:       verifiers.JSON("/type"),
	Time:       verifiers.JSON("/timestamp"),
	TypePrefix: "com.adyen.platform",
	NeedsJSON:  true,
	RetrySpan:  96 * time.Hour,
	Success:    verifiers.Reply{Status: 202},

	Category: "payments",
	Setup:    "Add the webhook under Developers > Webhooks, generate an HMAC key there and save.",
	Retries:  "Soon at first, then with growing pauses for up to 30 days, of which the deduplication window covers 96 hours.",
	Notes: []string{
		"The key is decoded from hexadecimal.",
	},
	Sources: []string{
		"https://docs.adyen.com/development-resources/webhooks/secure-webhooks/verify-hmac-signatures",
		"npm @adyen/api-library@32.1.0 hmacValidator.validateHMACSignature",
	},
	Confidence: verifiers.High,
})
