package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Adyen signs each item of a notification by itself, over eight of its members
// without any escaping; every item must fit. Nothing else of an item is
// protected. Values of ids repeat on retries, and kind, reference and success
// together tell events apart.
var Adyen = add(verifiers.Provider{
	Name:       "adyen",
	Title:      "Adyen (standard webhooks)",
	Docs:       "https://docs.adyen.com/development-resources/webhooks/secure-webhooks/verify-hmac-signatures",
	Scheme:     adyenScheme{},
	SecretHint: "the HMAC key, in hexadecimal as shown",
	ID:         verifiers.Join(".", verifiers.JSON("/notificationItems/0/NotificationRequestItem/pspReference"), verifiers.JSON("/notificationItems/0/NotificationRequestItem/eventCode"), verifiers.JSON("/notificationItems/0/NotificationRequestItem/success")),
	Type:       verifiers.JSON("/notificationItems/0/NotificationRequestItem/eventCode"),
	Time:       verifiers.JSON("/notificationItems/0/NotificationRequestItem/eventDate"),
	TypePrefix: "com.adyen",
	NeedsJSON:  true,
	Deadline:   10 * time.Second,
	RetrySpan:  96 * time.Hour,
	Success:    verifiers.Reply{Body: "[accepted]"},
	Batch: &verifiers.Batch{
		Elements: "/notificationItems",
		ID:       verifiers.Join(".", verifiers.JSON("/NotificationRequestItem/pspReference"), verifiers.JSON("/NotificationRequestItem/eventCode"), verifiers.JSON("/NotificationRequestItem/success")),
		Type:     verifiers.JSON("/NotificationRequestItem/eventCode"),
		Time:     verifiers.JSON("/NotificationRequestItem/eventDate"),
	},

	Category: "payments",
	Setup:    "Add a standard webhook under Developers > Webhooks with JSON, generate an HMAC key there and save.",
	Signs:    "Eight members of each item with colons between them, with HMAC-SHA256",
	Retries:  "Soon at first, then with growing pauses for up to 30 days, of which the deduplication window covers 96 hours.",
	Notes: []string{
		"Only eight members are signed: pspReference, originalReference, merchantAccountCode, merchantReference, amount, eventCode and success.",
		"The key is decoded from hexadecimal.",
		"The answer is the text [accepted].",
	},
	Sources: []string{
		"https://docs.adyen.com/development-resources/webhooks/secure-webhooks/verify-hmac-signatures",
		"npm @adyen/api-library@32.1.0 hmacValidator.validateHMAC",
	},
	Confidence: verifiers.High,
})
