package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// X checks the URL about hourly with a token whose HMAC it wants back, under the
// same secret that signs events. What is computed there never fits an event: a
// token with a quotation mark or a brace is not answered. The kind of an event
// is the member that holds it.
var XTwitter = add(verifiers.Provider{
	Name:  "x-twitter",
	Title: "X (Twitter)",
	Docs:  "https://docs.x.com/x-api/webhooks/quickstart",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Twitter-Webhooks-Signature").Trim("sha256="),
			Encoding:  verifiers.Base64,
			Content:   "{body}",
		},
	},
	SecretHint: "the consumer secret of the app (API secret key)",
	ID:         verifiers.Header("X-Twitter-Webhooks-Signature").Trim("sha256="),
	Type: verifiers.First(
		verifiers.JSON("/tweet_create_events/0/id_str").As("tweet_create_events"),
		verifiers.JSON("/favorite_events/0/id").As("favorite_events"),
		verifiers.JSON("/follow_events/0/created_timestamp").As("follow_events"),
		verifiers.JSON("/unfollow_events/0/created_timestamp").As("unfollow_events"),
		verifiers.JSON("/block_events/0/created_timestamp").As("block_events"),
		verifiers.JSON("/mute_events/0/created_timestamp").As("mute_events"),
		verifiers.JSON("/direct_message_events/0/id").As("direct_message_events"),
		verifiers.JSON("/direct_message_indicate_typing_events/0/created_timestamp").As("direct_message_indicate_typing_events"),
		verifiers.JSON("/direct_message_mark_read_events/0/created_timestamp").As("direct_message_mark_read_events"),
		verifiers.JSON("/tweet_delete_events/0/status/id").As("tweet_delete_events"),
		verifiers.JSON("/user_event/revoke/date_time").As("user_event"),
	),
	TypePrefix: "com.twitter",
	Aliases:    []string{"twitter"},
	NeedsJSON:  true,
	MaxBody:    4 << 20,
	Deadline:   3 * time.Second,
	Handshakes: []verifiers.Handshake{{
		Name:   "crc",
		Method: "GET",
		When:   []verifiers.Match{verifiers.Query("crc_token").Present()},
		Reply: verifiers.Reply{
			ContentType: "application/json",
			Template:    `{{"response_token":"sha256={proof}"}}`,
			Proof:       &verifiers.Proof{Hash: verifiers.SHA256, Content: "{query:crc_token}", Encoding: verifiers.Base64},
		},
	}},

	Category: "comms",
	Setup:    "Register the URL with the API; X sends the challenge at once. The consumer secret is under Keys and tokens of the app.",
	Retries:  "Not documented: take it for none.",
	Notes: []string{
		"The challenge comes again and again: the secret must stay configured.",
		"The URL must not have a port.",
	},
	Sources: []string{
		"https://docs.x.com/x-api/webhooks/quickstart",
	},
	Confidence: verifiers.High,
})
