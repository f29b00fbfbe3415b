package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Circleback sends one kind of event, without a type: the notes of a meeting.
var Circleback = add(verifiers.Provider{
	Name:  "circleback",
	Title: "Circleback",
	Docs:  "https://circleback.ai/docs/webhook-integration",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Signature"),
			Content:   "{body}",
		},
	},
	SecretHint: "the signing secret of the webhook step",
	ID:         verifiers.JSON("/id"),
	Type:       verifiers.Const("meeting"),
	Time:       verifiers.JSON("/createdAt"),
	TypePrefix: "ai.circleback",
	NeedsJSON:  true,
	MaxBody:    8 << 20,

	Category: "saas",
	Setup:    "Add a webhook step to an automation; its signing secret is shown there.",
	Retries:  "Not documented.",
	Sources: []string{
		"https://circleback.ai/docs/webhook-integration",
	},
	Confidence: verifiers.Medium,
})
