package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// HubSpotV2 are webhooks of workflows and requests of CRM cards. The hash is
// that of secret, method, URL and body, which is no HMAC, and has no time.
// HubSpot sends it beside version 3: use hubspot-v3 where that is there. CRM
// cards are fetched with GET.
var HubSpotV2 = add(verifiers.Provider{
	Name:  "hubspot-v2",
	Title: "HubSpot (signature v2)",
	Docs:  "https://developers.hubspot.com/docs/guides/apps/authentication/validating-requests",
	Scheme: verifiers.Digest{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-HubSpot-Signature"),
			Content:   "{secret}{req:method}{url}{body}",
		},
	},
	SecretHint: "the app's client secret, under Auth",
	ID:         hubspotID("/0"),
	Type:       verifiers.JSON("/0/subscriptionType"),
	Time:       verifiers.JSON("/0/occurredAt"),
	TypePrefix: "com.hubspot",
	Varies:     []string{"/attemptNumber"},
	Batch:      hubspotBatch,
	Methods:    []string{"POST", "GET"},
	Deadline:   5 * time.Second,
	RetrySpan:  24 * time.Hour,

	Category: "crm",
	Setup:    "Add the action \"send a webhook\" to a workflow and sign it with the app's id, or enter the URL for the card. The client secret is under Auth of the app.",
	Retries:  "Up to ten times within 24 hours.",
	Notes: []string{
		"The URL is signed as HubSpot sees it: behind a proxy the public scheme, host, port and query must be known.",
		"There is no replay protection but deduplication: prefer hubspot-v3.",
	},
	Sources: []string{
		"https://developers.hubspot.com/docs/guides/apps/authentication/validating-requests",
		"npm @hubspot/api-client@13.5.0 Signature.isValid",
	},
	Confidence: verifiers.High,
})
