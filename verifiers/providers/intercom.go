package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Intercom offers SHA-1 only. Before a URL is saved it is asked for with HEAD.
// The signature covers the body; nothing limits replay but the id in it.
var Intercom = add(verifiers.Provider{
	Name:  "intercom",
	Title: "Intercom",
	Docs:  "https://developers.intercom.com/docs/webhooks",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA1,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Hub-Signature").Trim("sha1="),
			Content:   "{body}",
		},
	},
	SecretHint: "the app's client secret, under Basic information",
	ID:         verifiers.JSON("/id"),
	Type:       verifiers.JSON("/topic"),
	Time:       verifiers.JSON("/created_at"),
	TypePrefix: "com.intercom",
	Varies:     []string{"/delivery_attempts"},
	Handshakes: []verifiers.Handshake{{
		Name:   "reachability",
		Method: "HEAD",
		Reply:  verifiers.Reply{Status: 200},
	}},
	NeedsJSON: true,
	Deadline:  5 * time.Second,
	RetrySpan: 5 * time.Minute,

	Category: "crm",
	Setup:    "Enter the URL under Webhooks of the app in the Developer Hub and choose topics. The client secret is under Basic information.",
	Retries:  "Once, after a minute. An endpoint that fails for long is suspended.",
	Notes: []string{
		"An answer of 410 ends the subscription.",
		"The topic ping is a test and is published like any other.",
	},
	Sources: []string{
		"https://developers.intercom.com/docs/webhooks",
	},
	Confidence: verifiers.Medium,
})
