package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// HubSpotV3 signs method, URL, body and a time in milliseconds. HubSpot decodes
// some escapes of the URL before it signs it; its library leaves that to the
// receiver. Both spellings are tried, since they name the same resource. The
// time is that of the attempt. One request holds up to 100 events, and an
// eventId alone is not unique.
var HubSpotV3 = add(verifiers.Provider{
	Name:       "hubspot-v3",
	Aliases:    []string{"hubspot"},
	Title:      "HubSpot",
	Docs:       "https://developers.hubspot.com/docs/guides/apps/authentication/validating-requests",
	Scheme:     hubspotScheme{},
	SecretHint: "the app's client secret, under Auth",
	ID:         hubspotID("/0"),
	Type:       verifiers.JSON("/0/subscriptionType"),
	Time:       verifiers.JSON("/0/occurredAt"),
	TypePrefix: "com.hubspot",
	Batch:      hubspotBatch,
	Varies:     []string{"/attemptNumber"},
	Methods:    []string{"POST", "GET"},
	Deadline:   5 * time.Second,
	RetrySpan:  24 * time.Hour,

	Category: "crm",
	Setup:    "Enter the target URL under Webhooks of the app. The client secret is under Auth.",
	Signs:    "HMAC-SHA256 over method, URL with some escapes decoded, body and X-HubSpot-Request-Timestamp",
	Retries:  "Up to ten times within 24 hours.",
	Notes: []string{
		"The URL is signed as HubSpot sees it: behind a proxy the public scheme, host, port and query must be known.",
		"The older headers are sent too; they are not looked at.",
	},
	Sources: []string{
		"https://developers.hubspot.com/docs/guides/apps/authentication/validating-requests",
		"npm @hubspot/api-client@13.5.0 Signature.isValid",
	},
	Confidence: verifiers.High,
})

// hubspotID names an event of the array.
func hubspotID(element string) verifiers.Source {
	return verifiers.Join(".",
		verifiers.JSON(element+"/eventId"), verifiers.JSON(element+"/subscriptionId"), verifiers.JSON(element+"/occurredAt"),
	)
}

var hubspotBatch = &verifiers.Batch{
	ID: hubspotID(""), Type: verifiers.JSON("/subscriptionType"), Time: verifiers.JSON("/occurredAt"),
}
