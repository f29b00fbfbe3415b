package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// PayPal signs ids, time and the CRC-32 of the body, with a certificate that the
// request names: only PayPal's two hosts are asked. The id of the webhook is
// part of what is signed and not of the request. A CRC-32 is no hash: whoever
// sees one request can make another body for it, so that the body does not count
// as covered.
var PayPal = add(verifiers.Provider{
	Name:       "paypal",
	Title:      "PayPal",
	Docs:       "https://developer.paypal.com/api/rest/webhooks/rest/",
	Scheme:     paypalScheme{},
	ID:         verifiers.JSON("/id"),
	Type:       verifiers.JSON("/event_type"),
	Time:       verifiers.JSON("/create_time"),
	TypePrefix: "com.paypal",
	Options:    []verifiers.Option{{Name: paypalWebhook, Required: true, Example: "8PT597110X687430LKGECATA", Doc: "The id of the webhook, as PayPal shows it."}},
	NeedsJSON:  true,
	RetrySpan:  96 * time.Hour,
	Headers:    []string{"Paypal-Transmission-Id", "Paypal-Auth-Algo", "Paypal-Cert-Url"},

	Category: "payments",
	Setup:    "Add the webhook under Apps & Credentials of the app; its id is on the same page.",
	Signs:    "Transmission id, time, webhook id and the CRC-32 of the body, with RSA-SHA256",
	Retries:  "Up to 25 times within 3 days by report.",
	Notes: []string{
		"The body is bound by a CRC-32 only: consumers that move money should read the object from the API.",
		"PAYPAL-TRANSMISSION-ID is of the transmission; the id of the event is in the body.",
		"Events of the simulator are signed for the webhook id WEBHOOK_ID.",
		"The certificate must be of paypal.com and valid; that it is PayPal's is vouched for by the host that serves it.",
	},
	Sources: []string{
		"https://developer.paypal.com/api/rest/webhooks/rest/",
		"https://github.com/paypal/PayPal-Python-SDK paypalrestsdk/notifications.py",
	},
	Confidence: verifiers.High,
})
