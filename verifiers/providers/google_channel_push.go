package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// A channel repeats the token that it was made with. Requests have no body that
// matters: everything is in headers, which nothing signs. The first is a sync
// message, which is answered and not published.
var GoogleChannelPush = add(verifiers.Provider{
	Name:       "google-channel-push",
	Title:      "Google Workspace (notification channels)",
	Docs:       "https://developers.google.com/workspace/drive/api/guides/push",
	Scheme:     verifiers.Token{Source: verifiers.Header("X-Goog-Channel-Token")},
	SecretHint: "the token given in the watch request",
	ID:         verifiers.Join(".", verifiers.Header("X-Goog-Channel-Id"), verifiers.Header("X-Goog-Message-Number")),
	Type:       verifiers.Header("X-Goog-Resource-State"),
	TypePrefix: "com.google.workspace",
	Aliases:    []string{"google-drive", "google-calendar"},
	Final4xx:   true,
	Headers: []string{
		"X-Goog-Channel-Id", "X-Goog-Channel-Expiration", "X-Goog-Message-Number", "X-Goog-Resource-Id",
		"X-Goog-Resource-State", "X-Goog-Resource-Uri", "X-Goog-Changed",
	},
	Handshakes: []verifiers.Handshake{{
		Name:   "sync",
		When:   []verifiers.Match{verifiers.Header("X-Goog-Resource-State").Is("sync")},
		Signed: true,
		Reply:  verifiers.Reply{Status: 200},
	}},

	Category: "saas",
	Setup:    "Call the watch method of the API with type web_hook, the URL as address and a long random text as token.",
	Retries:  "With growing pauses after a 500, 502, 503 or 504; what was answered otherwise is dropped.",
	Notes: []string{
		"Nothing is signed.",
		"Channels end: renew them.",
		"Without a token in the watch request there is no header, and nothing is accepted.",
	},
	Sources: []string{
		"https://developers.google.com/workspace/drive/api/guides/push",
	},
	Confidence: verifiers.Medium,
})
