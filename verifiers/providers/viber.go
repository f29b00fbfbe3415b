package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Viber signs the body with the bot's token. What it sends when the webhook is
// set is signed like an event and only needs a 200.
var Viber = add(verifiers.Provider{
	Name:  "viber",
	Title: "Viber bots",
	Docs:  "https://developers.viber.com/docs/api/rest-bot-api/#callbacks",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Viber-Content-Signature"),
			Content:   "{body}",
		},
	},
	SecretHint: "the authentication token of the bot, with its dashes",
	ID:         verifiers.JSON("/message_token"),
	Type:       verifiers.JSON("/event"),
	Time:       verifiers.JSON("/timestamp"),
	TypePrefix: "com.viber",
	NeedsJSON:  true,
	Handshakes: []verifiers.Handshake{{
		Name:   "webhook",
		When:   []verifiers.Match{verifiers.JSON("/event").Is("webhook")},
		Signed: true,
		Reply:  verifiers.Reply{Status: 200},
	}},

	Category: "comms",
	Setup:    "Call set_webhook with the URL; the authentication token is in the admin panel of the bot.",
	Retries:  "For a limited time until it gets a 200.",
	Notes: []string{
		"message_token is a 64-bit integer: languages whose numbers are floats lose its end.",
	},
	Sources: []string{
		"https://developers.viber.com/docs/api/rest-bot-api/#callbacks",
		"npm viber-bot@1.0.18",
	},
	Confidence: verifiers.High,
})
