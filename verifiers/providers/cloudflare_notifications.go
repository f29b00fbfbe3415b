package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// CloudflareNotifications repeats a secret in a header and signs nothing. The
// test that follows on saving holds only a text; it carries the secret too and
// is published like an event. No delivery has an id of its own.
var CloudflareNotifications = add(verifiers.Provider{
	Name:         "cloudflare-notifications",
	Title:        "Cloudflare (notifications)",
	Docs:         "https://developers.cloudflare.com/notifications/get-started/configure-webhooks/",
	Scheme:       verifiers.Token{Source: verifiers.Header("Cf-Webhook-Auth")},
	SecretHint:   "the secret that you typed when you added the webhook as a destination",
	Type:         verifiers.JSON("/alert_type"),
	Time:         verifiers.JSON("/ts"),
	TypePrefix:   "com.cloudflare.notification",
	ContentTypes: []string{"application/json"},
	NeedsJSON:    true,

	Category: "infra",
	Setup:    "Add the URL and a long random secret under Notifications > Destinations > Webhooks; Cloudflare sends a test at once.",
	Retries:  "Not documented.",
	Notes: []string{
		"There is no signature: whoever learns the secret can send events.",
		"Only the ports 80 and 443 are used, and the secret of a destination cannot be changed later.",
	},
	Sources: []string{
		"https://developers.cloudflare.com/notifications/get-started/configure-webhooks/",
	},
	Confidence: verifiers.High,
})
