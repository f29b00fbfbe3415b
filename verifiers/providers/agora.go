package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Agora sends two signatures, of which the one with SHA-256 counts; that with
// SHA-1 is not looked at. It wants JSON as the answer.
var Agora = add(verifiers.Provider{
	Name:  "agora",
	Title: "Agora",
	Docs:  "https://docs.agora.io/en/video-calling/advanced-features/receive-notifications",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("Agora-Signature-V2"),
			Content:   "{body}",
		},
	},
	SecretHint: "the secret of the notifications",
	ID:         verifiers.JSON("/noticeId"),
	Type:       verifiers.Join(".", verifiers.JSON("/productId"), verifiers.JSON("/eventType")),
	Time:       verifiers.JSON("/notifyMs"),
	TypePrefix: "io.agora",
	NeedsJSON:  true,
	Deadline:   10 * time.Second,
	Varies:     []string{"/notifyMs"},
	Success:    verifiers.Reply{ContentType: "application/json", Body: "{}"},

	Category: "saas",
	Setup:    "Set the notifications up in the console; the secret is shown there.",
	Retries:  "Three times by report.",
	Notes: []string{
		"Agora-Signature is the SHA-1 twin and is not looked at.",
	},
	Sources: []string{
		"https://docs.agora.io/en/video-calling/advanced-features/receive-notifications",
	},
	Confidence: verifiers.Medium,
})
