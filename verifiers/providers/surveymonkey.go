package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// SurveyMonkey's key is the client id and the secret of the app with & between
// them.
var SurveyMonkey = add(verifiers.Provider{
	Name:  "surveymonkey",
	Title: "SurveyMonkey",
	Docs:  "https://api.surveymonkey.com/v3/docs#webhook-callbacks",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA1,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("Sm-Signature"),
			Encoding:  verifiers.Base64,
			Content:   "{body}",
		},
	},
	SecretHint: "the client id, & and the secret of the app, as one text",
	ID:         verifiers.JSON("/event_id"),
	Type:       verifiers.JSON("/event_type"),
	Time:       verifiers.JSON("/event_datetime"),
	TypePrefix: "com.surveymonkey",
	NeedsJSON:  true,
	Handshakes: []verifiers.Handshake{{Name: "head", Method: "HEAD", Reply: verifiers.Reply{Status: 200}}},

	Category: "saas",
	Setup:    "Create the webhook with the API; client id and secret are under Settings of the app.",
	Retries:  "Not documented.",
	Notes: []string{
		"The key is two values with & between them.",
		"The event only names a response: read it from the API.",
	},
	Sources: []string{
		"https://api.surveymonkey.com/v3/docs#webhook-callbacks",
	},
	Confidence: verifiers.Medium,
})
