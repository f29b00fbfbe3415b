package providers

import "github.com/caddy-webhooks/caddy-webhooks/verifiers"

// Clover repeats an auth code that it only shows once the URL is confirmed, and
// it confirms the URL with a request that carries a verification code and no
// auth code. That code is kept for the operator, who types it into the
// dashboard. One request holds updates of many merchants in an object, so it is
// one event here.
var Clover = add(verifiers.Provider{
	Name:       "clover",
	Title:      "Clover (app webhooks)",
	Docs:       "https://docs.clover.com/docs/webhooks",
	Scheme:     verifiers.Token{Source: verifiers.Header("X-Clover-Auth")},
	SecretHint: "the Clover Auth Code, shown in the developer dashboard once the URL is verified",
	Type:       verifiers.Const("updates"),
	TypePrefix: "com.clover",
	Handshakes: []verifiers.Handshake{{
		Name:    "verification_code",
		When:    []verifiers.Match{verifiers.JSON("/verificationCode").Present(), verifiers.Header("X-Clover-Auth").Absent()},
		Capture: verifiers.JSON("/verificationCode"),
		Code:    true,
	}},
	NeedsJSON: true,
	Success:   verifiers.Reply{Status: 200},

	Category: "commerce",
	Setup:    "Enter the URL under App Settings > Webhooks and let Clover send the verification code; type the code that the gateway received, then copy the Clover Auth Code.",
	Retries:  "Not promised.",
	Notes: []string{
		"Nothing is signed.",
		"An update only names an object, such as O:ID for an order: read it from the API.",
	},
	Sources: []string{
		"https://docs.clover.com/docs/webhooks",
		"https://docs.clover.com/build/webhooks/",
	},
	Confidence: verifiers.High,
})
