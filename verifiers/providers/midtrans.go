package providers

import "github.com/caddy-webhooks/caddy-webhooks/verifiers"

// Midtrans hashes three members and the server key, with SHA-512 and no HMAC.
// What happened to the payment, transaction_status and fraud_status, is not
// among them: a receiver has to ask the API for the status, as Midtrans's own
// client does. Notifications of the SNAP-BI interface are midtrans-snap-bi.
var Midtrans = add(verifiers.Provider{
	Name:  "midtrans",
	Title: "Midtrans",
	Docs:  "https://docs.midtrans.com/docs/https-notification-webhooks",
	Scheme: verifiers.Digest{
		Hash: verifiers.SHA512,
		Signed: verifiers.Signed{
			Signature: verifiers.JSON("/signature_key"),
			Content:   "{json:/order_id}{json:/status_code}{json:/gross_amount}{secret}",
		},
	},
	SecretHint: "the Server Key, under Settings > Access Keys",
	ID:         verifiers.Join(".", verifiers.JSON("/transaction_id"), verifiers.JSON("/transaction_status"), verifiers.JSON("/refund_amount")),
	Type:       verifiers.JSON("/transaction_status"),
	TypePrefix: "com.midtrans",
	NeedsJSON:  true,

	Category: "payments",
	Setup:    "Enter the Payment Notification URL under Settings > Configuration of the dashboard.",
	Retries:  "By report up to five times, depending on the status answered.",
	Notes: []string{
		"transaction_status and fraud_status are not signed: ask the API for the status before goods are sent.",
		"A redirect is a failure: enter the final URL.",
		"gross_amount is hashed as the text it is in JSON, such as 10000.00.",
	},
	Sources: []string{
		"https://docs.midtrans.com/docs/https-notification-webhooks",
		"https://docs.midtrans.com/reference/partner-http-notification",
		"https://docs.midtrans.com/docs/technical-faq",
		"github Midtrans/midtrans-php Midtrans/Notification.php",
	},
	Confidence: verifiers.Medium,
})
