package providers

import "github.com/caddy-webhooks/caddy-webhooks/verifiers"

// Toast signs the body followed by the timestamp that is in it. The timestamp
// adds nothing, and since it is that of the event it limits no replay. The
// headers that name restaurant, category and type are not signed.
var Toast = add(verifiers.Provider{
	Name:  "toast",
	Title: "Toast",
	Docs:  "https://doc.toasttab.com/doc/devguide/apiMessageSigning.html",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("Toast-Signature"),
			Encoding:  verifiers.Base64,
			Content:   "{body}{json:/timestamp}",
		},
	},
	SecretHint: "the webhook subscription's secret",
	ID:         verifiers.JSON("/guid"),
	Type:       verifiers.Join(".", verifiers.Header("Toast-Event-Category"), verifiers.Header("Toast-Event-Type")),
	Time:       verifiers.JSON("/timestamp"),
	TypePrefix: "com.toasttab",
	NeedsJSON:  true,
	Headers: []string{
		"Toast-Event-Category", "Toast-Event-Type", "Toast-Attempt-Number", "Toast-Restaurant-External-Id",
	},

	Category: "commerce",
	Setup:    "Create the webhook subscription in the developer portal; each subscription and environment has a secret of its own.",
	Retries:  "Repeated, with the number of the attempt in Toast-Attempt-Number; the schedule is not stated.",
	Notes: []string{
		"The text that is signed is the raw body with its own member timestamp appended, and nothing between them.",
		"The endpoint must not ask for any other authentication.",
	},
	Sources: []string{
		"https://doc.toasttab.com/doc/devguide/apiMessageSigning.html",
		"https://doc.toasttab.com/doc/devguide/apiHttpHeaders.html",
	},
	Confidence: verifiers.High,
})
