package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Meraki repeats the secret inside the body and signs nothing. An alert's id
// may be empty, and is the same for all tests, so the id is made of what tells
// two alerts apart.
var Meraki = add(verifiers.Provider{
	Name:       "meraki",
	Aliases:    []string{"cisco-meraki"},
	Title:      "Cisco Meraki",
	Docs:       "https://developer.cisco.com/meraki/webhooks/",
	Scheme:     verifiers.Token{Source: verifiers.JSON("/sharedSecret")},
	SecretHint: "the shared secret of the HTTP server, as you typed it",
	ID: verifiers.Join(".",
		verifiers.First(verifiers.JSON("/occurredAt"), verifiers.JSON("/sentAt")), verifiers.JSON("/networkId"), verifiers.JSON("/alertTypeId"),
		verifiers.JSON("/alertId"), verifiers.JSON("/deviceSerial"),
	),
	Type:       verifiers.JSON("/alertTypeId"),
	Time:       verifiers.JSON("/occurredAt"),
	TypePrefix: "com.meraki",
	NeedsJSON:  true,

	Category: "infra",
	Setup:    "Add an HTTP server with a shared secret under Network-wide > Alerts and choose it as recipient of alerts.",
	Retries:  "Not documented.",
	Notes: []string{
		"The secret is part of the body that is published: who reads the events knows it.",
		"A payload template of your own must keep sharedSecret.",
	},
	Sources: []string{
		"https://developer.cisco.com/meraki/webhooks/",
	},
	Confidence: verifiers.Medium,
})
