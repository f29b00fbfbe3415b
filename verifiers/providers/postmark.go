package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Postmark signs nothing: user and password of the URL come as HTTP basic
// authentication.
var Postmark = add(verifiers.Provider{
	Name:       "postmark",
	Title:      "Postmark",
	Docs:       "https://postmarkapp.com/developer/webhooks/webhooks-overview",
	Scheme:     verifiers.Basic{},
	SecretHint: "user:password, as in the URL that you gave to the sender",
	ID:         verifiers.Join(".", verifiers.JSON("/MessageID"), verifiers.JSON("/RecordType"), verifiers.JSON("/ID"), verifiers.First(verifiers.JSON("/ReceivedAt"), verifiers.JSON("/DeliveredAt"), verifiers.JSON("/BouncedAt"), verifiers.JSON("/ChangedAt")), verifiers.JSON("/OriginalLink")),
	Type:       verifiers.First(verifiers.JSON("/RecordType"), verifiers.Const("Inbound")),
	TypePrefix: "com.postmarkapp",
	NeedsJSON:  true,
	MaxBody:    36 << 20,
	RetrySpan:  12 * time.Hour,

	Category: "comms",
	Setup:    "Add the webhook under Webhooks of the message stream with basic auth credentials.",
	Retries:  "Ten times within about 10 hours for bounces and inbound messages, three times for others, by report; a 403 ends them.",
	Notes: []string{
		"Nothing is signed.",
		"Opens and clicks of one message have no id of their own: consumers should expect that they are told apart by nothing.",
	},
	Sources: []string{
		"https://postmarkapp.com/developer/webhooks/webhooks-overview",
	},
	Confidence: verifiers.Medium,
})
