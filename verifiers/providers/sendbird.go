package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Sendbird signs with the master API token of the application; there is no
// secret of the webhook's own.
var Sendbird = add(verifiers.Provider{
	Name:  "sendbird",
	Title: "Sendbird",
	Docs:  "https://sendbird.com/docs/chat/platform-api/v3/webhook/webhook-overview",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Sendbird-Signature"),
			Content:   "{body}",
		},
	},
	SecretHint: "the master API token of the application",
	ID:         verifiers.Join(".", verifiers.JSON("/payload/message_id"), verifiers.JSON("/category"), verifiers.Header("X-Sendbird-Signature").Lower()),
	Type:       verifiers.JSON("/category"),
	TypePrefix: "com.sendbird",
	NeedsJSON:  true,
	Deadline:   5 * time.Second,

	Category: "comms",
	Setup:    "Enter the URL under Settings > Chat > Webhooks; the master API token is under General.",
	Retries:  "Three times by report.",
	Notes: []string{
		"Secondary API tokens do not sign.",
		"Events of messages have the message's id, with the signature, since a message may change; others have none.",
	},
	Sources: []string{
		"https://sendbird.com/docs/chat/platform-api/v3/webhook/webhook-overview",
	},
	Confidence: verifiers.Medium,
})
