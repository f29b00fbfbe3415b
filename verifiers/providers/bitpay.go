package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// BitPay does not sign its notifications, and its documentation advises against
// lists of addresses. All that can be done is a URL that nobody can guess, and
// the invoice has to be read again through the API. The answer has to be 200
// with an empty body.
var BitPay = add(verifiers.Provider{
	Name:       "bitpay",
	Title:      "BitPay",
	Docs:       "https://developer.bitpay.com/reference/notifications",
	Scheme:     verifiers.Token{Source: verifiers.Query("token")},
	SecretHint: "the text after ?token= in the URL that you entered",
	ID: verifiers.First(
		verifiers.Join(".", verifiers.JSON("/data/id"), verifiers.JSON("/data/status"), verifiers.JSON("/event/name")),
		verifiers.Join(".", verifiers.JSON("/id"), verifiers.JSON("/status")),
	),
	Type:       verifiers.First(verifiers.JSON("/event/name"), verifiers.JSON("/status")),
	Time:       verifiers.First(verifiers.JSON("/data/currentTime"), verifiers.JSON("/currentTime")),
	TypePrefix: "com.bitpay",
	NeedsJSON:  true,

	Category: "payments",
	Setup:    "Send notificationURL with each invoice or payout, with ?token= and a long random text of your own at its end.",
	Retries:  "Several times until the answer is 200 or BitPay gives up; the schedule is not documented.",
	Notes: []string{
		"Nothing is signed, and the token is in the URL: keep it out of access logs.",
		"Read the invoice through the API before goods are sent: the notification proves nothing about it.",
		"Any answer but 200 with an empty body is a failed delivery.",
	},
	Sources: []string{
		"https://developer.bitpay.com/reference/notifications",
		"https://developer.bitpay.com/docs/invoice-webhooks",
	},
	Confidence: verifiers.High,
})
