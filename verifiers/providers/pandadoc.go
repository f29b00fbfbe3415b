package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// PandaDoc puts the signature into the query of the URL and sends arrays of
// events.
var PandaDoc = add(verifiers.Provider{
	Name:  "pandadoc",
	Title: "PandaDoc",
	Docs:  "https://developers.pandadoc.com/docs/webhook-verification",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Query("signature"),
			Content:   "{body}",
		},
	},
	SecretHint: "the shared key of the subscription",
	ID:         verifiers.Join(".", verifiers.JSON("/0/data/id"), verifiers.JSON("/0/event"), verifiers.JSON("/0/data/date_modified")),
	Type:       verifiers.JSON("/0/event"),
	Time:       verifiers.JSON("/0/data/date_modified"),
	TypePrefix: "com.pandadoc",
	NeedsJSON:  true,
	MaxBody:    4 << 20,
	Batch: &verifiers.Batch{
		ID:   verifiers.Join(".", verifiers.JSON("/data/id"), verifiers.JSON("/event"), verifiers.JSON("/data/date_modified")),
		Type: verifiers.JSON("/event"),
		Time: verifiers.JSON("/data/date_modified"),
	},

	Category: "saas",
	Setup:    "Create the subscription under Settings > Integrations > Webhooks; its shared key is on its page.",
	Retries:  "Not documented for certain.",
	Notes: []string{
		"The signature is in the URL: rewriting that drops the query drops it.",
	},
	Sources: []string{
		"https://developers.pandadoc.com/docs/webhook-verification",
	},
	Confidence: verifiers.High,
})
