package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// SendGrid sends batches: a JSON array of events of any types, ending in CRLF,
// which is signed too. Each event has an id of its own. A batch that is kept
// whole has the type "batch" and the id of its first event: a retry sends the
// same array again, and the signature itself would not do, since anybody can
// turn a valid ECDSA signature into a second one. SendGrid states no
// tolerance, and not whether a retry is signed anew, so the window is as long
// as its retries; within it deduplication catches replays.
var SendGrid = add(verifiers.Provider{
	Name:  "sendgrid",
	Title: "Twilio SendGrid (Event Webhook)",
	Docs:  "https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/getting-started-event-webhook-security-features",
	Scheme: verifiers.ECDSA{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Twilio-Email-Event-Webhook-Signature"),
			Encoding:  verifiers.Base64,
			Timestamp: verifiers.Header("X-Twilio-Email-Event-Webhook-Timestamp"),
			Content:   "{timestamp}{body}",
			Tolerance: 24 * time.Hour,
			Key:       verifiers.KeyAny,
		},
	},
	SecretHint: "the verification key (a public key) under Settings > Mail Settings > Event Webhook",
	ID:         verifiers.JSON("/0/sg_event_id"),
	Type:       verifiers.Const("batch"),
	Time:       verifiers.JSON("/0/timestamp"),
	TypePrefix: "com.sendgrid",
	Batch: &verifiers.Batch{
		ID:   verifiers.JSON("/sg_event_id"),
		Type: verifiers.JSON("/event"),
		Time: verifiers.JSON("/timestamp"),
	},
	ContentTypes: []string{"application/json"},
	NeedsJSON:    true,
	Deadline:     10 * time.Second,
	RetrySpan:    24 * time.Hour,

	Category: "comms",
	Setup:    "Switch signed event webhooks on under Settings > Mail Settings > Event Webhook and copy the verification key.",
	Retries:  "For 24 hours.",
	Notes: []string{
		"The body ends in CRLF, which is signed.",
	},
	Sources: []string{
		"https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/getting-started-event-webhook-security-features",
		"npm @sendgrid/eventwebhook",
	},
	Confidence: verifiers.High,
})
