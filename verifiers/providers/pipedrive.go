package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Pipedrive signs nothing: user and password, set when the webhook is made, are
// all there is. It does not say that meta.id is kept when a delivery is
// repeated, and in the first version it is the id of the changed object, so the
// id is made of that and of what tells two changes of one object apart.
var Pipedrive = add(verifiers.Provider{
	Name:       "pipedrive",
	Title:      "Pipedrive",
	Docs:       "https://pipedrive.readme.io/docs/guide-for-webhooks-v2",
	Scheme:     verifiers.Basic{},
	SecretHint: "the webhook's HTTP auth user and password, as user:password",
	ID: verifiers.Join(".",
		verifiers.First(verifiers.JSON("/meta/timestamp_micro"), verifiers.JSON("/meta/timestamp")), verifiers.JSON("/meta/id"),
		verifiers.JSON("/meta/action"), verifiers.First(verifiers.JSON("/meta/entity"), verifiers.JSON("/meta/object")), verifiers.JSON("/meta/entity_id"),
	),
	Type:       verifiers.First(verifiers.JSON("/event"), verifiers.Join(".", verifiers.JSON("/meta/action"), verifiers.JSON("/meta/entity"))),
	Time:       verifiers.JSON("/meta/timestamp"),
	TypePrefix: "com.pipedrive",
	Varies:     []string{"/meta/attempt"},
	NeedsJSON:  true,
	Deadline:   10 * time.Second,
	RetrySpan:  5 * time.Minute,

	Category: "crm",
	Setup:    "Create the webhook under Tools and apps > Webhooks with an HTTP auth username and password, or with the API.",
	Retries:  "After 3, 30 and 150 seconds. A webhook without a success for three days is deleted.",
	Notes: []string{
		"User and password are optional at Pipedrive: without them nothing is accepted here.",
	},
	Sources: []string{
		"https://pipedrive.readme.io/docs/guide-for-webhooks-v2",
	},
	Confidence: verifiers.Medium,
})
