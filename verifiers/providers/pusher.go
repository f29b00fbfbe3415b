package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Pusher signs the body with the secret that belongs to the key in X-Pusher-Key.
// An app may have several pairs of key and secret. Every configured secret is
// tried; with app_keys the header must also name the key that the fitting secret
// belongs to, as Pusher's libraries ask for. A request holds several events. It
// has no id, but the time in milliseconds is in the body, so that the signature
// stands for it.
var Pusher = add(verifiers.Provider{
	Name:    "pusher",
	Aliases: []string{"pusher-channels"},
	Title:   "Pusher Channels",
	Docs:    "https://pusher.com/docs/channels/server_api/webhooks/",
	Scheme: namedKey{
		hmac: verifiers.HMAC{
			Hash: verifiers.SHA256,
			Signed: verifiers.Signed{
				Signature: verifiers.Header("X-Pusher-Signature"),
				Content:   "{body}",
			},
		},
		header: verifiers.Header("X-Pusher-Key"),
		option: "app_keys",
	},
	Options:    []verifiers.Option{{Name: "app_keys", Doc: "The app keys, in the order of the secrets that belong to them.", Multiple: true}},
	SecretHint: "the secret of the app key, under App Keys",
	ID:         verifiers.Header("X-Pusher-Signature").Lower(),
	Type:       verifiers.JSON("/events/0/name"),
	Time:       verifiers.JSON("/time_ms"),
	TypePrefix: "com.pusher.channels",
	Batch: &verifiers.Batch{
		Elements: "/events",
		Type:     verifiers.JSON("/name"),
	},
	ContentTypes: []string{"application/json"},
	NeedsJSON:    true,
	RetrySpan:    time.Hour,
	Headers:      []string{"X-Pusher-Key"},

	Category: "infra",
	Setup:    "Add the URL under Webhooks of the app. The secret is that of the app, under App Keys.",
	Signs:    "HMAC-SHA256 of the body",
	Retries:  "With growing pauses for some minutes.",
	Notes: []string{
		"The secret is that of the app's key, which also signs API calls.",
		"A request holds all events of a short time.",
	},
	Sources: []string{
		"https://pusher.com/docs/channels/server_api/webhooks/",
		"npm pusher@5.3.4 WebHook.isValid",
	},
	Confidence: verifiers.High,
})
