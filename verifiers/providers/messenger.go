package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Messenger is one of Meta's webhooks: the signature is that of the app and
// serves as id, since one request may hold many messages.
var Messenger = add(verifiers.Provider{
	Name:  "messenger",
	Title: "Messenger Platform",
	Docs:  "https://developers.facebook.com/docs/messenger-platform/webhooks",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Hub-Signature-256").Trim("sha256="),
			Content:   "{body}",
		},
	},
	SecretHint: "the app secret, under App Settings > Basic",
	ID:         verifiers.Header("X-Hub-Signature-256").Trim("sha256=").Lower(),
	Type: verifiers.First(verifiers.Join(".", verifiers.JSON("/object"), verifiers.First(
		verifiers.JSON("/entry/0/messaging/0/message/mid").As("message"),
		verifiers.JSON("/entry/0/messaging/0/postback/payload").As("postback"),
		verifiers.JSON("/entry/0/messaging/0/delivery/watermark").As("delivery"),
		verifiers.JSON("/entry/0/messaging/0/read/watermark").As("read"),
	)), verifiers.JSON("/object")),
	TypePrefix: "com.facebook.messenger",
	Options: []verifiers.Option{{
		Name:     "verify_token",
		Doc:      "The verify token that you typed in the App Dashboard; Meta sends it when the URL is subscribed.",
		Required: true,
		Secret:   true,
	}},
	Handshakes: []verifiers.Handshake{{
		Name:        "subscribe",
		Method:      "GET",
		When:        []verifiers.Match{verifiers.Query("hub.mode").Is("subscribe")},
		Token:       verifiers.Query("hub.verify_token"),
		TokenOption: "verify_token",
		Reply:       verifiers.Echo(verifiers.Query("hub.challenge")),
	}},
	NeedsJSON: true,
	MaxBody:   4 << 20,
	Deadline:  5 * time.Second,
	RetrySpan: 36 * time.Hour,

	Category: "comms",
	Setup:    "Enter the URL and a verify token of your choice under Webhooks of the product in the App Dashboard; Meta sends the subscription challenge at once.",
	Retries:  "With growing pauses for 36 hours.",
	Notes: []string{
		"Non-ASCII characters are escaped in the JSON that is signed: only the bytes as received verify.",
		"X-Hub-Signature is the SHA-1 twin and is not looked at.",
		"Messages have ids of their own, mid: consumers should compare them.",
	},
	Sources: []string{
		"https://developers.facebook.com/docs/messenger-platform/webhooks",
		"https://developers.facebook.com/docs/graph-api/webhooks/getting-started",
	},
	Confidence: verifiers.Medium,
})
