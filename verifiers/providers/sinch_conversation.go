package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Sinch signs body, nonce and time, in this order and with dots between them.
// Events of the Conversation API differ in the member that they have; those of
// SMS have a type.
var SinchConversation = add(verifiers.Provider{
	Name:  "sinch-conversation",
	Title: "Sinch (Conversation and SMS)",
	Docs:  "https://developers.sinch.com/docs/conversation/callbacks/",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Sinch-Webhook-Signature"),
			Encoding:  verifiers.Base64,
			Content:   "{body}.{header:X-Sinch-Webhook-Signature-Nonce}.{timestamp}",
			Timestamp: verifiers.Header("X-Sinch-Webhook-Signature-Timestamp"),
			Tolerance: 5 * time.Minute,
		},
	},
	SecretHint: "the secret of the webhook",
	ID:         verifiers.First(verifiers.Join(".", verifiers.JSON("/message_delivery_report/message_id"), verifiers.JSON("/message_delivery_report/status")), verifiers.JSON("/message/id"), verifiers.JSON("/event/id"), verifiers.Join(".", verifiers.JSON("/batch_id"), verifiers.JSON("/recipient"), verifiers.JSON("/status")), verifiers.Header("X-Sinch-Webhook-Signature-Nonce")),
	Type: verifiers.First(
		verifiers.JSON("/type"),
		verifiers.JSON("/message/id").As("message"),
		verifiers.JSON("/message_delivery_report/message_id").As("message_delivery_report"),
		verifiers.JSON("/message_submit_notification/message_id").As("message_submit_notification"),
		verifiers.JSON("/event/id").As("event"),
		verifiers.JSON("/event_delivery_report/event_id").As("event_delivery_report"),
		verifiers.JSON("/conversation_start_notification/conversation/id").As("conversation_start_notification"),
		verifiers.JSON("/conversation_stop_notification/conversation/id").As("conversation_stop_notification"),
		verifiers.JSON("/conversation_delete_notification/conversation/id").As("conversation_delete_notification"),
		verifiers.JSON("/contact_create_notification/contact/id").As("contact_create_notification"),
		verifiers.JSON("/contact_delete_notification/contact/id").As("contact_delete_notification"),
		verifiers.JSON("/contact_merge_notification/preserved_contact/id").As("contact_merge_notification"),
		verifiers.JSON("/capability_notification/request_id").As("capability_notification"),
		verifiers.JSON("/opt_in_notification/request_id").As("opt_in_notification"),
		verifiers.JSON("/opt_out_notification/request_id").As("opt_out_notification"),
		verifiers.JSON("/unsupported_callback/payload").As("unsupported_callback"),
	),
	Time:       verifiers.First(verifiers.JSON("/event_time"), verifiers.JSON("/at")),
	TypePrefix: "com.sinch",
	Aliases:    []string{"sinch"},
	NeedsJSON:  true,
	RetrySpan:  24 * time.Hour,

	Category: "comms",
	Setup:    "Create the webhook of the app with a secret.",
	Retries:  "With growing pauses for up to 24 hours by report.",
	Notes: []string{
		"The nonce is of the delivery, and serves as id only where there is no other.",
	},
	Sources: []string{
		"https://developers.sinch.com/docs/conversation/callbacks/",
		"npm @sinch/sdk-client authorization.helper",
	},
	Confidence: verifiers.High,
})
