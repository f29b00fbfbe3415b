package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Cloudsmith signs the body with HMAC-SHA1. The body may be JSON, a form or a
// template of the user's.
var Cloudsmith = add(verifiers.Provider{
	Name:  "cloudsmith",
	Title: "Cloudsmith",
	Docs:  "https://help.cloudsmith.io/docs/webhooks",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA1,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Cloudsmith-Signature").Trim("sha1="),
			Content:   "{body}",
		},
	},
	SecretHint: "the webhook's signature key",
	Type:       verifiers.JSON("/meta/event"),
	TypePrefix: "io.cloudsmith",

	Category: "dev",
	Setup:    "Create the webhook under Webhooks of a repository with a signature key, in the format JSON.",
	Retries:  "Not documented.",
	Notes: []string{
		"Without a signature key there is no signature.",
	},
	Sources: []string{
		"https://help.cloudsmith.io/docs/webhooks",
		"https://github.com/superplanehq/superplane pkg/integrations/cloudsmith/webhook_trigger.go",
	},
	Confidence: verifiers.Medium,
})
