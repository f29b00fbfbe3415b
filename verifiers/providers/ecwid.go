package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Ecwid signs the time and the id of an event and nothing else of it: type,
// entity and data can be changed by anybody who has seen a signature. Whoever
// acts on an event should fetch the entity. The time is that of the event,
// which stays the same in retries, so the window is as long as those.
var Ecwid = add(verifiers.Provider{
	Name:  "ecwid",
	Title: "Ecwid by Lightspeed",
	Docs:  "https://docs.ecwid.com/develop-apps/webhooks-automations",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Ecwid-Webhook-Signature"),
			Encoding:  verifiers.Base64,
			Content:   "{timestamp}.{json:/eventId}",
			Timestamp: verifiers.JSON("/eventCreated"),
			Tolerance: 26 * time.Hour,
		},
	},
	SecretHint: "the app's client_secret",
	ID:         verifiers.JSON("/eventId"),
	Type:       verifiers.JSON("/eventType"),
	Time:       verifiers.JSON("/eventCreated"),
	TypePrefix: "com.ecwid",
	NeedsJSON:  true,
	RetrySpan:  25 * time.Hour,

	Category:   "commerce",
	Setup:      "Webhooks are configured for the app by Ecwid; the client secret is in the details of the app.",
	Retries:    "Every 15 minutes for an hour, then each hour for 24 hours, by report.",
	Notes:      []string{"Only eventCreated and eventId are signed: fetch the entity before you act."},
	Sources:    []string{"https://docs.ecwid.com/develop-apps/webhooks-automations"},
	Confidence: verifiers.Medium,
})
