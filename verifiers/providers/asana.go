package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Asana delivers the secret of a webhook in a header of its first request, which
// nobody can verify, and wants it back. Events have no id; the signature serves
// as one, with the place of an event in the request. Now and then there are
// none: a heartbeat.
var Asana = add(verifiers.Provider{
	Name:  "asana",
	Title: "Asana",
	Docs:  "https://developers.asana.com/docs/webhooks-guide",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Hook-Signature"),
			Content:   "{body}",
		},
	},
	SecretHint: "the X-Hook-Secret that Asana delivers when the webhook is created, as it is",
	ID:         verifiers.Header("X-Hook-Signature").Lower(),
	Type:       verifiers.Join(".", verifiers.JSON("/events/0/resource/resource_type"), verifiers.JSON("/events/0/action")),
	Time:       verifiers.JSON("/events/0/created_at"),
	TypePrefix: "com.asana",
	NeedsJSON:  true,
	MaxBody:    4 << 20,
	Deadline:   10 * time.Second,
	RetrySpan:  24 * time.Hour,
	Batch: &verifiers.Batch{
		Elements: "/events",
		Type:     verifiers.Join(".", verifiers.JSON("/resource/resource_type"), verifiers.JSON("/action")),
		Time:     verifiers.JSON("/created_at"),
	},
	Handshakes: []verifiers.Handshake{{
		Name:    "hook_secret",
		When:    []verifiers.Match{verifiers.Header("X-Hook-Secret").Present()},
		Capture: verifiers.Header("X-Hook-Secret"),
		Reply:   verifiers.Reply{Status: 200, Header: map[string]string{"X-Hook-Secret": "{header:X-Hook-Secret}"}},
	}},

	Category: "saas",
	Setup:    "Configure capture_secret and create the webhook with the API, with the URL as target: Asana delivers the secret while that call waits.",
	Retries:  "With growing pauses for 24 hours; the webhook is then deleted.",
	Notes: []string{
		"The secret is used as text, not decoded from hex.",
		"An answer of 410 deletes the webhook.",
		"Each webhook has a secret of its own: give each a route.",
	},
	Sources: []string{
		"https://developers.asana.com/docs/webhooks-guide",
		"https://github.com/fusebit/integrations src/asana/asana-connector/test/sampleData.ts",
	},
	Confidence: verifiers.Medium,
})
