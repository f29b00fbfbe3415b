package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Airship signs timestamp and body. Events have no id. The signature serves as
// one: it guards against replays, and against retries as far as these are not
// signed anew.
var Airship = add(verifiers.Provider{
	Name:  "airship",
	Title: "Airship (open channels)",
	Docs:  "https://support.airship.com/hc/en-us/articles/360032501831",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-UA-Signature"),
			Timestamp: verifiers.Header("X-UA-Timestamp"),
			Content:   "{timestamp}:{body}",
			Tolerance: 5 * time.Minute,
		},
	},
	SecretHint: "the open channel's signing secret",
	ID:         verifiers.Header("X-UA-Signature").Lower(),
	Type:       verifiers.Const("send"),
	TypePrefix: "com.airship",

	Category: "crm",
	Setup:    "Configure the open channel with the URL and switch signatures on; the signing secret is shown there.",
	Retries:  "Not documented.",
	Notes: []string{
		"Airship may ask for a confirmation code under the path /validate before the channel works: answer it with a respond directive.",
	},
	Sources: []string{
		"https://support.airship.com/hc/en-us/articles/360032501831",
	},
	Confidence: verifiers.Medium,
})
