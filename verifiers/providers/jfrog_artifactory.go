package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// JFrogArtifactory has one header with two meanings: with payload signing on it
// is an HMAC of the body, without it the secret itself. Only the signature is
// accepted: the secret proves nothing about the body, and would be in every log.
var JFrogArtifactory = add(verifiers.Provider{
	Name:    "jfrog-artifactory",
	Aliases: []string{"jfrog"},
	Title:   "JFrog Artifactory",
	Docs:    "https://jfrog.com/help/r/jfrog-platform-administration-documentation/webhooks",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Jfrog-Event-Auth"),
			Content:   "{body}",
		},
	},
	SecretHint:   "the webhook's secret token, with payload signing on",
	Type:         verifiers.Join(".", verifiers.JSON("/domain"), verifiers.JSON("/event_type")),
	TypePrefix:   "com.jfrog",
	ContentTypes: []string{"application/json"},
	NeedsJSON:    true,

	Category: "dev",
	Setup:    "Create the webhook under Administration > General > Webhooks with a secret token, and tick the box that uses it for signing the payload.",
	Retries:  "As the platform is configured.",
	Notes: []string{
		"Without payload signing the header holds the secret itself, and is refused.",
	},
	Sources: []string{
		"https://jfrog.com/help/r/jfrog-platform-administration-documentation/webhooks",
		"https://github.com/superplanehq/superplane pkg/integrations/jfrog_artifactory",
	},
	Confidence: verifiers.Medium,
})
