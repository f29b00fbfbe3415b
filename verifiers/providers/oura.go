package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Oura signs timestamp and body with nothing between them and writes the
// signature in upper case. How the timestamp counts is not documented, so that
// it is signed text here and no replay window.
var Oura = add(verifiers.Provider{
	Name:  "oura",
	Title: "Oura",
	Docs:  "https://cloud.ouraring.com/v2/docs#tag/Webhook-Subscription-Routes",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Oura-Signature"),
			Content:   "{header:X-Oura-Timestamp}{body}",
		},
	},
	SecretHint: "the OAuth client secret of your application",
	ID:         verifiers.Join(".", verifiers.JSON("/object_id"), verifiers.JSON("/event_type"), verifiers.JSON("/data_type"), verifiers.JSON("/event_time")),
	Type:       verifiers.Join(".", verifiers.JSON("/data_type"), verifiers.JSON("/event_type")),
	Time:       verifiers.JSON("/event_time"),
	TypePrefix: "com.ouraring",
	NeedsJSON:  true,
	Deadline:   10 * time.Second,
	Options: []verifiers.Option{{
		Name:     "verification_token",
		Doc:      "The verification token given when the subscription was created.",
		Required: true,
		Secret:   true,
	}},
	Handshakes: []verifiers.Handshake{{
		Name:        "verification",
		Method:      "GET",
		When:        []verifiers.Match{verifiers.Query("challenge").Present()},
		Token:       verifiers.Query("verification_token"),
		TokenOption: "verification_token",
		Reply:       verifiers.Reply{ContentType: "application/json", Template: `{{"challenge":"{query:challenge}"}}`},
	}},

	Category: "saas",
	Setup:    "Create the subscription with the API, with the URL as callback and a verification token of your choice, which is also the option verification_token.",
	Retries:  "Up to ten times.",
	Notes: []string{
		"An answer of 410 ends the subscription.",
		"The event only names an object: read it from the API.",
	},
	Sources: []string{
		"https://cloud.ouraring.com/v2/docs#tag/Webhook-Subscription-Routes",
	},
	Confidence: verifiers.Medium,
})
