package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// BunnyStream signs the body only, which has neither id nor time: a video that
// is encoded twice sends the same bytes twice. So there is nothing to tell a
// retry or a replay by.
var BunnyStream = add(verifiers.Provider{
	Name:  "bunny-stream",
	Title: "Bunny Stream",
	Docs:  "https://docs.bunny.net/docs/stream-webhook",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-BunnyStream-Signature"),
			Content:   "{body}",
		},
	},
	SecretHint: "the video library's read-only API key",
	Type:       verifiers.JSON("/Status"),
	TypePrefix: "net.bunny.stream",
	NeedsJSON:  true,

	Category: "media",
	Setup:    "Enter the URL under API > Webhook URL of the video library. The read-only API key is on the same page.",
	Retries:  "Not documented.",
	Notes: []string{
		"The type is the number in Status; 3 means that the video is finished.",
		"Nothing identifies a delivery: make what consumers do with it idempotent.",
		"Older libraries send no signature, and nothing of theirs is accepted.",
	},
	Sources: []string{
		"https://docs.bunny.net/docs/stream-webhook",
	},
	Confidence: verifiers.Medium,
})
