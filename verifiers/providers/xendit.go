package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Xendit repeats a token that is the same for all its requests. Nothing is
// signed.
var Xendit = add(verifiers.Provider{
	Name:       "xendit",
	Title:      "Xendit",
	Docs:       "https://docs.xendit.co/docs/handling-webhooks",
	Scheme:     verifiers.Token{Source: verifiers.Header("X-Callback-Token")},
	SecretHint: "the webhook verification token, under Settings > Webhooks",
	ID:         verifiers.Header("Webhook-Id"),
	Type:       verifiers.First(verifiers.JSON("/event"), verifiers.JSON("/status")),
	Time:       verifiers.JSON("/created"),
	TypePrefix: "co.xendit",
	NeedsJSON:  true,
	Deadline:   30 * time.Second,
	RetrySpan:  24 * time.Hour,
	Headers:    []string{"Webhook-Id"},

	Category: "payments",
	Setup:    "Enter the URL of each kind of event under Settings > Webhooks; the verification token is on the same page, one for test and one for live mode.",
	Retries:  "Up to six times with growing pauses, the first after 15 minutes.",
	Notes: []string{
		"The body is not signed: compare amounts with the API before goods are sent.",
		"Invoices have no member event; their type is the status.",
	},
	Sources: []string{
		"https://docs.xendit.co/docs/handling-webhooks",
		"https://docs.xendit.co/webhook/delivery-attempts-and-retries/",
		"https://docs.xendit.co/webhook/getting-started/",
		"https://docs.xendit.co/apidocs/refund-webhook-notification",
	},
	Confidence: verifiers.Medium,
})
