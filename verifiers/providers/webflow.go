package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Webflow puts a colon between time and body; the time is in milliseconds.
// Webhooks made in the dashboard are not signed.
var Webflow = add(verifiers.Provider{
	Name:  "webflow",
	Title: "Webflow",
	Docs:  "https://developers.webflow.com/data/docs/working-with-webhooks",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Webflow-Signature"),
			Content:   "{timestamp}:{body}",
			Timestamp: verifiers.Header("X-Webflow-Timestamp"),
			Unit:      verifiers.Milliseconds,
			Tolerance: 5 * time.Minute,
		},
	},
	SecretHint: "the client secret of the OAuth app, or the secretKey of a webhook made with a site token",
	ID:         verifiers.First(verifiers.Join(".", verifiers.First(verifiers.JSON("/payload/submittedAt"), verifiers.JSON("/payload/lastUpdated"), verifiers.JSON("/payload/publishedOn")), verifiers.JSON("/payload/id"), verifiers.JSON("/triggerType")), verifiers.Header("X-Webflow-Signature").Lower()),
	Type:       verifiers.JSON("/triggerType"),
	TypePrefix: "com.webflow",
	NeedsJSON:  true,
	RetrySpan:  time.Hour,

	Category: "saas",
	Setup:    "Create the webhook with the API, in the name of an OAuth app or with a site token.",
	Retries:  "Three times, 10 minutes apart; the webhook is then switched off.",
	Notes: []string{
		"Webhooks made in the dashboard are not signed, and nothing of them is accepted.",
		"The time is in milliseconds.",
	},
	Sources: []string{
		"https://developers.webflow.com/data/docs/working-with-webhooks",
		"npm webflow-api@3.3.4 WebhooksClient.verifySignature",
	},
	Confidence: verifiers.High,
})
