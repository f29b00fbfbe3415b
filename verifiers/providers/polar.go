package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Polar uses the headers of Standard Webhooks with the whole secret as text,
// prefix included. It delivers in order: while one event is not accepted, the
// later ones wait.
var Polar = add(verifiers.Provider{
	Name:       "polar",
	Title:      "Polar",
	Docs:       "https://polar.sh/docs/integrate/webhooks/delivery",
	Scheme:     plainKey(verifiers.StandardWebhooks()),
	SecretHint: "the endpoint's secret, as it is, with polar_whs_ if it begins so",
	ID:         verifiers.Header("Webhook-Id"),
	Type:       verifiers.JSON("/type"),
	Time:       verifiers.JSON("/timestamp"),
	TypePrefix: "sh.polar",
	NeedsJSON:  true,
	Deadline:   10 * time.Second,

	Category: "payments",
	Setup:    "Add the endpoint under Settings > Webhooks of the organization and copy its secret.",
	Retries:  "Up to 10 times with growing pauses; the endpoint is switched off after 10 failures in a row.",
	Notes: []string{
		"The secret is not base64: nothing of it is decoded or cut off.",
		"A redirect is a failure.",
		"Events are delivered in order, so one that is refused holds up the others.",
	},
	Sources: []string{
		"https://polar.sh/docs/integrate/webhooks/delivery",
		"npm @polar-sh/sdk@0.49.0 validateEvent",
		"https://github.com/polarsource/polar server/polar/webhook/tasks.py",
	},
	Confidence: verifiers.High,
})
