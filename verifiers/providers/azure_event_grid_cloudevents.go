package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// With the CloudEvents schema the subscription is validated by OPTIONS, which
// proves nothing about the sender and tells nothing: every origin is allowed.
// Events carry a token of one's own in the query of the URL.
var AzureEventGridCloudEvents = add(verifiers.Provider{
	Name:       "azure-event-grid-cloudevents",
	Title:      "Azure Event Grid (CloudEvents schema)",
	Docs:       "https://learn.microsoft.com/en-us/azure/event-grid/end-point-validation-cloud-events-schema",
	Scheme:     verifiers.Token{Source: verifiers.Query("token")},
	SecretHint: "the text after ?token= in the URL of the subscription",
	ID:         verifiers.First(verifiers.Join(".", verifiers.JSON("/source"), verifiers.JSON("/id")), verifiers.Join(".", verifiers.JSON("/0/source"), verifiers.JSON("/0/id"))),
	Type:       verifiers.First(verifiers.JSON("/type"), verifiers.JSON("/0/type")),
	Time:       verifiers.First(verifiers.JSON("/time"), verifiers.JSON("/0/time")),
	TypePrefix: "com.azure.eventgrid",
	NeedsJSON:  true,
	Deadline:   30 * time.Second,
	RetrySpan:  24 * time.Hour,
	Final4xx:   true,
	Batch: &verifiers.Batch{
		ID:   verifiers.Join(".", verifiers.JSON("/source"), verifiers.JSON("/id")),
		Type: verifiers.JSON("/type"),
		Time: verifiers.JSON("/time"),
	},
	Handshakes: []verifiers.Handshake{{
		Name:   "abuse_protection",
		Method: "OPTIONS",
		When:   []verifiers.Match{verifiers.Header("WebHook-Request-Origin").Present()},
		Reply: verifiers.Reply{Status: 200, Header: map[string]string{
			"WebHook-Allowed-Origin": "{header:WebHook-Request-Origin}",
			"WebHook-Allowed-Rate":   "*",
		}},
	}},
	Headers: []string{"Aeg-Event-Type", "Aeg-Subscription-Name", "Aeg-Delivery-Count"},

	Category: "infra",
	Setup:    "Create an event subscription of the kind web hook and the CloudEvents schema, with ?token= and a long random text of your own at the end of the URL.",
	Retries:  "With growing pauses for up to 24 hours.",
	Notes: []string{
		"Nothing is signed, and the token is in the URL: keep it out of access logs.",
	},
	Sources: []string{
		"https://learn.microsoft.com/en-us/azure/event-grid/end-point-validation-cloud-events-schema",
		"https://github.com/cloudevents/spec/blob/main/cloudevents/http-webhook.md",
	},
	Confidence: verifiers.High,
})
