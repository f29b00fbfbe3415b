package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Bitbucket signs with SHA-256 in the header that means SHA-1 at GitHub; the
// hash must not be read from the header's name. The id of the request is not
// signed.
var BitbucketCloud = add(verifiers.Provider{
	Name:  "bitbucket-cloud",
	Title: "Bitbucket Cloud",
	Docs:  "https://support.atlassian.com/bitbucket-cloud/docs/manage-webhooks/",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Hub-Signature").Trim("sha256="),
			Content:   "{body}",
		},
	},
	SecretHint: "the webhook's secret, as you typed it",
	ID:         verifiers.Header("X-Request-UUID"),
	Type:       verifiers.Header("X-Event-Key"),
	TypePrefix: "org.bitbucket",
	NeedsJSON:  false,
	RetrySpan:  time.Hour,
	Deadline:   10 * time.Second,
	Headers:    []string{"X-Attempt-Number", "X-Hook-Uuid"},

	Addresses: []verifiers.AddressList{{
		URL: "https://ip-ranges.atlassian.com/", Pointers: []string{"/items"}, Address: "/cidr",
		Has: map[string]string{"/product": "bitbucket", "/direction": "egress"},
	}},

	Category: "dev",
	Setup:    "Add the webhook under Repository settings > Webhooks, with a secret.",
	Retries:  "Up to two more attempts.",
	Notes: []string{
		"Without a secret there is no signature, and nothing is accepted.",
		"X-Hook-UUID is the id of the webhook and not of the delivery.",
		"A push names all its changes in push.changes.",
	},
	Sources: []string{
		"https://support.atlassian.com/bitbucket-cloud/docs/manage-webhooks/",
		"https://support.atlassian.com/organization-administration/docs/ip-addresses-and-domains-for-atlassian-cloud-products/",
	},
	Confidence: verifiers.Medium,
})
