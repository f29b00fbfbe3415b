package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Buildkite sends either a token or, where the webhook is set so, this
// signature. The time is that of the request.
var BuildkiteSignature = add(verifiers.Provider{
	Name:  "buildkite-signature",
	Title: "Buildkite (signature)",
	Docs:  "https://buildkite.com/docs/apis/webhooks/pipelines",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Buildkite-Signature").KV("signature"),
			Content:   "{timestamp}.{body}",
			Timestamp: verifiers.Header("X-Buildkite-Signature").KV("timestamp"),
			Tolerance: 5 * time.Minute,
		},
	},
	SecretHint: "the token of the webhook",
	Type:       verifiers.First(verifiers.Header("X-Buildkite-Event"), verifiers.JSON("/event")),
	TypePrefix: "com.buildkite",
	Aliases:    []string{"buildkite"},
	NeedsJSON:  true,
	MaxBody:    4 << 20,
	Headers:    []string{"X-Buildkite-Event", "X-Buildkite-Request"},

	Addresses: []verifiers.AddressList{{URL: "https://api.buildkite.com/v2/meta", Pointers: []string{"/webhook_ips"}}},

	Category: "dev",
	Setup:    "Add the webhook under Settings > Notification Services and choose to send the token as a signature.",
	Retries:  "Not documented.",
	Notes: []string{
		"Nothing names the event, and a build may be in one state several times: what is sent twice arrives twice.",
	},
	Sources: []string{
		"https://buildkite.com/docs/apis/webhooks/pipelines",
		"https://github.com/buildkite/go-buildkite ValidatePayload",
		"https://buildkite.com/docs/apis/rest-api/meta",
	},
	Confidence: verifiers.High,
})
