package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// DiscordWebhookEvents are events about an application. Headers and signature
// are those of interactions; the ping is another one, with another answer.
// Events have no id. The window is wider than the ten minutes for which Discord
// retries, since it does not say whether a retry is signed anew.
var DiscordWebhookEvents = add(verifiers.Provider{
	Name:       "discord-webhook-events",
	Title:      "Discord (webhook events)",
	Docs:       "https://discord.com/developers/docs/events/webhook-events",
	Scheme:     verifiers.Ed25519{Signed: discordSigned(15 * time.Minute)},
	SecretHint: "the application's Public Key, 64 hex digits, under General Information",
	Type:       verifiers.JSON("/event/type"),
	Time:       verifiers.JSON("/event/timestamp"),
	TypePrefix: "com.discord",
	Handshakes: []verifiers.Handshake{{
		Name:   "ping",
		When:   []verifiers.Match{verifiers.JSON("/type").Is("0")},
		Signed: true,
		Reply:  verifiers.Reply{Status: 204},
	}},
	ContentTypes: []string{"application/json"},
	NeedsJSON:    true,
	Deadline:     3 * time.Second,
	RetrySpan:    10 * time.Minute,
	Success:      verifiers.Reply{Status: 204},

	Category: "comms",
	Setup:    "Enter the endpoint under Webhooks of the application. The public key is under General Information.",
	Retries:  "With growing pauses for up to ten minutes.",
	Notes: []string{
		"The PING is answered with 204 and no body.",
	},
	Sources: []string{
		"https://discord.com/developers/docs/events/webhook-events",
	},
	Confidence: verifiers.High,
})
