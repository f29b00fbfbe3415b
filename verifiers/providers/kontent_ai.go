package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// KontentAI signs the body, with the secret as text although it is base64. A
// request holds several notifications and has no id, and neither has a
// notification: the same change of the same object may be reported twice. Legacy
// webhooks have another header and body, with an id; they are signed alike.
var KontentAI = add(verifiers.Provider{
	Name:    "kontent-ai",
	Aliases: []string{"kontent"},
	Title:   "Kontent.ai",
	Docs:    "https://kontent.ai/learn/docs/webhooks/webhooks/javascript",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.First(verifiers.Header("X-Kontent-Ai-Signature"), verifiers.Header("X-Kc-Signature")),
			Encoding:  verifiers.Base64,
			Content:   "{body}",
		},
	},
	SecretHint: "the webhook's secret",
	ID:         verifiers.JSON("/message/id"),
	Type: verifiers.First(
		verifiers.Join(".", verifiers.JSON("/message/type"), verifiers.JSON("/message/operation")),
		verifiers.Const("notifications"),
	),
	TypePrefix:   "ai.kontent",
	ContentTypes: []string{"application/json"},
	NeedsJSON:    true,
	Batch: &verifiers.Batch{
		Elements: "/notifications",
		Type:     verifiers.Join(".", verifiers.JSON("/message/object_type"), verifiers.JSON("/message/action")),
		Time:     verifiers.JSON("/data/system/last_modified"),
	},

	Category: "saas",
	Setup:    "Create the webhook under Environment settings > Webhooks; the secret is on its page.",
	Retries:  "With growing pauses.",
	Notes: []string{
		"The secret is base64 and is used as text.",
		"The body is pretty-printed: parsing it and encoding it again gives another signature.",
	},
	Sources: []string{
		"https://kontent.ai/learn/docs/webhooks/webhooks/javascript",
		"npm @kontent-ai/webhook-helper@3.0.3 signatureHelper",
	},
	Confidence: verifiers.High,
})
