package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Trello signs the body with the callback URL behind it, under the secret of the
// app. On creation it sends a HEAD.
var Trello = add(verifiers.Provider{
	Name:  "trello",
	Title: "Trello",
	Docs:  "https://developer.atlassian.com/cloud/trello/guides/rest-api/webhooks/",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA1,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Trello-Webhook"),
			Encoding:  verifiers.Base64,
			Content:   "{body}{url}",
		},
	},
	SecretHint: "the secret of the app (OAuth secret)",
	ID:         verifiers.JSON("/action/id"),
	Type:       verifiers.JSON("/action/type"),
	Time:       verifiers.JSON("/action/date"),
	TypePrefix: "com.trello",
	NeedsJSON:  true,
	MaxBody:    4 << 20,
	RetrySpan:  10 * time.Minute,
	Handshakes: []verifiers.Handshake{{Name: "head", Method: "HEAD", Reply: verifiers.Reply{Status: 200}}},

	Addresses: []verifiers.AddressList{{
		URL: "https://ip-ranges.atlassian.com/", Pointers: []string{"/items"}, Address: "/cidr",
		Has: map[string]string{"/product": "trello", "/direction": "egress"},
	}},

	Category: "saas",
	Setup:    "Create the webhook with the API, with the URL as callbackURL; the secret is on the page of the Power-Up.",
	Retries:  "Three times, after 30, 60 and 120 seconds.",
	Notes: []string{
		"The URL counts exactly as it was registered: behind a proxy the public one must be known.",
		"An answer of 410 deletes the webhook.",
	},
	Sources: []string{
		"https://developer.atlassian.com/cloud/trello/guides/rest-api/webhooks/",
		"https://support.atlassian.com/organization-administration/docs/ip-addresses-and-domains-for-atlassian-cloud-products/",
	},
	Confidence: verifiers.Medium,
})
