package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Event Grid signs nothing; the URL of a subscription keeps its query, where a
// token of one's own can be. The validation of a new subscription carries it
// too, so that strangers get no answer to theirs. The validation URL in it is
// never fetched.
var AzureEventGrid = add(verifiers.Provider{
	Name:       "azure-event-grid",
	Title:      "Azure Event Grid",
	Docs:       "https://learn.microsoft.com/en-us/azure/event-grid/end-point-validation-event-grid-events-schema",
	Scheme:     verifiers.Token{Source: verifiers.Query("token")},
	SecretHint: "the text after ?token= in the URL of the subscription",
	ID:         verifiers.JSON("/0/id"),
	Type:       verifiers.JSON("/0/eventType"),
	Time:       verifiers.JSON("/0/eventTime"),
	TypePrefix: "com.azure.eventgrid",
	NeedsJSON:  true,
	Deadline:   30 * time.Second,
	RetrySpan:  24 * time.Hour,
	Final4xx:   true,
	Batch: &verifiers.Batch{
		ID:   verifiers.JSON("/id"),
		Type: verifiers.JSON("/eventType"),
		Time: verifiers.JSON("/eventTime"),
	},
	Handshakes: []verifiers.Handshake{{
		Name: "subscription_validation",
		When: []verifiers.Match{
			verifiers.Header("Aeg-Event-Type").Is("SubscriptionValidation"),
			verifiers.JSON("/0/eventType").Is("Microsoft.EventGrid.SubscriptionValidationEvent"),
		},
		Signed: true,
		Reply: verifiers.Reply{
			ContentType: "application/json",
			Template:    `{{"validationResponse":"{json:/0/data/validationCode}"}}`,
		},
	}},
	Headers: []string{"Aeg-Event-Type", "Aeg-Subscription-Name", "Aeg-Delivery-Count"},

	Category: "infra",
	Setup:    "Create an event subscription of the kind web hook with ?token= and a long random text of your own at the end of the URL.",
	Retries:  "With growing pauses for up to 24 hours.",
	Notes: []string{
		"Nothing is signed, and the token is in the URL: keep it out of access logs.",
		"Delivery with Entra ID needs a description of its own with verify jwt.",
	},
	Sources: []string{
		"https://learn.microsoft.com/en-us/azure/event-grid/end-point-validation-event-grid-events-schema",
	},
	Confidence: verifiers.High,
})
