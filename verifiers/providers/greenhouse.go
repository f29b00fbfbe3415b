package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Greenhouse writes sha256 and a space before the signature. The body has
// escaped characters, so that only its bytes as sent verify.
var Greenhouse = add(verifiers.Provider{
	Name:  "greenhouse",
	Title: "Greenhouse",
	Docs:  "https://developers.greenhouse.io/webhooks.html",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("Signature").Trim("sha256 "),
			Content:   "{body}",
		},
	},
	SecretHint: "the secret key of the web hook",
	ID:         verifiers.Header("Greenhouse-Event-ID"),
	Type:       verifiers.JSON("/action"),
	TypePrefix: "io.greenhouse",
	NeedsJSON:  true,
	MaxBody:    4 << 20,
	RetrySpan:  16 * time.Hour,

	Category: "saas",
	Setup:    "Create the web hook under Configure > Dev Center > Web Hooks, with a secret key; the ping on creation is an event.",
	Retries:  "Up to six times within about 15 hours.",
	Notes: []string{
		"There is a space after sha256 where others have an equals sign.",
		"The event id is not signed.",
	},
	Sources: []string{
		"https://developers.greenhouse.io/webhooks.html",
	},
	Confidence: verifiers.Medium,
})
