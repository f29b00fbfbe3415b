package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// ZohoDesk sends a token that names organisation and webhook and says nothing
// about the body: whoever has seen one request can send others while its token
// is valid. Any organisation can have tokens signed, so both names are checked.
var ZohoDesk = add(verifiers.Provider{
	Name:  "zoho-desk",
	Title: "Zoho Desk",
	Docs:  "https://desk.zoho.com/support/WebhookDocument.do",
	Scheme: verifiers.JWT{
		Token:      verifiers.Header("X-ZDesk-JWT"),
		Algorithms: []string{"RS256"},
		JWKS:       "https://{option:host}/.well-known/jwks.json",
		Pin: verifiers.Pin{Hosts: []string{
			"desk.zoho.com", "desk.zoho.eu", "desk.zoho.in", "desk.zoho.com.au", "desk.zoho.jp",
			"desk.zoho.com.cn", "desk.zoho.sa", "desk.zoho.uk", "desk.zohocloud.ca",
		}},
		Issuers:        []string{"orgId:{option:org_id}"},
		AudienceOption: "audience",
	},
	Options: []verifiers.Option{
		{Name: "host", Example: "desk.zoho.com", Doc: "The host of Zoho Desk in your data centre, such as desk.zoho.com or desk.zoho.eu.", Required: true},
		{Name: "org_id", Example: "3981311", Doc: "The id of your organisation, as under Setup > Developer Space > API.", Required: true},
		{Name: "audience", Example: "webhookId:4000000000123", Doc: "\"webhookId:\" followed by the id of the webhook.", Required: true},
	},
	Type:       verifiers.JSON("/0/eventType"),
	Time:       verifiers.JSON("/0/eventTime"),
	TypePrefix: "com.zoho.desk",
	Batch:      &verifiers.Batch{Type: verifiers.JSON("/eventType"), Time: verifiers.JSON("/eventTime")},
	Handshakes: []verifiers.Handshake{
		{
			Name:   "validation",
			Method: "GET",
			Reply:  verifiers.Reply{Status: 200},
		},
		{
			Name:  "validation",
			When:  []verifiers.Match{verifiers.Header("X-ZDesk-JWT").Absent(), verifiers.JSON("/0/eventType").Absent()},
			Reply: verifiers.Reply{Status: 200},
		},
	},
	NeedsJSON: true,
	Deadline:  5 * time.Second,

	Category: "crm",
	Setup:    "Create the webhook under Setup > Developer Space > Webhooks or with the API; its id is in the answer. The URL is asked for before it is saved.",
	Retries:  "Not documented.",
	Notes: []string{
		"The body is not signed.",
		"The body is an array of events, mostly of one.",
		"Nothing identifies a delivery: make what consumers do with it idempotent.",
	},
	Sources: []string{
		"https://desk.zoho.com/support/WebhookDocument.do",
	},
	Confidence: verifiers.Medium,
})
