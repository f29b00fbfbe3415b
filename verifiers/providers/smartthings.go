package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// SmartThings signs as the draft of HTTP Signatures has it: path, date and the
// digest of the body, with the key of a certificate that it serves. Its own
// library does not compare the digest with the body; here the digest is made of
// the body. The key is the same for all apps and the host is not signed:
// somebody else's app could have its events sent to your path.
var SmartThings = add(verifiers.Provider{
	Name:       "smartthings",
	Title:      "SmartThings",
	Docs:       "https://developer.smartthings.com/docs/connected-services/hosting/webhook-smartapp",
	Scheme:     smartThingsScheme{},
	ID:         verifiers.JSON("/executionId"),
	Type:       verifiers.JSON("/lifecycle"),
	TypePrefix: "com.smartthings",
	Options: []verifiers.Option{{
		Name: smartThingsApp,
		Doc:  "The id of the SmartApp, whose registration is confirmed; without it none is.",
	}},
	NeedsJSON: true,
	Success:   verifiers.Reply{ContentType: "application/json", Custom: answerSmartThings},
	Handshakes: []verifiers.Handshake{
		{
			Name: "ping",
			When: []verifiers.Match{verifiers.JSON("/lifecycle").Is("PING")},
			Reply: verifiers.Reply{
				ContentType: "application/json",
				Template:    `{{"statusCode":200,"pingData":{{"challenge":"{json:/pingData/challenge}"}}}}`,
			},
		},
		{
			Name:        "confirmation",
			When:        []verifiers.Match{verifiers.JSON("/lifecycle").Is("CONFIRMATION")},
			Token:       verifiers.JSON("/confirmationData/appId"),
			TokenOption: smartThingsApp,
			Confirm:     verifiers.JSON("/confirmationData/confirmationUrl"),
			Pin:         verifiers.Pin{Hosts: []string{"api.smartthings.com"}},
			Reply:       verifiers.Reply{ContentType: "application/json", Template: `{{"targetUrl":"{url}"}}`},
		},
	},

	Category: "saas",
	Setup:    "Register the SmartApp with the URL as its target, and set app_id. CONFIRMATION is then answered and the URL in it opened, which enables events.",
	Signs:    "Method, path, date and the digest of the body, with RSA-SHA256",
	Retries:  "Not documented.",
	Notes: []string{
		"CONFIRMATION and PING are not signed.",
		"The answers are those of EVENT and of installing, updating and removing; pages of CONFIGURATION need an app of your own.",
		"Choose a path that cannot be guessed: the key is that of all apps.",
	},
	Sources: []string{
		"https://developer.smartthings.com/docs/connected-services/hosting/webhook-smartapp",
		"npm @smartthings/smartapp@4.3.6 lib/util/authorizer.js",
	},
	Confidence: verifiers.High,
})
