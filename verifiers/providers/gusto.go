package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Gusto delivers a token in its first request, which nobody can verify. Sending
// it back with the API finishes the subscription, and it signs all later
// requests.
var Gusto = add(verifiers.Provider{
	Name:  "gusto",
	Title: "Gusto (embedded payroll)",
	Docs:  "https://docs.gusto.com/embedded-payroll/docs/webhooks",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Gusto-Signature"),
			Content:   "{body}",
		},
	},
	SecretHint: "the verification_token that Gusto delivers when the subscription is created",
	ID:         verifiers.JSON("/uuid"),
	Type:       verifiers.JSON("/event_type"),
	Time:       verifiers.JSON("/timestamp"),
	TypePrefix: "com.gusto",
	NeedsJSON:  true,
	Deadline:   10 * time.Second,
	RetrySpan:  72 * time.Hour,
	Handshakes: []verifiers.Handshake{{
		Name:    "verification_token",
		When:    []verifiers.Match{verifiers.JSON("/verification_token").Present(), verifiers.JSON("/event_type").Absent()},
		Capture: verifiers.JSON("/verification_token"),
		Reply:   verifiers.Reply{Status: 200},
	}},

	Category: "saas",
	Setup:    "Configure capture_secret, create the subscription with the API, and send the token that the gateway received to its verify endpoint.",
	Retries:  "16 times within 3 days by report.",
	Sources: []string{
		"https://docs.gusto.com/embedded-payroll/docs/webhooks",
	},
	Confidence: verifiers.Medium,
})
