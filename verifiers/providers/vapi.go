package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Vapi signs where the server URL has an HMAC credential with the preset header;
// other credentials send a token and sign nothing. Requests such as tool-calls
// want an answer of an application.
var Vapi = add(verifiers.Provider{
	Name:  "vapi",
	Title: "Vapi",
	Docs:  "https://docs.vapi.ai/server-url/server-authentication",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Vapi-Signature"),
			Content:   "{body}",
		},
	},
	SecretHint: "the secret of the HMAC credential",
	ID:         verifiers.Join(".", verifiers.JSON("/message/timestamp"), verifiers.JSON("/message/type"), verifiers.JSON("/message/call/id")),
	Type:       verifiers.JSON("/message/type"),
	Time:       verifiers.JSON("/message/timestamp"),
	TypePrefix: "ai.vapi",
	NeedsJSON:  true,
	MaxBody:    8 << 20,

	Category: "comms",
	Setup:    "Create an HMAC credential with SHA-256, the header X-Vapi-Signature and the body as payload, and choose it for the server URL.",
	Retries:  "Not documented.",
	Notes: []string{
		"A credential with another header or payload needs a description of its own.",
	},
	Sources: []string{
		"https://docs.vapi.ai/server-url/server-authentication",
	},
	Confidence: verifiers.Medium,
})
