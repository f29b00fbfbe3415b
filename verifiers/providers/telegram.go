package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Telegram repeats the secret_token of setWebhook and signs nothing. The kind of
// an update is the member that it has beside update_id.
var Telegram = add(verifiers.Provider{
	Name:       "telegram",
	Title:      "Telegram bots",
	Docs:       "https://core.telegram.org/bots/api#setwebhook",
	Scheme:     verifiers.Token{Source: verifiers.Header("X-Telegram-Bot-Api-Secret-Token")},
	SecretHint: "the secret_token given to setWebhook, 1 to 256 of A-Z a-z 0-9 _ -",
	ID:         verifiers.JSON("/update_id"),
	Type: verifiers.First(
		verifiers.JSON("/message/message_id").As("message"),
		verifiers.JSON("/edited_message/message_id").As("edited_message"),
		verifiers.JSON("/channel_post/message_id").As("channel_post"),
		verifiers.JSON("/edited_channel_post/message_id").As("edited_channel_post"),
		verifiers.JSON("/business_message/message_id").As("business_message"),
		verifiers.JSON("/edited_business_message/message_id").As("edited_business_message"),
		verifiers.JSON("/callback_query/id").As("callback_query"),
		verifiers.JSON("/inline_query/id").As("inline_query"),
		verifiers.JSON("/chosen_inline_result/result_id").As("chosen_inline_result"),
		verifiers.JSON("/shipping_query/id").As("shipping_query"),
		verifiers.JSON("/pre_checkout_query/id").As("pre_checkout_query"),
		verifiers.JSON("/poll/id").As("poll"),
		verifiers.JSON("/poll_answer/poll_id").As("poll_answer"),
		verifiers.JSON("/my_chat_member/date").As("my_chat_member"),
		verifiers.JSON("/chat_member/date").As("chat_member"),
		verifiers.JSON("/chat_join_request/date").As("chat_join_request"),
		verifiers.JSON("/message_reaction/message_id").As("message_reaction"),
		verifiers.JSON("/message_reaction_count/message_id").As("message_reaction_count"),
		verifiers.JSON("/business_connection/id").As("business_connection"),
		verifiers.JSON("/chat_boost/boost/boost_id").As("chat_boost"),
		verifiers.JSON("/removed_chat_boost/boost_id").As("removed_chat_boost"),
	),
	TypePrefix: "org.telegram",
	NeedsJSON:  true,
	RetrySpan:  24 * time.Hour,

	// Webhooks come from some of these networks.
	Addresses: []verifiers.AddressList{{URL: "https://core.telegram.org/resources/cidr.txt"}},

	Category: "comms",
	Setup:    "Call setWebhook with the URL and a long random secret_token.",
	Retries:  "With doubling pauses up to two minutes until the update is 24 hours old; after 23 hours of 410 the webhook is removed.",
	Notes: []string{
		"Nothing is signed: whoever sees one request can send others.",
		"Only the ports 443, 80, 88 and 8443 are called.",
		"A 410 for 23 hours removes the webhook.",
	},
	Sources: []string{
		"https://core.telegram.org/bots/api#setwebhook",
		"https://github.com/tdlib/telegram-bot-api telegram-bot-api/WebhookActor.cpp",
		"https://core.telegram.org/bots/webhooks",
	},
	Confidence: verifiers.High,
})
