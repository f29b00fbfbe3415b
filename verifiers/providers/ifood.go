package providers

import "github.com/caddy-webhooks/caddy-webhooks/verifiers"

// iFood now and then sends events with wrong signatures on purpose, to see them
// refused. Refusals are no reason for an alarm here.
var IFood = add(verifiers.Provider{
	Name:  "ifood",
	Title: "iFood",
	Docs:  "https://developer.ifood.com.br/en-US/docs/guides/modules/events/webhook-signature",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Ifood-Signature"),
			Content:   "{body}",
		},
	},
	SecretHint: "the application's client secret",
	ID:         verifiers.First(verifiers.JSON("/id"), verifiers.Header("X-Ifood-Signature").Lower()),
	Type:       verifiers.First(verifiers.JSON("/fullCode"), verifiers.JSON("/code")),
	Time:       verifiers.JSON("/createdAt"),
	TypePrefix: "br.com.ifood",
	NeedsJSON:  true,
	Success:    verifiers.Reply{Status: 202},

	Category: "commerce",
	Setup:    "Enter the webhook URL in the application's settings in the developer portal. The key is the client secret.",
	Retries:  "By report for up to 15 minutes.",
	Notes: []string{
		"iFood sends events with wrong signatures to test the receiver; they must be refused.",
	},
	Sources:    []string{"https://developer.ifood.com.br/en-US/docs/guides/modules/events/webhook-signature"},
	Confidence: verifiers.High,
})
