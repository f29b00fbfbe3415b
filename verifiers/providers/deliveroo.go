package providers

import "github.com/caddy-webhooks/caddy-webhooks/verifiers"

// Deliveroo signs the sequence id, a space and the body. The older events for
// points of sale have a line break between two spaces there; both are tried.
var Deliveroo = add(verifiers.Provider{
	Name:       "deliveroo",
	Title:      "Deliveroo",
	Docs:       "https://api-docs.deliveroo.com/docs/securing-webhooks",
	Scheme:     oneOf{deliverooHMAC(" "), deliverooHMAC(" \n ")},
	SecretHint: "the webhook secret, in the developer portal",
	ID:         verifiers.Header("X-Deliveroo-Sequence-Guid"),
	Type:       verifiers.JSON("/event"),
	TypePrefix: "com.deliveroo",
	NeedsJSON:  true,
	Headers:    []string{"X-Deliveroo-Sequence-Guid", "X-Deliveroo-Webhook-Version"},

	Category: "commerce",
	Setup:    "Enter the URLs under Webhooks of the developer portal and copy the webhook secret.",
	Signs:    "{header:X-Deliveroo-Sequence-Guid}, a space and {body}; in older events a line feed between two spaces",
	Retries:  "Not stated on the pages read.",
	Notes: []string{
		"Between id and body is one space; for older events of points of sale it is a space, a line feed and a space.",
	},
	Sources: []string{
		"https://api-docs.deliveroo.com/docs/securing-webhooks",
		"github RonyFrancis/lamdba_poc app/services/api_integration/deliveroo.rb",
	},
	Confidence: verifiers.Medium,
})

func deliverooHMAC(separator string) verifiers.HMAC {
	return verifiers.HMAC{Hash: verifiers.SHA256, Signed: verifiers.Signed{
		Signature: verifiers.Header("X-Deliveroo-Hmac-Sha256"),
		Content:   "{id}" + separator + "{body}",
		ID:        verifiers.Header("X-Deliveroo-Sequence-Guid"),
	}}
}
