package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Webhooks that an administrator registers are signed like this; those of
// Connect apps carry a token, see atlassian-connect. The identifier stays the
// same over retries but is not signed.
var JiraCloud = add(verifiers.Provider{
	Name:  "jira-cloud",
	Title: "Jira Cloud (also Confluence)",
	Docs:  "https://developer.atlassian.com/cloud/jira/platform/webhooks/",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Hub-Signature").Trim("sha256="),
			Content:   "{body}",
		},
	},
	SecretHint: "the webhook's secret, as you typed it",
	ID:         verifiers.Header("X-Atlassian-Webhook-Identifier"),
	Type:       verifiers.JSON("/webhookEvent"),
	Time:       verifiers.JSON("/timestamp"),
	TypePrefix: "com.atlassian.jira",
	Aliases:    []string{"jira"},
	Deadline:   20 * time.Second,
	RetrySpan:  2 * time.Hour,
	Headers:    []string{"X-Atlassian-Webhook-Retry", "X-Atlassian-Webhook-Flow"},

	Addresses: []verifiers.AddressList{{
		URL: "https://ip-ranges.atlassian.com/", Pointers: []string{"/items"}, Address: "/cidr",
		Has: map[string]string{"/product": "jira", "/direction": "egress"},
	}},

	Category: "dev",
	Setup:    "Add the webhook under Settings > System > WebHooks, with a secret.",
	Retries:  "Up to five times, 5 to 15 minutes apart, after a 408, 409, 425, 429 or 5xx.",
	Notes: []string{
		"Without a secret there is no signature, and nothing is accepted.",
	},
	Sources: []string{
		"https://developer.atlassian.com/cloud/jira/platform/webhooks/",
		"https://support.atlassian.com/organization-administration/docs/ip-addresses-and-domains-for-atlassian-cloud-products/",
	},
	Confidence: verifiers.Medium,
})
