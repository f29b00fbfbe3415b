package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Intuit signs the body with the app's verifier token, one for all companies.
// Its sample hashes JSON that it has written anew, which does not verify for
// every body; we take the bytes. The older payload groups changes by company,
// one event for each; the newer one is an array of CloudEvents, which is not
// taken apart.
var QuickBooks = add(verifiers.Provider{
	Name:  "quickbooks",
	Title: "Intuit QuickBooks Online",
	Docs:  "https://developer.intuit.com/app/developer/qbo/docs/develop/webhooks",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("Intuit-Signature"),
			Encoding:  verifiers.Base64,
			Content:   "{body}",
		},
	},
	SecretHint: "the app's verifier token, on its Webhooks page",
	ID:         verifiers.Header("Intuit-Notification-Id"),
	Type:       verifiers.First(verifiers.JSON("/0/type"), verifiers.Const("notification")),
	TypePrefix: "com.intuit.quickbooks",
	Batch:      &verifiers.Batch{Elements: "/eventNotifications"},
	NeedsJSON:  true,
	Deadline:   3 * time.Second,
	Headers:    []string{"Intuit-Notification-Id", "Intuit-Created-Time", "Intuit-T-Id"},

	Category: "payments",
	Setup:    "Add the URL on the Webhooks page of the app, choose the entities and copy the verifier token.",
	Retries:  "After 20, 30 and 50 minutes and so on; the endpoint is switched off when it goes on failing. By report.",
	Notes: []string{
		"The verifier token is used as text.",
		"One element is one company (realmId) and may hold several changed entities.",
		"The answer is due within three seconds.",
	},
	Sources: []string{
		"https://developer.intuit.com/app/developer/qbo/docs/develop/webhooks",
		"https://github.com/IntuitDeveloper/SampleApp-Webhooks-nodejs util/util.js",
	},
	Confidence: verifiers.High,
})
