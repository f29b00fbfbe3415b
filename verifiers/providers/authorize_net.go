package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// The signature key of Authorize.net is 128 hexadecimal digits and is used as
// that text. Several libraries decode it, as is right for the transaction hash
// of another interface; signed requests that are public fit the text only, and
// so do we.
var AuthorizeNet = add(verifiers.Provider{
	Name:  "authorize-net",
	Title: "Authorize.net",
	Docs:  "https://developer.authorize.net/api/reference/features/webhooks.html",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA512,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-ANET-Signature").Trim("sha512="),
			Content:   "{body}",
		},
	},
	SecretHint: "the signature key under Account > Settings > API Credentials & Keys, as it is",
	ID:         verifiers.JSON("/notificationId"),
	Type:       verifiers.JSON("/eventType"),
	Time:       verifiers.JSON("/eventDate"),
	TypePrefix: "net.authorize",
	NeedsJSON:  true,
	RetrySpan:  96 * time.Hour,

	Category: "payments",
	Setup:    "Create a signature key under Account > Settings > API Credentials & Keys and add the endpoint under Webhooks.",
	Retries:  "Three times every 3 minutes, three times every 8 hours and four times every 48 hours by report, of which the deduplication window covers 96 hours; the webhook is then switched off.",
	Notes: []string{
		"The key is not decoded from hex.",
		"Amounts such as 0.0 change when JSON is written anew: only the raw body verifies.",
	},
	Sources: []string{
		"https://developer.authorize.net/api/reference/features/webhooks.html",
		"https://github.com/stymiee/authnetjson tests/Authnetjson/AuthnetWebhookTest.php",
	},
	Confidence: verifiers.Medium,
})
