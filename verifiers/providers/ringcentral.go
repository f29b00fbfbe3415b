package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// RingCentral signs nothing: it repeats the verification token of the
// subscription. When that is created or renewed a request has a header
// Validation-Token, which goes back as it is.
var RingCentral = add(verifiers.Provider{
	Name:       "ringcentral",
	Title:      "RingCentral",
	Docs:       "https://developers.ringcentral.com/guide/notifications/webhooks/receiving",
	Scheme:     verifiers.Token{Source: verifiers.Header("Verification-Token")},
	SecretHint: "the verificationToken of the subscription",
	ID:         verifiers.JSON("/uuid"),
	Type:       verifiers.JSON("/event"),
	Time:       verifiers.JSON("/timestamp"),
	TypePrefix: "com.ringcentral",
	Deadline:   3 * time.Second,
	Handshakes: []verifiers.Handshake{{
		Name:  "validation",
		When:  []verifiers.Match{verifiers.Header("Validation-Token").Present()},
		Reply: verifiers.Reply{Status: 200, Header: map[string]string{"Validation-Token": "{header:Validation-Token}"}},
	}},

	Category: "comms",
	Setup:    "Create the subscription with the API: transport WebHook, the URL as address and a long random text as verificationToken.",
	Retries:  "Slow endpoints are put aside and tried again about every 15 minutes.",
	Notes: []string{
		"Nothing is signed.",
		"Without a verification token there is no header, and nothing is accepted.",
		"Subscriptions end: renew them.",
	},
	Sources: []string{
		"https://developers.ringcentral.com/guide/notifications/webhooks/receiving",
	},
	Confidence: verifiers.Medium,
})
