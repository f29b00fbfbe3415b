package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// MongoDBAtlas signs the body with HMAC-SHA1. Receivers that are in use decode
// the signature as base64, its documentation says hex; both are taken, since
// their lengths differ. The id of the alert is not the id of a delivery: an open
// alert is sent again and again, so that there is no id to go by.
var MongoDBAtlas = add(verifiers.Provider{
	Name:         "mongodb-atlas",
	Title:        "MongoDB Atlas (alerts)",
	Docs:         "https://www.mongodb.com/docs/atlas/tutorial/third-party-service-integrations/#webhook",
	Scheme:       variants{atlasHMAC(verifiers.Base64), atlasHMAC(verifiers.Hex)},
	SecretHint:   "the secret of the webhook integration",
	Type:         verifiers.Header("X-Mms-Event"),
	Time:         verifiers.First(verifiers.JSON("/updated"), verifiers.JSON("/created")),
	TypePrefix:   "com.mongodb.atlas",
	ContentTypes: []string{"application/json"},
	NeedsJSON:    true,

	Category: "infra",
	Setup:    "Configure the webhook under Project Settings > Integrations with URL and secret, and name Webhook as a notification of the alerts.",
	Signs:    "HMAC-SHA1 of the body, in base64 or hex",
	Retries:  "An alert is notified again in the interval that it is configured with.",
	Notes: []string{
		"Without a secret there is no signature.",
		"The event is named in a header, which is not signed.",
	},
	Sources: []string{
		"https://www.mongodb.com/docs/atlas/tutorial/third-party-service-integrations/",
	},
	Confidence: verifiers.Medium,
})

func atlasHMAC(encoding verifiers.Encoding) verifiers.HMAC {
	return verifiers.HMAC{Hash: verifiers.SHA1, Signed: verifiers.Signed{
		Signature: verifiers.Header("X-Mms-Signature"),
		Encoding:  encoding,
		Content:   "{body}",
	}}
}
