package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Fitbit's key is the client secret with & behind it, as in OAuth 1. Before it
// accepts a subscriber it tries a right code, which wants a 204, and a wrong
// one, which wants a 404. Notifications name what has changed and have no id: two
// changes on one day are the same bytes, so that the signature is none either.
var Fitbit = add(verifiers.Provider{
	Name:  "fitbit",
	Title: "Fitbit",
	Docs:  "https://dev.fitbit.com/build/reference/web-api/developer-guide/using-subscriptions/",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA1,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Fitbit-Signature"),
			Encoding:  verifiers.Base64,
			Content:   "{body}",
		},
	},
	SecretHint: "the client secret of the app, and & behind it",
	Type:       verifiers.JSON("/0/collectionType"),
	TypePrefix: "com.fitbit",
	Options: []verifiers.Option{{
		Name: "verify", Required: true, Secret: true,
		Doc: "The verification code of the subscriber.",
	}},
	NeedsJSON: true,
	MaxBody:   4 << 20,
	Deadline:  5 * time.Second,
	Success:   verifiers.Reply{Status: 204},
	Batch:     &verifiers.Batch{Type: verifiers.JSON("/collectionType")},
	Handshakes: []verifiers.Handshake{{
		Name:        "verify",
		Method:      "GET",
		When:        []verifiers.Match{verifiers.Query("verify").Present()},
		Token:       verifiers.Query("verify"),
		TokenOption: "verify",
		Refusal:     404,
		Reply:       verifiers.Reply{Status: 204},
	}},

	Category: "saas",
	Setup:    "Add the subscriber in the settings of the app; its verification code is shown there, to be the option verify.",
	Retries:  "With growing pauses; a subscriber that keeps failing is switched off.",
	Notes: []string{
		"The key ends in &.",
		"The answer has to be a 204.",
		"Read what has changed with the API.",
	},
	Sources: []string{
		"https://dev.fitbit.com/build/reference/web-api/developer-guide/using-subscriptions/",
	},
	Confidence: verifiers.Medium,
})
