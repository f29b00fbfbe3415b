package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Graph repeats the clientState of the subscription in each notification and
// signs nothing else. Notifications with data also have tokens that Microsoft
// signs; they are verified where the options name tenant and app. Encrypted
// content stays encrypted: only its receiver has the key. The validation of the
// URL comes before there is a subscription and is answered to anybody, as plain
// text.
var MicrosoftGraph = add(verifiers.Provider{
	Name:       "microsoft-graph",
	Title:      "Microsoft Graph (change notifications)",
	Docs:       "https://learn.microsoft.com/en-us/graph/change-notifications-delivery-webhooks",
	Scheme:     graphScheme{},
	SecretHint: "the clientState given when the subscription was created",
	ID:         verifiers.First(verifiers.JSON("/value/0/id"), verifiers.Join(".", verifiers.JSON("/value/0/resourceData/@odata.etag"), verifiers.JSON("/value/0/subscriptionId"), verifiers.JSON("/value/0/resource"), verifiers.JSON("/value/0/changeType"))),
	Type:       verifiers.First(verifiers.JSON("/value/0/lifecycleEvent"), verifiers.JSON("/value/0/changeType")),
	TypePrefix: "com.microsoft.graph",
	Aliases:    []string{"ms-graph"},
	Options: []verifiers.Option{
		{Name: graphTenant, Doc: "The id of the tenant whose validation tokens are accepted; belongs to app_id."},
		{Name: graphApp, Doc: "The id of your app, for which validation tokens are; belongs to tenant_id."},
	},
	NeedsJSON: true,
	MaxBody:   4 << 20,
	Deadline:  3 * time.Second,
	RetrySpan: 4 * time.Hour,
	Success:   verifiers.Reply{Status: 202},
	Batch: &verifiers.Batch{
		Elements: "/value",
		ID:       verifiers.First(verifiers.JSON("/id"), verifiers.Join(".", verifiers.JSON("/resourceData/@odata.etag"), verifiers.JSON("/subscriptionId"), verifiers.JSON("/resource"), verifiers.JSON("/changeType"))),
		Type:     verifiers.First(verifiers.JSON("/lifecycleEvent"), verifiers.JSON("/changeType")),
	},
	Handshakes: []verifiers.Handshake{{
		Name:  "validation",
		When:  []verifiers.Match{verifiers.Query("validationToken").Present()},
		Reply: verifiers.Echo(verifiers.Query("validationToken")),
	}},

	Category: "infra",
	Setup:    "Create the subscription with the API: the URL as notificationUrl and a long random text as clientState.",
	Signs:    "Nothing: each notification repeats clientState; validation tokens are JSON Web Tokens of Microsoft's",
	Retries:  "For up to 4 hours; slow endpoints are throttled.",
	Notes: []string{
		"The body is not signed; use options tenant_id and app_id with notifications that hold data.",
		"Subscriptions end: renew them.",
		"Slow answers are throttled: over 2.9 seconds counts as slow.",
	},
	Sources: []string{
		"https://learn.microsoft.com/en-us/graph/change-notifications-delivery-webhooks",
		"https://learn.microsoft.com/en-us/graph/change-notifications-with-resource-data",
	},
	Confidence: verifiers.High,
})
