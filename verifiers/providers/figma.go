package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Figma signs nothing: the passcode of the webhook is in the body, beside the
// event, and in the published payload. The ping on creation has it too and is
// answered. A 400 stops the webhook at once, which is what a body that is no
// JSON would get.
var Figma = add(verifiers.Provider{
	Name:       "figma",
	Title:      "Figma",
	Docs:       "https://developers.figma.com/docs/rest-api/webhooks-security",
	Scheme:     verifiers.Token{Source: verifiers.JSON("/passcode")},
	SecretHint: "the passcode given when the webhook was created",
	ID:         verifiers.Join(".", verifiers.JSON("/webhook_id"), verifiers.JSON("/event_type"), verifiers.JSON("/timestamp")),
	Type:       verifiers.JSON("/event_type"),
	Time:       verifiers.JSON("/timestamp"),
	TypePrefix: "com.figma",
	NeedsJSON:  true,
	RetrySpan:  4 * time.Hour,
	Handshakes: []verifiers.Handshake{{
		Name:   "ping",
		When:   []verifiers.Match{verifiers.JSON("/event_type").Is("PING")},
		Signed: true,
		Reply:  verifiers.Reply{Status: 200},
	}},

	Category: "saas",
	Setup:    "Create the webhook with the API, with a long random text as passcode.",
	Retries:  "Three times, after 5 and 30 minutes and 3 hours.",
	Notes: []string{
		"Nothing is signed.",
		"The passcode is part of the body: treat stored events as secrets.",
	},
	Sources: []string{
		"https://developers.figma.com/docs/rest-api/webhooks-security",
	},
	Confidence: verifiers.High,
})
