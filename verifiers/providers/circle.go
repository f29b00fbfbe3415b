package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Circle signs the body with a key that X-Circle-Key-Id names. Its API gives the
// key out to whoever has an API key only, so it is configured and not fetched; a
// key id always stands for the same key. The endpoint is tested with HEAD.
// Version 1 of the notifications, as of Circle Mint, is signed in another way
// and is refused.
var Circle = add(verifiers.Provider{
	Name:  "circle",
	Title: "Circle (notifications v2)",
	Docs:  "https://developers.circle.com/api-reference/verify-webhook-signatures",
	Scheme: limited{
		Scheme: verifiers.ECDSA{
			Hash: verifiers.SHA256,
			Signed: verifiers.Signed{
				Signature: verifiers.Header("X-Circle-Signature"),
				Encoding:  verifiers.Base64,
				Content:   "{body}",
				Key:       verifiers.KeyAny,
			},
		},
		option: circleSubscription,
		member: verifiers.JSON("/subscriptionId"),
	},
	SecretHint: "publicKey of the answer of the API, in base64 as shown",
	ID:         verifiers.JSON("/notificationId"),
	Type:       verifiers.JSON("/notificationType"),
	Time:       verifiers.JSON("/timestamp"),
	TypePrefix: "com.circle",
	Options: []verifiers.Option{{
		Name: circleSubscription, Doc: "The ids of the subscriptions whose notifications are accepted; without it all are.", Multiple: true,
	}},
	Handshakes: []verifiers.Handshake{{Name: "reachability", Method: "HEAD"}},
	NeedsJSON:  true,
	RetrySpan:  37 * time.Hour,
	Headers:    []string{"X-Circle-Key-Id"},

	Category: "payments",
	Setup:    "Add the webhook in the console or through the API. Read the key with GET /v2/notifications/publicKey/{id} on api.circle.com (/v2/cpn/... for CPN, /v2/stablefx/... for StableFX), where {id} is the X-Circle-Key-Id of a notification, and configure publicKey of the answer.",
	Retries:  "CPN repeats eleven times within about 37 hours, six times while testing; of the others it is not documented.",
	Notes: []string{
		"A new X-Circle-Key-Id means another key: add it to the keys.",
		"Notifications of version 1 are not signed in this way.",
		"Set subscription_id where several subscriptions could share a key.",
	},
	Sources: []string{
		"https://developers.circle.com/api-reference/verify-webhook-signatures",
		"https://developers.circle.com/cpn/references/webhook-retries",
		"https://developers.circle.com/w3s/docs/web3-services-notifications-quickstart",
	},
	Confidence: verifiers.High,
})

// circleSubscription is the option with the subscriptions.
const circleSubscription = "subscription_id"
