package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// A push subscription proves itself with a token that Google signs. The token
// says nothing about the body. Google signs such tokens for everybody, so
// audience and service account must be ours: without them any customer of
// Google's could send messages.
var GooglePubSubPush = add(verifiers.Provider{
	Name:       "google-pubsub-push",
	Title:      "Google Cloud Pub/Sub (push)",
	Docs:       "https://docs.cloud.google.com/pubsub/docs/authenticate-push-subscriptions",
	Scheme:     googlePush{},
	ID:         verifiers.First(verifiers.JSON("/message/messageId"), verifiers.Header("X-Goog-Pubsub-Message-Id")),
	Type:       verifiers.First(verifiers.JSON("/message/attributes/ce-type"), verifiers.JSON("/message/attributes/eventType"), verifiers.Const("message")),
	Time:       verifiers.First(verifiers.JSON("/message/publishTime"), verifiers.Header("X-Goog-Pubsub-Publish-Time")),
	TypePrefix: "com.google.pubsub",
	Aliases:    []string{"google-pubsub"},
	Options:    googlePushOptions,
	MaxBody:    16 << 20,
	RetrySpan:  96 * time.Hour,
	Headers:    []string{"X-Goog-Pubsub-Message-Id", "X-Goog-Pubsub-Publish-Time", "X-Goog-Pubsub-Subscription-Name"},

	Category: "infra",
	Setup:    "Create a push subscription to the URL with authentication by a service account of yours.",
	Signs:    "Nothing of the request: a JSON Web Token signed by Google, with audience and service account",
	Retries:  "With growing pauses until it is acknowledged or the message is too old, 7 days by default; events are remembered for 96 hours.",
	Notes: []string{
		"Switch authentication on in the push subscription: it is off unless asked for.",
		"The body is not signed.",
		"With payload unwrapping the attributes are in headers, and the type is message.",
	},
	Sources: []string{
		"https://docs.cloud.google.com/pubsub/docs/authenticate-push-subscriptions",
		"npm google-auth-library",
	},
	Confidence: verifiers.High,
})
