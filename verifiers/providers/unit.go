package providers

import "github.com/caddy-webhooks/caddy-webhooks/verifiers"

// Unit signs with HMAC-SHA1 and sends JSON:API documents with any number of
// events. Its SDK hashes the JSON that it has parsed and written again; the raw
// body is the same and cannot be spoilt by it.
var Unit = add(verifiers.Provider{
	Name:  "unit",
	Title: "Unit",
	Docs:  "https://www.unit.co/docs/api/webhooks/",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA1,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Unit-Signature"),
			Encoding:  verifiers.Base64,
			Content:   "{body}",
		},
	},
	SecretHint: "the token given when the webhook was created",
	ID:         verifiers.JSON("/data/0/id"),
	Type:       verifiers.JSON("/data/0/type"),
	Time:       verifiers.JSON("/data/0/attributes/createdAt"),
	TypePrefix: "co.unit",
	Batch: &verifiers.Batch{
		Elements: "/data",
		ID:       verifiers.JSON("/id"),
		Type:     verifiers.JSON("/type"),
		Time:     verifiers.JSON("/attributes/createdAt"),
	},
	NeedsJSON: true,

	Category: "payments",
	Setup:    "Create the webhook in the dashboard or with the API, with a token of your choice and the delivery mode AtLeastOnce.",
	Retries:  "Not stated on the pages read; in the mode AtMostOnce there are none.",
	Notes: []string{
		"The MAC is HMAC-SHA1 in base64.",
		"Choose the delivery mode AtLeastOnce: in the other one a failed delivery is lost.",
	},
	Sources: []string{
		"https://www.unit.co/docs/api/webhooks/",
		"github unit-finance/unit-node-sdk resources/webhooks.ts",
	},
	Confidence: verifiers.High,
})
