package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Affirm labels its signature v0 and uses SHA-512. The body is JSON or a form.
var Affirm = add(verifiers.Provider{
	Name:  "affirm",
	Title: "Affirm",
	Docs:  "https://docs.affirm.com/developers/docs/webhooks",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA512,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Affirm-Signature").KV("v0"),
			Content:   "{timestamp}.{body}",
			Timestamp: verifiers.Header("X-Affirm-Signature").KV("t"),
			Tolerance: 5 * time.Minute,
		},
	},
	SecretHint: "the private API key",
	ID: verifiers.First(
		verifiers.Join(".", verifiers.JSON("/checkout_token"), verifiers.JSON("/event"), verifiers.JSON("/event_timestamp")),
		verifiers.Join(".", verifiers.Form("checkout_token"), verifiers.Form("event"), verifiers.Form("event_timestamp")),
		verifiers.Header("X-Affirm-Signature").KV("v0").Lower(),
	),
	Type: verifiers.First(
		verifiers.JSON("/event_type"), verifiers.JSON("/event"), verifiers.Form("event_type"), verifiers.Form("event"),
	),
	TypePrefix: "com.affirm",

	Category: "payments",
	Setup:    "Ask Affirm to register the endpoint. The key is the private API key of the merchant dashboard.",
	Retries:  "Not stated on the pages read.",
	Notes: []string{
		"The label v0 is the only one there is, and the hash is SHA-512.",
	},
	Sources:    []string{"https://docs.affirm.com/developers/docs/webhooks"},
	Confidence: verifiers.Medium,
})
