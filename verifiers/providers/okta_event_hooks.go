package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Okta signs nothing: it repeats the authentication secret in a header. Before
// the first event it sends one GET with a challenge, which is answered without a
// check, since nothing that it shows is of use to anybody. A 4xx is final.
var OktaEventHooks = add(verifiers.Provider{
	Name:       "okta-event-hooks",
	Aliases:    []string{"okta"},
	Title:      "Okta (event hooks)",
	Docs:       "https://developer.okta.com/docs/concepts/event-hooks/",
	Scheme:     headerToken{preset: "Authorization"},
	SecretHint: "the authentication secret of the hook, as it is",
	ID:         verifiers.JSON("/eventId"),
	Type:       verifiers.JSON("/data/events/0/eventType"),
	Time:       verifiers.JSON("/eventTime"),
	TypePrefix: "com.okta",
	Options:    []verifiers.Option{headerToken{preset: "Authorization"}.option()},
	NeedsJSON:  true,
	Deadline:   3 * time.Second,
	Final4xx:   true,
	MaxBody:    4 << 20,
	Batch: &verifiers.Batch{
		Elements: "/data/events",
		ID:       verifiers.JSON("/uuid"),
		Type:     verifiers.JSON("/eventType"),
		Time:     verifiers.JSON("/published"),
	},
	Handshakes: []verifiers.Handshake{{
		Name:   "verification",
		Method: "GET",
		When:   []verifiers.Match{verifiers.Header("X-Okta-Verification-Challenge").Present()},
		Reply: verifiers.Reply{
			ContentType: "application/json",
			Template:    `{{"verification":"{header:X-Okta-Verification-Challenge}"}}`,
		},
	}},

	Category: "identity",
	Setup:    "Create the event hook under Workflow > Event Hooks with Authorization as authentication field, and verify it.",
	Retries:  "Once, after a timeout or a 5xx.",
	Notes: []string{
		"Nothing is signed.",
		"Events may come late and out of order.",
	},
	Sources: []string{
		"https://developer.okta.com/docs/concepts/event-hooks/",
	},
	Confidence: verifiers.High,
})
