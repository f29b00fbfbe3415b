package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// HelpScout escapes slashes and non-ASCII characters in the JSON that it signs,
// so only the bytes as received verify. There is no id; the signature and the
// event together serve as one, since two events may have the same body.
var HelpScout = add(verifiers.Provider{
	Name:    "help-scout",
	Aliases: []string{"helpscout"},
	Title:   "Help Scout",
	Docs:    "https://developer.helpscout.com/webhooks/",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA1,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-HelpScout-Signature"),
			Encoding:  verifiers.Base64,
			Content:   "{body}",
		},
	},
	SecretHint: "the secret key typed when the webhook was created",
	ID:         verifiers.Join(".", verifiers.Header("X-HelpScout-Signature"), verifiers.Header("X-HelpScout-Event")),
	Type:       verifiers.Header("X-HelpScout-Event"),
	TypePrefix: "com.helpscout",
	NeedsJSON:  true,

	Category: "crm",
	Setup:    "Install the Webhooks app under Manage > Apps and type a secret key, or create the webhook with the API.",
	Retries:  "Not documented.",
	Notes: []string{
		"The event's type is in a header that is not signed.",
	},
	Sources: []string{
		"https://developer.helpscout.com/webhooks/",
	},
	Confidence: verifiers.Medium,
})
