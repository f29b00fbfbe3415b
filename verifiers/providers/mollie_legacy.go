package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Mollie's older webhooks hold the id of an object and nothing else. They are
// not signed and have no secret: all that can be done is a token of one's own in
// the query of the URL. The same body comes for each change, so that nothing in
// it can be an id.
var MollieLegacy = add(verifiers.Provider{
	Name:         "mollie-legacy",
	Title:        "Mollie (unsigned webhooks)",
	Docs:         "https://docs.mollie.com/reference/webhooks",
	Scheme:       verifiers.Token{Source: verifiers.Query("token")},
	SecretHint:   "the text after ?token= in the webhookUrl",
	Type:         verifiers.Const("changed"),
	TypePrefix:   "com.mollie",
	ContentTypes: []string{"application/x-www-form-urlencoded"},
	Deadline:     15 * time.Second,

	Addresses: []verifiers.AddressList{{URL: "https://ip-ranges.mollie.com/ips.txt"}},

	Category: "payments",
	Setup:    "Give ?token= and a long random text of your own at the end of the webhookUrl of payments and orders.",
	Retries:  "Up to ten times within 26 hours by report.",
	Notes: []string{
		"The token is in the URL: keep it out of access logs.",
		"Read the state of the object from the API.",
	},
	Sources: []string{
		"https://docs.mollie.com/reference/webhooks",
		"https://help.mollie.com/hc/en-us/articles/213470829-Which-IP-addresses-does-Mollie-use",
	},
	Confidence: verifiers.Medium,
})
