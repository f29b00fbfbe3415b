package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// TwitchEventSub signs id, timestamp and body with nothing between them. The
// timestamp has nanoseconds and is signed as it is written. The message type is
// in a header that is not signed, so that a challenge has to have its member as
// well, which is. A revocation is an event like any other, with the type of the
// subscription that has ended.
var TwitchEventSub = add(verifiers.Provider{
	Name:  "twitch-eventsub",
	Title: "Twitch EventSub",
	Docs:  "https://dev.twitch.tv/docs/eventsub/handling-webhook-events/",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("Twitch-Eventsub-Message-Signature").Trim("sha256="),
			ID:        verifiers.Header("Twitch-Eventsub-Message-Id"),
			Timestamp: verifiers.Header("Twitch-Eventsub-Message-Timestamp"),
			Unit:      verifiers.RFC3339,
			Content:   "{id}{timestamp}{body}",
			Tolerance: 10 * time.Minute,
		},
	},
	SecretHint: "the secret given when the subscription was created, 10 to 100 characters",
	ID:         verifiers.Header("Twitch-Eventsub-Message-Id"),
	Type:       verifiers.JSON("/subscription/type"),
	Time:       verifiers.Header("Twitch-Eventsub-Message-Timestamp"),
	TypePrefix: "tv.twitch.eventsub",
	Handshakes: []verifiers.Handshake{{
		Name: "webhook_callback_verification",
		When: []verifiers.Match{
			verifiers.Header("Twitch-Eventsub-Message-Type").Is("webhook_callback_verification"),
			verifiers.JSON("/challenge").Present(),
		},
		Signed: true,
		Reply:  verifiers.Echo(verifiers.JSON("/challenge")),
	}},
	ContentTypes: []string{"application/json"},
	NeedsJSON:    true,
	Deadline:     10 * time.Second,
	Headers: []string{
		"Twitch-Eventsub-Message-Type", "Twitch-Eventsub-Message-Retry",
		"Twitch-Eventsub-Subscription-Type", "Twitch-Eventsub-Subscription-Version",
	},

	Category: "media",
	Setup:    "Create the subscription with the API: transport method webhook, the URL as callback, and a secret of your choice. Twitch sends the challenge at once.",
	Retries:  "Several times; a subscription that keeps failing is revoked.",
	Notes: []string{
		"A revocation has the type of its subscription: its member subscription.status is not \"enabled\".",
		"The challenge is answered with nothing but its value, as text/plain.",
	},
	Sources: []string{
		"https://dev.twitch.tv/docs/eventsub/handling-webhook-events/",
		"npm @twurple/eventsub-http@8.1.4",
	},
	Confidence: verifiers.Medium,
})
