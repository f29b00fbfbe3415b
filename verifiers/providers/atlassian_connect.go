package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Webhooks of Connect apps carry a token that binds method, path and query but
// not the body. The path counts from the base URL of the app, so that a base URL
// with a path has to be named. The callbacks installed and uninstalled are
// signed with another kind of key and deliver the secret: they belong to the app
// itself.
var AtlassianConnect = add(verifiers.Provider{
	Name:       "atlassian-connect",
	Title:      "Atlassian Connect",
	Docs:       "https://developer.atlassian.com/cloud/jira/platform/understanding-jwt-for-connect-apps/",
	Scheme:     connectScheme{},
	SecretHint: "the sharedSecret of the installation",
	ID:         verifiers.Header("X-Atlassian-Webhook-Identifier"),
	Type:       verifiers.First(verifiers.JSON("/webhookEvent"), verifiers.JSON("/eventType")),
	Time:       verifiers.JSON("/timestamp"),
	TypePrefix: "com.atlassian.connect",
	Options: []verifiers.Option{
		{Name: connectClient, Doc: "The clientKey of the installation, or several; without it the secret alone decides.", Multiple: true},
		{Name: connectBase, Doc: "The path of the app's base URL, if it has one.", Example: "/app"},
	},
	NeedsJSON: true,
	RetrySpan: 2 * time.Hour,
	Headers:   []string{"X-Atlassian-Webhook-Retry"},

	Category: "dev",
	Setup:    "Declare the webhook in the descriptor of the app; the shared secret came with the callback installed.",
	Signs:    "A JSON Web Token (HS256) with the hash of method, path and query",
	Retries:  "Up to five times, 5 to 15 minutes apart, after a 408, 409, 425, 429 or 5xx.",
	Notes: []string{
		"The body is not signed.",
		"Each installation has a secret of its own: give several, or a route to each, and set client_key.",
		"The host is not part of what is signed; path and query must be those that Atlassian called.",
	},
	Sources: []string{
		"https://developer.atlassian.com/cloud/jira/platform/understanding-jwt-for-connect-apps/",
		"npm atlassian-jwt@2.0.3 createQueryStringHash",
	},
	Confidence: verifiers.High,
})
