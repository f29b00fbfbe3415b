package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// The Numbers API signs with SHA-1.
var SinchNumbers = add(verifiers.Provider{
	Name:  "sinch-numbers",
	Title: "Sinch (Numbers)",
	Docs:  "https://developers.sinch.com/docs/numbers/api-reference/numbers/tag/Numbers-Callbacks/",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA1,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Sinch-Signature"),
			Content:   "{body}",
		},
	},
	SecretHint: "the callback secret",
	ID:         verifiers.JSON("/eventId"),
	Type:       verifiers.JSON("/eventType"),
	TypePrefix: "com.sinch.numbers",
	NeedsJSON:  true,

	Category: "comms",
	Setup:    "Set the callback URL of the project with the API and its HMAC secret.",
	Retries:  "Not documented.",
	Notes: []string{
		"The time in the body has no zone; it is UTC.",
	},
	Sources: []string{
		"https://developers.sinch.com/docs/numbers/api-reference/numbers/tag/Numbers-Callbacks/",
		"npm @sinch/sdk-client authorization.helper",
	},
	Confidence: verifiers.High,
})
