package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Front applications sign a time in milliseconds and the body. When the URL is
// saved Front sends a challenge in a header, which is sent back as text. Rule
// webhooks have the same header with another signature: see front-rule.
var Front = add(verifiers.Provider{
	Name:  "front",
	Title: "Front (application webhooks)",
	Docs:  "https://dev.frontapp.com/docs/application-webhooks",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Front-Signature"),
			Encoding:  verifiers.Base64,
			Timestamp: verifiers.Header("X-Front-Request-Timestamp"),
			Unit:      verifiers.Milliseconds,
			Content:   "{timestamp}:{body}",
			Tolerance: 5 * time.Minute,
		},
	},
	SecretHint: "the app's signing key, under Basic information",
	ID:         verifiers.First(verifiers.JSON("/id"), verifiers.JSON("/payload/id")),
	Type:       verifiers.First(verifiers.JSON("/type"), verifiers.JSON("/payload/type")),
	TypePrefix: "com.frontapp",
	Handshakes: []verifiers.Handshake{{
		Name:  "challenge",
		When:  []verifiers.Match{verifiers.Header("X-Front-Challenge").Present()},
		Reply: verifiers.Echo(verifiers.Header("X-Front-Challenge")),
	}},
	NeedsJSON: true,

	Category: "crm",
	Setup:    "Add a webhook under Features of the app in the developer settings. Saving it sends the challenge, so the gateway has to run before.",
	Retries:  "Three times after 408, 429, 500 or a timeout; then the webhook is switched off.",
	Notes: []string{
		"The timestamp is in milliseconds.",
	},
	Sources: []string{
		"https://dev.frontapp.com/docs/application-webhooks",
	},
	Confidence: verifiers.Medium,
})
