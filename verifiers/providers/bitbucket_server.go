package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Bitbucket Server and Data Center sign like Bitbucket Cloud, in the same
// header. What the Test connection button sends is an event of type
// diagnostics:ping.
var BitbucketServer = add(verifiers.Provider{
	Name:  "bitbucket-server",
	Title: "Bitbucket Data Center",
	Docs:  "https://confluence.atlassian.com/bitbucketserver/event-payload-938025882.html",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Hub-Signature").Trim("sha256="),
			Content:   "{body}",
		},
	},
	SecretHint: "the webhook's secret, as you typed it",
	ID:         verifiers.Header("X-Request-Id"),
	Type:       verifiers.Header("X-Event-Key"),
	Time:       verifiers.JSON("/date"),
	TypePrefix: "org.bitbucket.server",
	Aliases:    []string{"bitbucket-datacenter"},

	Category: "dev",
	Setup:    "Add the webhook under Repository settings > Webhooks, with a secret.",
	Retries:  "Not promised; endpoints that keep failing are skipped for a while.",
	Notes: []string{
		"Without a secret there is no signature, and nothing is accepted.",
	},
	Sources: []string{
		"https://confluence.atlassian.com/bitbucketserver/event-payload-938025882.html",
		"https://github.com/go-playground/webhooks bitbucket-server",
	},
	Confidence: verifiers.Medium,
})
