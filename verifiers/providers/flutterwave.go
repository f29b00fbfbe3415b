package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Flutterwave v3 repeats a fixed secret with each request and signs nothing:
// whoever has seen one request can send others. It tells receivers to look a
// transaction up before they give value for it.
var Flutterwave = add(verifiers.Provider{
	Name:       "flutterwave",
	Title:      "Flutterwave (v3)",
	Docs:       "https://developer.flutterwave.com/v3.0/docs/webhooks",
	Scheme:     verifiers.Token{Source: verifiers.Header("Verif-Hash")},
	SecretHint: "the secret hash under Settings > Webhooks",
	Type:       verifiers.JSON("/event"),
	Time:       verifiers.JSON("/data/created_at"),
	TypePrefix: "com.flutterwave",
	NeedsJSON:  true,
	Deadline:   60 * time.Second,

	Category: "payments",
	Setup:    "Enter the URL and a secret hash of your choice under Settings > Webhooks of the dashboard.",
	Retries:  "Off by default; if switched on, three times with pauses of 30 minutes by report.",
	Notes: []string{
		"The body is not signed: look a transaction up through the API before you act on it.",
		"Version 4 signs the body: use flutterwave-v4 where you can.",
	},
	Sources:    []string{"https://developer.flutterwave.com/v3.0/docs/webhooks"},
	Confidence: verifiers.Medium,
})
