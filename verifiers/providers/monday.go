package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Webhooks of an integration app carry a token that covers nothing of the body;
// those that are made on a board carry nothing and cannot be verified. A
// challenge is echoed.
var Monday = add(verifiers.Provider{
	Name:  "monday",
	Title: "monday.com",
	Docs:  "https://developer.monday.com/api-reference/reference/webhooks",
	Scheme: verifiers.JWT{
		Token:      verifiers.Header("Authorization"),
		Algorithms: []string{"HS256"},
	},
	SecretHint: "the signing secret of the app",
	ID:         verifiers.JSON("/event/triggerUuid"),
	Type:       verifiers.JSON("/event/type"),
	Time:       verifiers.JSON("/event/triggerTime"),
	TypePrefix: "com.monday",
	NeedsJSON:  true,
	RetrySpan:  time.Hour,
	Handshakes: []verifiers.Handshake{{
		Name:  "challenge",
		When:  []verifiers.Match{verifiers.JSON("/challenge").Present(), verifiers.JSON("/event/type").Absent()},
		Reply: verifiers.Reply{ContentType: "application/json", Template: `{{"challenge":"{json:/challenge}"}}`},
	}},

	Category: "saas",
	Setup:    "Create the webhook with the API in the name of an integration app; its signing secret is under Basic information.",
	Signs:    "Nothing of the request: a JSON Web Token (HS256)",
	Retries:  "Once a minute for 30 minutes.",
	Notes: []string{
		"The body is not signed: a token that was seen can be used with another body until it ends.",
		"Webhooks of boards and of automations without code are not signed, and nothing of them is accepted.",
	},
	Sources: []string{
		"https://developer.monday.com/api-reference/reference/webhooks",
	},
	Confidence: verifiers.Medium,
})
