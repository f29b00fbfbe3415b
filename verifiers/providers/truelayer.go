package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// TrueLayer sends a JWS whose payload is not in it: method, path, the headers
// that it names and the body. The key set is at one of two addresses that the
// JWS names; only that of the configured environment is fetched, since anybody
// can have a sandbox account. The path is the one that TrueLayer called, with or
// without a slash at its end.
var TrueLayer = add(verifiers.Provider{
	Name:   "truelayer",
	Title:  "TrueLayer",
	Docs:   "https://docs.truelayer.com/docs/configure-webhooks-for-your-integration",
	Scheme: trueLayerScheme{},
	Options: []verifiers.Option{{
		Name: trueLayerEnvironment,
		Doc:  "The environment whose keys are trusted: live, which is the preset, or sandbox.",
	}},
	ID:         verifiers.JSON("/event_id"),
	Type:       verifiers.First(verifiers.JSON("/type"), verifiers.JSON("/event_type")),
	Time:       trueLayerTimestamp,
	TypePrefix: "com.truelayer",
	NeedsJSON:  true,
	RetrySpan:  72 * time.Hour,
	Headers:    []string{"X-Tl-Webhook-Timestamp"},

	Category: "payments",
	Setup:    "Enter the webhook URI under Payments > Settings in the Console. There is no secret: TrueLayer publishes its keys.",
	Signs:    "Method, path, the headers that the JWS names and the body, as a detached JWS with ES512",
	Retries:  "By report with growing pauses for up to 72 hours; the replay window is as long.",
	Notes: []string{
		"A proxy that rewrites the path breaks the signature.",
		"A JWS that does not sign X-Tl-Webhook-Timestamp is refused, and so is version 1.",
	},
	Sources: []string{
		"https://docs.truelayer.com/docs/configure-webhooks-for-your-integration",
		"github TrueLayer/truelayer-signing request-signing-v2.md, go/verify/verifier.go",
		"npm truelayer-signing@0.2.3 verify",
	},
	Confidence: verifiers.High,
})
