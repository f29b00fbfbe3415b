package providers

import "github.com/caddy-webhooks/caddy-webhooks/verifiers"

// DoorDash sends user and password that were entered in its portal and signs
// nothing. Only 200 is success. One page elsewhere tells of a signature header;
// DoorDash's documentation does not.
var DoorDash = add(verifiers.Provider{
	Name:       "doordash",
	Title:      "DoorDash Drive",
	Docs:       "https://developer.doordash.com/en-US/docs/drive/reference/webhooks",
	Scheme:     verifiers.Basic{},
	SecretHint: "user:password, as entered in the developer portal",
	ID:         verifiers.Join(".", verifiers.JSON("/external_delivery_id"), verifiers.JSON("/event_name"), verifiers.JSON("/created_at")),
	Type:       verifiers.JSON("/event_name"),
	Time:       verifiers.JSON("/created_at"),
	TypePrefix: "com.doordash",
	NeedsJSON:  true,
	Success:    verifiers.Reply{Status: 200},

	Category: "commerce",
	Setup:    "Add the webhook in the developer portal with Basic authentication, a user and a long random password.",
	Retries:  "Up to three attempts in all, until one is answered with 200.",
	Notes: []string{
		"Nothing is signed.",
		"Every status but 200 is a failure.",
		"An event has no id of its own: a delivery's id, the event's name and its time stand in for it.",
	},
	Sources: []string{
		"https://developer.doordash.com/en-US/docs/drive/reference/webhooks",
		"github api-evangelist/doordash asyncapi/doordash-drive-webhooks-asyncapi.yml",
	},
	Confidence: verifiers.Medium,
})
