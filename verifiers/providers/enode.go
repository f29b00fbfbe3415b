package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Enode sends arrays of events with one delivery id in a header that is not
// signed. Its signature is SHA-1.
var Enode = add(verifiers.Provider{
	Name:  "enode",
	Title: "Enode",
	Docs:  "https://developers.enode.com/docs/webhooks",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA1,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Enode-Signature").Trim("sha1="),
			Content:   "{body}",
		},
	},
	SecretHint: "the secret given when the webhook was created",
	ID:         verifiers.Header("X-Enode-Delivery"),
	Type:       verifiers.JSON("/0/event"),
	Time:       verifiers.JSON("/0/createdAt"),
	TypePrefix: "com.enode",
	NeedsJSON:  true,
	MaxBody:    8 << 20,
	Batch:      &verifiers.Batch{Type: verifiers.JSON("/event"), Time: verifiers.JSON("/createdAt")},

	Category: "saas",
	Setup:    "Create the webhook with the API, with a secret of your choice.",
	Retries:  "Not documented in detail.",
	Notes: []string{
		"The delivery id is not signed.",
		"The test of the dashboard is an event too: enode:webhook:test.",
	},
	Sources: []string{
		"https://developers.enode.com/docs/webhooks",
	},
	Confidence: verifiers.Medium,
})
