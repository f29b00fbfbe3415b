package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Each shop that has installed an app signs with a secret of its own, agreed
// upon when the app was registered; all of them are tried. The registration
// itself belongs to the app and is not answered here. The time in the body is
// signed; whether it is that of the event or of the attempt is not stated, so
// the window is as long as the retries.
var Shopware = add(verifiers.Provider{
	Name:  "shopware",
	Title: "Shopware 6 (apps)",
	Docs:  "https://developer.shopware.com/docs/guides/plugins/apps/lifecycle/webhook.html",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("Shopware-Shop-Signature"),
			Content:   "{body}",
			Timestamp: verifiers.JSON("/timestamp"),
			Tolerance: 5 * time.Hour,
		},
	},
	SecretHint: "the shop's secret, which the app handed out when it was registered",
	ID:         verifiers.JSON("/source/eventId"),
	Type:       verifiers.JSON("/data/event"),
	Time:       verifiers.JSON("/timestamp"),
	TypePrefix: "com.shopware",
	NeedsJSON:  true,
	RetrySpan:  5 * time.Hour,
	Headers:    []string{"X-Shopware-Event-Id", "Sw-Version"},

	Category: "commerce",
	Setup:    "Name the URL in the webhooks section of the app's manifest. The secret is the one the app returned when the shop registered.",
	Retries:  "5 times within about four and a half hours.",
	Notes: []string{
		"Every shop has another secret: configure all of them.",
		"The header shopware-app-signature belongs to the registration and is signed with the secret of the app.",
		"Shops older than 6.4.1 send no time and are refused.",
	},
	Sources: []string{
		"https://developer.shopware.com/docs/guides/plugins/apps/lifecycle/webhook.html",
		"https://github.com/shopware/app-php-sdk src/Authentication/RequestVerifier.php",
	},
	Confidence: verifiers.High,
})
