package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Xero tests a webhook with several requests that hold no events, some of them
// signed wrongly on purpose: those must be answered with 401 and the others
// with 200, or the webhook cannot be switched on. The key looks like base64
// and is used as text. Events have no id of their own.
var Xero = add(verifiers.Provider{
	Name:  "xero",
	Title: "Xero",
	Docs:  "https://developer.xero.com/documentation/guides/webhooks/configuring-your-server/",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Xero-Signature"),
			Encoding:  verifiers.Base64,
			Content:   "{body}",
		},
	},
	SecretHint: "the webhooks key on the app's Webhooks page, not decoded",
	Type:       verifiers.Const("events"),
	TypePrefix: "com.xero",
	Batch: &verifiers.Batch{
		Elements: "/events",
		Type:     verifiers.Join(".", verifiers.JSON("/eventCategory"), verifiers.JSON("/eventType")),
	},
	Handshakes: []verifiers.Handshake{{
		Name:   "intent_to_receive",
		When:   []verifiers.Match{verifiers.JSON("/firstEventSequence").Present(), verifiers.JSON("/events/0").Absent()},
		Signed: true,
	}},
	NeedsJSON: true,
	Deadline:  5 * time.Second,
	RetrySpan: 24 * time.Hour,

	Category: "payments",
	Setup:    "Choose the event categories and enter the URL on the Webhooks page of the app, copy the webhooks key, and then let Xero send its intent to receive.",
	Retries:  "With growing pauses for up to 24 hours by report; the webhook is then switched off and the intent to receive has to be repeated.",
	Notes: []string{
		"A wrong signature has to be answered with 401, not with 403 or 400.",
		"The answer has to come within five seconds, and a success has an empty body.",
		"The webhooks key looks like base64; it is used as it is.",
	},
	Sources: []string{
		"https://developer.xero.com/documentation/guides/webhooks/configuring-your-server/",
		"https://github.com/NangoHQ/nango packages/server/lib/webhook/xero-webhook-routing.ts",
	},
	Confidence: verifiers.Medium,
})
