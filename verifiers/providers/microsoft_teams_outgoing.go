package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Teams shows the secret in base64, decodes it first, and puts the signature
// into Authorization with HMAC before it. It waits five seconds for a message as
// the answer and posts that into the channel: a fixed text here, which success
// replaces.
var MicrosoftTeamsOutgoing = add(verifiers.Provider{
	Name:  "microsoft-teams-outgoing",
	Title: "Microsoft Teams (outgoing webhooks)",
	Docs:  "https://learn.microsoft.com/en-us/microsoftteams/platform/webhooks-and-connectors/how-to/add-outgoing-webhook",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("Authorization").Trim("HMAC "),
			Encoding:  verifiers.Base64,
			Content:   "{body}",
			Key:       verifiers.KeyBase64,
		},
	},
	SecretHint:   "the security token, in base64 as shown",
	ID:           verifiers.JSON("/id"),
	Type:         verifiers.JSON("/type"),
	Time:         verifiers.JSON("/timestamp"),
	TypePrefix:   "com.microsoft.teams",
	NeedsJSON:    true,
	NeverRetries: true,
	Deadline:     5 * time.Second,
	Success:      verifiers.Reply{ContentType: "application/json", Body: `{"type":"message","text":"Received."}`},

	Category: "comms",
	Setup:    "Create an outgoing webhook under Apps of the team; the security token is shown once.",
	Retries:  "None.",
	Notes: []string{
		"The token is decoded from base64 first.",
		"Authorization holds a signature and no credentials.",
	},
	Sources: []string{
		"https://learn.microsoft.com/en-us/microsoftteams/platform/webhooks-and-connectors/how-to/add-outgoing-webhook",
	},
	Confidence: verifiers.Medium,
})
