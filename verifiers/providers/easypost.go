package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// EasyPost normalizes the secret (NFKD) before it is used, which matters for
// characters beyond ASCII. Its library for Node writes weights anew, to undo
// what JavaScript does to numbers; the bytes as sent need no such thing.
var EasyPost = add(verifiers.Provider{
	Name:  "easypost",
	Title: "EasyPost",
	Docs:  "https://docs.easypost.com/guides/webhooks-guide",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Hmac-Signature").Trim("hmac-sha256-hex="),
			Content:   "{body}",
			Key:       verifiers.KeyNFKD,
		},
	},
	SecretHint: "the secret of the webhook",
	ID:         verifiers.JSON("/id"),
	Type:       verifiers.JSON("/description"),
	Time:       verifiers.JSON("/created_at"),
	TypePrefix: "com.easypost",
	NeedsJSON:  true,
	MaxBody:    4 << 20,
	Deadline:   7 * time.Second,
	Varies:     []string{"/pending_urls", "/completed_urls", "/updated_at"},

	Category: "commerce",
	Setup:    "Create the webhook with the API or in the dashboard, with a secret.",
	Retries:  "Several times with growing pauses by report.",
	Notes: []string{
		"Without a secret nothing is signed, and nothing is accepted.",
	},
	Sources: []string{
		"https://docs.easypost.com/guides/webhooks-guide",
		"npm @easypost/api@8.9.0 Utils.validateWebhook",
		"https://github.com/EasyPost/easypost-go webhook.go",
	},
	Confidence: verifiers.High,
})
