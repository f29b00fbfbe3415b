package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// AssemblyAI signs nothing. It repeats a header whose name and value are given
// with each transcription; this entry wants the name to be Authorization, which
// no log shows. A transcript is done once, so its id and status name the event.
var AssemblyAI = add(verifiers.Provider{
	Name:         "assemblyai",
	Title:        "AssemblyAI",
	Docs:         "https://www.assemblyai.com/docs/deployment/webhooks",
	Scheme:       verifiers.Token{Source: verifiers.Header("Authorization")},
	SecretHint:   "the webhook_auth_header_value that you send with webhook_auth_header_name Authorization",
	ID:           verifiers.Join(".", verifiers.JSON("/transcript_id"), verifiers.JSON("/status")),
	Type:         verifiers.JSON("/status"),
	TypePrefix:   "com.assemblyai.transcript",
	ContentTypes: []string{"application/json"},
	NeedsJSON:    true,

	Category: "media",
	Setup:    "Send webhook_url, webhook_auth_header_name Authorization and a long random webhook_auth_header_value with each transcription.",
	Retries:  "Failed deliveries are repeated; how often was not confirmed.",
	Notes: []string{
		"There is no signature: whoever learns the value can send events.",
		"Only the header Authorization is looked at, whatever other name a transcription gives.",
	},
	Sources: []string{
		"https://www.assemblyai.com/docs/deployment/webhooks",
		"npm assemblyai@4.41.5 TranscriptParams",
	},
	Confidence: verifiers.High,
})
