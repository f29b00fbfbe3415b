package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// LINE signs the body with the channel secret. The Verify button sends no
// events, with a good signature.
var Line = add(verifiers.Provider{
	Name:  "line",
	Title: "LINE Messaging API",
	Docs:  "https://developers.line.biz/en/docs/messaging-api/verify-webhook-signature/",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Line-Signature"),
			Encoding:  verifiers.Base64,
			Content:   "{body}",
		},
	},
	SecretHint: "the channel secret, under Basic settings",
	ID:         verifiers.JSON("/events/0/webhookEventId"),
	Type:       verifiers.JSON("/events/0/type"),
	Time:       verifiers.JSON("/events/0/timestamp"),
	TypePrefix: "me.line",
	NeedsJSON:  true,
	Deadline:   2 * time.Second,
	Varies:     []string{"/deliveryContext/isRedelivery"},
	Batch: &verifiers.Batch{
		Elements: "/events",
		ID:       verifiers.JSON("/webhookEventId"),
		Type:     verifiers.JSON("/type"),
		Time:     verifiers.JSON("/timestamp"),
	},

	Category: "comms",
	Setup:    "Enter the URL under Messaging API of the channel; the channel secret is under Basic settings.",
	Retries:  "Only if redelivery is switched on in the console; how often is not disclosed.",
	Notes: []string{
		"Switch redelivery on: without it a failed delivery is lost.",
		"Events that are sent again have deliveryContext.isRedelivery set.",
	},
	Sources: []string{
		"https://developers.line.biz/en/docs/messaging-api/verify-webhook-signature/",
		"npm @line/bot-sdk@11.0.0 validateSignature",
	},
	Confidence: verifiers.High,
})
