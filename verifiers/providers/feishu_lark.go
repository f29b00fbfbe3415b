package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Lark hashes time, nonce, Encrypt Key and body without HMAC. Once an Encrypt
// Key is set the body is encrypted, and the signature is over the encrypted
// text: it is published encrypted, without id and type, and consumers decrypt
// it. How far retries reach is not certain, nor whether they have a time of
// their own, so that the window is as long as they are.
var FeishuLark = add(verifiers.Provider{
	Name:  "feishu-lark",
	Title: "Feishu and Lark",
	Docs:  "https://open.larksuite.com/document/server-docs/event-subscription-guide/event-subscription-configure-/request-url-configuration-case",
	Scheme: verifiers.Digest{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Lark-Signature"),
			Content:   "{header:X-Lark-Request-Timestamp}{header:X-Lark-Request-Nonce}{secret}{body}",
			Timestamp: verifiers.Header("X-Lark-Request-Timestamp"),
			Tolerance: 8 * time.Hour,
		},
	},
	SecretHint: "the Encrypt Key, under Event Subscriptions",
	ID:         verifiers.First(verifiers.JSON("/header/event_id"), verifiers.JSON("/uuid")),
	Type:       verifiers.First(verifiers.JSON("/header/event_type"), verifiers.JSON("/event/type")),
	Time:       verifiers.JSON("/header/create_time"),
	TypePrefix: "com.larksuite",
	Aliases:    []string{"lark", "feishu"},
	NeedsJSON:  true,
	Deadline:   3 * time.Second,
	RetrySpan:  8 * time.Hour,
	Handshakes: []verifiers.Handshake{{
		Name:  "url_verification",
		When:  []verifiers.Match{verifiers.JSON("/type").Is("url_verification"), verifiers.JSON("/challenge").Present()},
		Reply: verifiers.Reply{ContentType: "application/json", Template: `{{"challenge":"{json:/challenge}"}}`},
	}},

	Category: "comms",
	Setup:    "Enter the URL under Event Subscriptions before the Encrypt Key is set, since the challenge is encrypted afterwards; then set the key.",
	Retries:  "Four times by report: after 15 seconds, 5 minutes, an hour and 6 hours.",
	Notes: []string{
		"An encrypted challenge is not answered: save the URL first and the Encrypt Key after that.",
		"Without an Encrypt Key nothing is signed, and nothing is accepted.",
		"Callbacks of old cards, which are signed with SHA-1, are not taken.",
	},
	Sources: []string{
		"https://open.larksuite.com/document/server-docs/event-subscription-guide/event-subscription-configure-/request-url-configuration-case",
		"npm @larksuiteoapi/node-sdk@1.74.0",
	},
	Confidence: verifiers.High,
})
