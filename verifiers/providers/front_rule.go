package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// FrontRule are webhooks that a rule sends. They sign the body only, with
// SHA-1, under the same header as application webhooks, and are never repeated.
var FrontRule = add(verifiers.Provider{
	Name:  "front-rule",
	Title: "Front (rule webhooks)",
	Docs:  "https://dev.frontapp.com/docs/rule-webhooks",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA1,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Front-Signature"),
			Encoding:  verifiers.Base64,
			Content:   "{body}",
		},
	},
	SecretHint:   "the API secret of the Webhooks app, in Front's settings",
	ID:           verifiers.JSON("/id"),
	Type:         verifiers.JSON("/type"),
	Time:         verifiers.JSON("/emitted_at"),
	TypePrefix:   "com.frontapp",
	NeedsJSON:    true,
	Deadline:     5 * time.Second,
	NeverRetries: true,

	Category: "crm",
	Setup:    "Add the action \"send to a webhook\" to a rule. The API secret is shown in the settings of the Webhooks app.",
	Retries:  "None.",
	Notes: []string{
		"Application webhooks have the header X-Front-Request-Timestamp besides: they are the entry front.",
	},
	Sources: []string{
		"https://dev.frontapp.com/docs/rule-webhooks",
	},
	Confidence: verifiers.Medium,
})
