package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// discordSigned has no tolerance of its own in Discord's words: its library
// checks none.
func discordSigned(tolerance time.Duration) verifiers.Signed {
	return verifiers.Signed{
		Signature: verifiers.Header("X-Signature-Ed25519"),
		Timestamp: verifiers.Header("X-Signature-Timestamp"),
		Content:   "{timestamp}{body}",
		Tolerance: tolerance,
		Key:       verifiers.KeyHex,
	}
}

// Discord sends interactions: commands, buttons, forms. They are not retried,
// and an answer is due within 3 seconds. The answer defers: the user sees that
// the app is thinking until a consumer replies through Discord's API with the
// interaction's token. Autocompletion cannot be deferred. On saving the URL,
// and now and then later, Discord sends wrong signatures on purpose; they must
// be answered 401, or the URL is removed. Webhook events of an application are
// a different sender: discord-webhook-events.
var Discord = add(verifiers.Provider{
	Name:       "discord-interactions",
	Aliases:    []string{"discord"},
	Title:      "Discord (interactions)",
	Docs:       "https://discord.com/developers/docs/interactions/overview",
	Scheme:     verifiers.Ed25519{Signed: discordSigned(5 * time.Minute)},
	SecretHint: "the application's Public Key, 64 hex digits, under General Information",
	ID:         verifiers.JSON("/id"),
	Type:       verifiers.JSON("/type"),
	TypePrefix: "com.discord.interaction",
	Handshakes: []verifiers.Handshake{{
		Name:   "ping",
		When:   []verifiers.Match{verifiers.JSON("/type").Is("1")},
		Signed: true,
		Reply:  verifiers.Reply{ContentType: "application/json", Body: `{"type":1}`},
	}},
	ContentTypes: []string{"application/json"},
	NeedsJSON:    true,
	Deadline:     3 * time.Second,
	NeverRetries: true,
	Success:      verifiers.Reply{ContentType: "application/json", Body: `{"type":5}`},

	Category: "comms",
	Setup:    "Enter the Interactions Endpoint URL under General Information of the application; Discord sends a PING, and one with a bad signature, at once. The public key is on the same page.",
	Retries:  "None: an interaction has to be answered within three seconds.",
	Notes: []string{
		"An endpoint that accepts a bad signature is removed.",
	},
	Sources: []string{
		"https://discord.com/developers/docs/interactions/overview",
		"npm discord-interactions verifyKey",
	},
	Confidence: verifiers.High,
})
