package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// LinkedIn writes hmacsha256= before the body and signs that; the header has the
// bare signature. It checks the URL every two hours with a code whose HMAC it
// wants back.
var LinkedIn = add(verifiers.Provider{
	Name:  "linkedin",
	Title: "LinkedIn",
	Docs:  "https://learn.microsoft.com/en-us/linkedin/shared/api-guide/webhook-validation",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-LI-Signature"),
			Content:   "hmacsha256={body}",
		},
	},
	SecretHint: "the client secret of the app",
	ID:         verifiers.JSON("/notificationId"),
	Type:       verifiers.First(verifiers.JSON("/type"), verifiers.JSON("/eventType")),
	TypePrefix: "com.linkedin",
	NeedsJSON:  true,
	Deadline:   3 * time.Second,
	RetrySpan:  8 * time.Hour,
	Handshakes: []verifiers.Handshake{{
		Name:   "challenge",
		Method: "GET",
		When:   []verifiers.Match{verifiers.Query("challengeCode").Present()},
		Reply: verifiers.Reply{
			ContentType: "application/json",
			Template:    `{{"challengeCode":"{query:challengeCode}","challengeResponse":"{proof}"}}`,
			Proof:       &verifiers.Proof{Hash: verifiers.SHA256, Content: "{query:challengeCode}"},
		},
	}},

	Category: "comms",
	Setup:    "Add the webhook in the developer portal; the client secret is under Auth of the app.",
	Retries:  "Every 5 minutes for up to 8 hours.",
	Notes: []string{
		"The label is part of what is signed, not of the header.",
		"The check of the URL is repeated: three failures block the endpoint.",
	},
	Sources: []string{
		"https://learn.microsoft.com/en-us/linkedin/shared/api-guide/webhook-validation",
	},
	Confidence: verifiers.Medium,
})
