package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Meta signs the body only, without a timestamp, and sends up to 1000 changes
// in one request without an id. The signature serves as one: it is the same for
// the same bytes and different for others. It escapes non-ASCII characters in
// the JSON and signs that, so only the bytes as received verify. The SHA-1 twin
// X-Hub-Signature must not be accepted. Retries go on for 36 hours; WhatsApp's
// for up to 7 days.
var Meta = add(verifiers.Provider{
	Name:  "meta",
	Title: "Meta (Graph API)",
	Docs:  "https://developers.facebook.com/docs/graph-api/webhooks/getting-started",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Hub-Signature-256").Trim("sha256="),
			Content:   "{body}",
		},
	},
	Options: []verifiers.Option{{
		Name:     "verify_token",
		Doc:      "The verify token that you typed in the App Dashboard; Meta sends it when the URL is subscribed.",
		Required: true,
		Secret:   true,
	}},
	SecretHint: "the app secret, under App Settings > Basic",
	ID:         verifiers.Header("X-Hub-Signature-256").Trim("sha256=").Lower(),
	Type:       verifiers.JSON("/object"),
	TypePrefix: "com.meta",
	Handshakes: []verifiers.Handshake{{
		Name:        "subscribe",
		Method:      "GET",
		When:        []verifiers.Match{verifiers.Query("hub.mode").Is("subscribe")},
		Token:       verifiers.Query("hub.verify_token"),
		TokenOption: "verify_token",
		Reply:       verifiers.Echo(verifiers.Query("hub.challenge")),
	}},
	ContentTypes: []string{"application/json"},
	NeedsJSON:    true,
	MaxBody:      4 << 20,
	Deadline:     5 * time.Second,
	RetrySpan:    36 * time.Hour,

	Category: "comms",
	Setup:    "Enter the URL and a verify token of your choice under Webhooks in the App Dashboard; Meta sends the subscription challenge at once. The app secret is under App Settings > Basic.",
	Retries:  "With growing pauses for 36 hours, for WhatsApp for up to 7 days; the deduplication window stays at 36 hours.",
	Notes: []string{
		"Non-ASCII characters are escaped in the JSON that is signed: only the bytes as received verify.",
		"X-Hub-Signature is the SHA-1 twin and is not looked at.",
	},
	Sources: []string{
		"https://developers.facebook.com/docs/graph-api/webhooks/getting-started",
	},
	Confidence: verifiers.High,
})
