package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Deepgram signs nothing. It repeats the identifier of the API key with which
// the transcription was asked for, which is not made to be a secret: whoever
// can read the project's keys knows it.
var Deepgram = add(verifiers.Provider{
	Name:       "deepgram",
	Title:      "Deepgram (callbacks)",
	Docs:       "https://developers.deepgram.com/docs/callback",
	Scheme:     verifiers.Token{Source: verifiers.Header("Dg-Token")},
	SecretHint: "the identifier of the API key that requests transcriptions",
	ID:         verifiers.JSON("/metadata/request_id"),
	Type:       verifiers.Const("callback"),
	Time:       verifiers.JSON("/metadata/created"),
	TypePrefix: "com.deepgram",
	NeedsJSON:  true,
	MaxBody:    32 << 20,
	RetrySpan:  6 * time.Minute,

	Category: "media",
	Setup:    "Add callback=<URL> to the request for a transcription. The key's identifier is in the console under API Keys.",
	Retries:  "Ten times, 30 seconds apart.",
	Notes: []string{
		"The identifier proves little: keep it to yourself, and give each environment a key of its own.",
		"Transcriptions of long recordings are large.",
	},
	Sources: []string{
		"https://developers.deepgram.com/docs/callback",
	},
	Confidence: verifiers.Medium,
})
