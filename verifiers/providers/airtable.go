package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Airtable signs a notification that holds nothing but that something has
// changed. The secret is shown in base64 and decoded first.
var Airtable = add(verifiers.Provider{
	Name:  "airtable",
	Title: "Airtable",
	Docs:  "https://airtable.com/developers/web/api/webhooks-overview",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Airtable-Content-MAC").Trim("hmac-sha256="),
			Content:   "{body}",
			Key:       verifiers.KeyBase64,
		},
	},
	SecretHint: "macSecretBase64, as it is",
	ID:         verifiers.Join(".", verifiers.JSON("/base/id"), verifiers.JSON("/webhook/id"), verifiers.JSON("/timestamp")),
	Type:       verifiers.Const("notification"),
	Time:       verifiers.JSON("/timestamp"),
	TypePrefix: "com.airtable",
	NeedsJSON:  true,
	Deadline:   25 * time.Second,
	RetrySpan:  26 * time.Hour,

	Category: "saas",
	Setup:    "Create the webhook with the API; macSecretBase64 is in the answer, once.",
	Retries:  "13 times within about a day; notifications are then switched off.",
	Notes: []string{
		"The secret is decoded from base64 first.",
		"Read the changes with the API. Webhooks end after 7 days: refresh them.",
	},
	Sources: []string{
		"https://airtable.com/developers/web/api/webhooks-overview",
	},
	Confidence: verifiers.Medium,
})
