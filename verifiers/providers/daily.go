package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Daily signs time and body under a key that it shows in base64. What unit the
// time has is not confirmed, so that it is signed text here and no replay
// window. Creating a webhook needs an answer to a test that holds nothing.
var Daily = add(verifiers.Provider{
	Name:  "daily",
	Title: "Daily",
	Docs:  "https://docs.daily.co/reference/rest-api/webhooks",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Webhook-Signature"),
			Encoding:  verifiers.Base64,
			Content:   "{header:X-Webhook-Timestamp}.{body}",
			Key:       verifiers.KeyBase64,
		},
	},
	SecretHint: "hmac of the webhook, in base64 as shown",
	ID:         verifiers.JSON("/id"),
	Type:       verifiers.JSON("/type"),
	Time:       verifiers.JSON("/event_ts"),
	TypePrefix: "co.daily",
	NeedsJSON:  true,
	Handshakes: []verifiers.Handshake{{
		Name:  "test",
		When:  []verifiers.Match{verifiers.JSON("/test").Is("test"), verifiers.JSON("/type").Absent()},
		Reply: verifiers.Reply{Status: 200},
	}},

	Category: "saas",
	Setup:    "Create the webhook with the API; hmac is in the answer.",
	Retries:  "None by default: three failures in a row switch it off; growing pauses can be chosen.",
	Notes: []string{
		"The key is decoded from base64 first.",
	},
	Sources: []string{
		"https://docs.daily.co/reference/rest-api/webhooks",
	},
	Confidence: verifiers.Medium,
})
