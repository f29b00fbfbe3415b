package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// FrameIO signs like Slack, with a "v0=" before the signature. There is no id,
// and one file sends the same event often. The signature serves as one: it
// guards against replays, and against retries as far as these are not signed
// anew.
var FrameIO = add(verifiers.Provider{
	Name:  "frame-io",
	Title: "Frame.io",
	Docs:  "https://next.developer.frame.io/platform/docs/guides/webhooks",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Frameio-Signature").Trim("v0="),
			Timestamp: verifiers.Header("X-Frameio-Request-Timestamp"),
			Content:   "v0:{timestamp}:{body}",
			Tolerance: 5 * time.Minute,
		},
	},
	SecretHint: "the signing secret shown when the webhook was created",
	ID:         verifiers.Header("X-Frameio-Signature").Trim("v0=").Lower(),
	Type:       verifiers.JSON("/type"),
	TypePrefix: "io.frame",
	NeedsJSON:  true,
	Deadline:   5 * time.Second,

	Category: "media",
	Setup:    "Create the webhook in the developer settings or with the API; the signing secret is shown once.",
	Retries:  "Up to five times.",
	Notes: []string{
		"Custom actions are signed alike but expect a JSON answer that depends on the request: they belong to an application.",
	},
	Sources: []string{
		"https://next.developer.frame.io/platform/docs/guides/webhooks",
	},
	Confidence: verifiers.Medium,
})
