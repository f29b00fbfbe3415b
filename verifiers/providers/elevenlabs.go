package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// ElevenLabs has headers of its own, although others describe it as Standard
// Webhooks; its libraries read v0 and t. The secret is text with whatever
// prefix it has. Those libraries refuse what is older than half an hour and let
// any future time pass; here the window is the same in both directions.
var ElevenLabs = add(verifiers.Provider{
	Name:  "elevenlabs",
	Title: "ElevenLabs",
	Docs:  "https://elevenlabs.io/docs/overview/administration/webhooks",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("ElevenLabs-Signature").KV("v0"),
			Timestamp: verifiers.Header("ElevenLabs-Signature").KV("t"),
			Content:   "{timestamp}.{body}",
			Tolerance: 30 * time.Minute,
		},
	},
	SecretHint: "the webhook's secret, as text with its prefix",
	ID:         verifiers.Join(".", verifiers.First(verifiers.JSON("/data/conversation_id"), verifiers.JSON("/data/request_id")), verifiers.JSON("/type")),
	Type:       verifiers.JSON("/type"),
	Time:       verifiers.JSON("/event_timestamp"),
	TypePrefix: "io.elevenlabs",
	MaxBody:    32 << 20,

	Category: "media",
	Setup:    "Add the webhook under Settings > Webhooks of the workspace; its secret is shown once. Then choose it where the events come from, such as the settings of agents.",
	Retries:  "None by default; a webhook that keeps failing is switched off.",
	Notes: []string{
		"Events of type post_call_audio hold a whole call as base64: the body may be many megabytes.",
		"Events of one conversation share its id: the type tells them apart.",
	},
	Sources: []string{
		"https://elevenlabs.io/docs/overview/administration/webhooks",
		"npm @elevenlabs/elevenlabs-js@2.73.0 webhooks.constructEvent",
	},
	Confidence: verifiers.High,
})
