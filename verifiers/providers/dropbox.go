package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Dropbox names accounts in which something has changed, and nothing else. The
// same body comes again for the next change, so that nothing in it can be an id.
// The URL is checked with a challenge.
var Dropbox = add(verifiers.Provider{
	Name:  "dropbox",
	Title: "Dropbox",
	Docs:  "https://www.dropbox.com/developers/reference/webhooks",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Dropbox-Signature"),
			Content:   "{body}",
		},
	},
	SecretHint: "the app secret",
	Type:       verifiers.Const("list_folder"),
	TypePrefix: "com.dropbox",
	NeedsJSON:  true,
	MaxBody:    4 << 20,
	Deadline:   10 * time.Second,
	Handshakes: []verifiers.Handshake{{
		Name:   "challenge",
		Method: "GET",
		When:   []verifiers.Match{verifiers.Query("challenge").Present()},
		Reply:  verifiers.Echo(verifiers.Query("challenge")),
	}},

	Category: "saas",
	Setup:    "Add the URL under Webhooks in the App Console; Dropbox sends the challenge at once.",
	Retries:  "With growing pauses; a webhook that keeps failing is switched off.",
	Notes: []string{
		"Read the changes with the API.",
		"The published payload names all accounts of the request.",
	},
	Sources: []string{
		"https://www.dropbox.com/developers/reference/webhooks",
	},
	Confidence: verifiers.Medium,
})
