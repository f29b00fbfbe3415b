package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Lemon Squeezy signs the body only. Events have no id; the name of the event
// is in the body and, unsigned, in a header.
var LemonSqueezy = add(verifiers.Provider{
	Name:  "lemon-squeezy",
	Title: "Lemon Squeezy",
	Docs:  "https://docs.lemonsqueezy.com/help/webhooks/signing-requests",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Signature"),
			Content:   "{body}",
		},
	},
	SecretHint: "the signing secret of the webhook, as you typed it",
	Type:       verifiers.JSON("/meta/event_name"),
	TypePrefix: "com.lemonsqueezy",
	NeedsJSON:  true,
	Headers:    []string{"X-Event-Name"},

	Category: "payments",
	Setup:    "Add the webhook under Settings > Webhooks of the store and type a signing secret.",
	Retries:  "Up to three more times with growing pauses, by report.",
	Notes:    []string{"The header X-Event-Name is not signed; the member meta.event_name is."},
	Sources: []string{
		"https://docs.lemonsqueezy.com/help/webhooks/signing-requests",
		"https://github.com/lmsqueezy/nextjs-billing src/app/api/webhook/route.ts",
	},
	Confidence: verifiers.High,
})
