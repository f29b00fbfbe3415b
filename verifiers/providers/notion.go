package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Notion delivers a token in its first request, which nobody can verify. It has
// to be pasted at Notion to finish the subscription, and signs all later
// requests.
var Notion = add(verifiers.Provider{
	Name:  "notion",
	Title: "Notion",
	Docs:  "https://developers.notion.com/reference/webhooks",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Notion-Signature").Trim("sha256="),
			Content:   "{body}",
		},
	},
	SecretHint: "the verification_token, secret_..., that Notion delivers when the subscription is created",
	ID:         verifiers.JSON("/id"),
	Type:       verifiers.JSON("/type"),
	Time:       verifiers.JSON("/timestamp"),
	TypePrefix: "com.notion",
	NeedsJSON:  true,
	RetrySpan:  24 * time.Hour,
	Varies:     []string{"/attempt_number"},
	Handshakes: []verifiers.Handshake{{
		Name:    "verification_token",
		When:    []verifiers.Match{verifiers.JSON("/verification_token").Present()},
		Capture: verifiers.JSON("/verification_token"),
		Reply:   verifiers.Reply{Status: 200},
	}},

	Category: "saas",
	Setup:    "Configure capture_secret, create the subscription under Webhooks of the integration, and paste the token that the gateway received into the page there.",
	Retries:  "Up to eight times within about 24 hours by report.",
	Notes: []string{
		"Webhook actions of buttons and automations are another thing and are not signed.",
	},
	Sources: []string{
		"https://developers.notion.com/reference/webhooks",
		"npm @notionhq/client@5.26.0 webhooks",
	},
	Confidence: verifiers.High,
})
