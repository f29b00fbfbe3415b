package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Paddle separates items by semicolons and time and body by a colon. While a
// secret is being changed there are several h1; its libraries differ in what
// they make of that, and we take any that fits, as the one for PHP does. The
// window is the five seconds of Paddle's own libraries: each attempt is signed
// anew, and a receiver whose clock is worse has to say so with a wider one.
var Paddle = add(verifiers.Provider{
	Name:  "paddle",
	Title: "Paddle Billing",
	Docs:  "https://developer.paddle.com/webhooks/signature-verification",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("Paddle-Signature").KV("h1").Split(";"),
			Content:   "{timestamp}:{body}",
			Timestamp: verifiers.Header("Paddle-Signature").KV("ts").Split(";"),
			Tolerance: 5 * time.Second,
		},
	},
	SecretHint: "the notification destination's secret key, pdl_ntfset_…, used as it is",
	ID:         verifiers.JSON("/event_id"),
	Type:       verifiers.JSON("/event_type"),
	Time:       verifiers.JSON("/occurred_at"),
	TypePrefix: "com.paddle",
	NeedsJSON:  true,
	Deadline:   5 * time.Second,
	RetrySpan:  73 * time.Hour,

	Addresses: []verifiers.AddressList{ // live and sandbox
		{URL: "https://api.paddle.com/ips", Pointers: []string{"/data/ipv4_cidrs"}},
		{URL: "https://sandbox-api.paddle.com/ips", Pointers: []string{"/data/ipv4_cidrs"}},
	},

	Category: "payments",
	Setup:    "Add a destination under Developer tools > Notifications and copy its secret key from the menu of the destination.",
	Retries:  "60 times within three days for live accounts, 3 times within 15 minutes in the sandbox.",
	Notes: []string{
		"The clock has to be right: a request is refused after five seconds.",
		"The whole secret is the key, prefix included.",
		"notification_id differs with each destination; event_id is that of the event.",
	},
	Sources: []string{
		"https://developer.paddle.com/webhooks/signature-verification",
		"npm @paddle/paddle-node-sdk@3.10.0 webhooks.isSignatureValid",
		"https://github.com/PaddleHQ/paddle-go-sdk webhook_verifier.go",
		"https://github.com/PaddleHQ/paddle-php-sdk src/Notifications/Verifier.php",
		"https://developer.paddle.com/webhooks/respond-to-webhooks",
	},
	Confidence: verifiers.High,
})
