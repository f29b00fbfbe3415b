package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// ShipStation V1 signs nothing and sends no secret: all that can be done is a
// URL that nobody can guess. The body names a URL under which the batch has to
// be read with the API's credentials; whoever can forge an event can name
// another. ShipStation V2 signs and is the entry shipengine.
var ShipStation = add(verifiers.Provider{
	Name:       "shipstation",
	Title:      "ShipStation V1",
	Docs:       "https://www.shipstation.com/docs/api/webhooks/",
	Scheme:     verifiers.Token{Source: verifiers.Query("token")},
	SecretHint: "the text after ?token= in the URL that you entered",
	ID:         verifiers.JSON("/resource_url"),
	Type:       verifiers.JSON("/resource_type"),
	TypePrefix: "com.shipstation",
	NeedsJSON:  true,

	Category: "commerce",
	Setup:    "Add the webhook under Account Settings > Integrations, or through the API, with ?token= and a long random text of your own at the end of the URL.",
	Retries:  "Not documented.",
	Notes: []string{
		"Nothing is signed, and the token is in the URL: keep it out of access logs.",
		"Check the host of resource_url before it is fetched: it must be ssapi.shipstation.com or what your account has.",
	},
	Sources: []string{
		"https://www.shipstation.com/docs/api/webhooks/",
		"https://github.com/NangoHQ/nango packages/server/lib/webhook/shipstation-webhook-routing.ts",
	},
	Confidence: verifiers.Medium,
})
