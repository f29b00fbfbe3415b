package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// CircleCI's header is a list of versions, of which v1 is the only one so far.
var CircleCI = add(verifiers.Provider{
	Name:  "circleci",
	Title: "CircleCI",
	Docs:  "https://circleci.com/docs/guides/integration/outbound-webhooks/",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("Circleci-Signature").KV("v1"),
			Content:   "{body}",
		},
	},
	SecretHint: "the secret token of the webhook",
	ID:         verifiers.JSON("/id"),
	Type:       verifiers.JSON("/type"),
	Time:       verifiers.JSON("/happened_at"),
	TypePrefix: "com.circleci",
	Deadline:   10 * time.Second,
	Headers:    []string{"Circleci-Event-Type"},

	Category: "dev",
	Setup:    "Add the webhook under Project Settings > Webhooks, with a secret token.",
	Retries:  "Later, after a timeout or an answer other than a 2xx.",
	Notes: []string{
		"Without a secret token there is no header, and nothing is accepted.",
	},
	Sources: []string{
		"https://circleci.com/docs/guides/integration/outbound-webhooks/",
	},
	Confidence: verifiers.High,
})
