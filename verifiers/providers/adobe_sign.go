package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Acrobat Sign signs nothing: it sends the client id of the application, which
// is no secret, and wants it back with every answer. Mutual TLS is what really
// proves the sender.
var AdobeSign = add(verifiers.Provider{
	Name:       "adobe-sign",
	Title:      "Acrobat Sign (Adobe Sign)",
	Docs:       "https://helpx.adobe.com/sign/developer/webhook/overview.html",
	Scheme:     verifiers.Token{Source: verifiers.Header("X-AdobeSign-ClientId")},
	SecretHint: "the client id of the application",
	ID:         verifiers.JSON("/webhookNotificationId"),
	Type:       verifiers.JSON("/event"),
	Time:       verifiers.JSON("/eventDate"),
	TypePrefix: "com.adobe.sign",
	Aliases:    []string{"acrobat-sign"},
	NeedsJSON:  true,
	MaxBody:    16 << 20,
	Deadline:   5 * time.Second,
	RetrySpan:  72 * time.Hour,
	Success:    adobeSignAnswer,
	Handshakes: []verifiers.Handshake{{
		Name:   "client_id",
		Method: "GET",
		When:   []verifiers.Match{verifiers.Header("X-AdobeSign-ClientId").Present()},
		Signed: true,
		Reply:  adobeSignAnswer,
	}},

	Category: "saas",
	Setup:    "Add the webhook under Account > Webhooks; the client id is that of the application that made it, or the one shown in the first request.",
	Retries:  "With growing pauses for 72 hours by report; the webhook is then switched off.",
	Notes: []string{
		"Nothing is signed, and the client id is known to more than the sender: use client certificates or source addresses as well.",
		"An answer without the client id counts as a failure.",
	},
	Sources: []string{
		"https://helpx.adobe.com/sign/developer/webhook/overview.html",
	},
	Confidence: verifiers.Medium,
})

// adobeSignAnswer repeats the client id in both ways that are documented.
var adobeSignAnswer = verifiers.Reply{
	ContentType: "application/json",
	Template:    `{{"xAdobeSignClientId":"{header:X-AdobeSign-ClientId}"}}`,
	Header:      map[string]string{"X-AdobeSign-ClientId": "{header:X-AdobeSign-ClientId}"},
}
