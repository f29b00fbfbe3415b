package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// HubSpotV1 hashes the app's secret followed by the body, which is no HMAC, and
// has no time. HubSpot still sends this header beside that of version 3: use
// hubspot-v3 where it is there. One request holds up to 100 events, and an
// eventId alone is not unique. The attempt's number is in the body, so that a
// retry has another signature.
var HubSpotV1 = add(verifiers.Provider{
	Name:  "hubspot-v1",
	Title: "HubSpot (signature v1)",
	Docs:  "https://developers.hubspot.com/docs/guides/apps/authentication/validating-requests",
	Scheme: verifiers.Digest{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-HubSpot-Signature"),
			Content:   "{secret}{body}",
		},
	},
	SecretHint: "the app's client secret, under Auth",
	ID:         hubspotID("/0"),
	Type:       verifiers.JSON("/0/subscriptionType"),
	Time:       verifiers.JSON("/0/occurredAt"),
	TypePrefix: "com.hubspot",
	Batch:      hubspotBatch,
	Varies:     []string{"/attemptNumber"},
	NeedsJSON:  true,
	Deadline:   5 * time.Second,
	RetrySpan:  24 * time.Hour,

	Category: "crm",
	Setup:    "Enter the target URL under Webhooks of the app. The client secret is under Auth.",
	Retries:  "Up to ten times within 24 hours.",
	Notes: []string{
		"There is no replay protection but deduplication: prefer hubspot-v3.",
		"X-HubSpot-Signature is also the header of version 2, which hashes method and URL as well.",
	},
	Sources: []string{
		"https://developers.hubspot.com/docs/guides/apps/authentication/validating-requests",
		"npm @hubspot/api-client@13.5.0 Signature.isValid",
	},
	Confidence: verifiers.High,
})
