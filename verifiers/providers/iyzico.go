package providers

import (
	"errors"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// iyzico signs five or six members, not the body, with the secret both as key
// and at the beginning of the text. Which members depends on the product: the
// checkout form has a token and its own payment id. Subscriptions are signed in
// a third way, which is not known to us; they are refused.
var Iyzico = add(verifiers.Provider{
	Name:  "iyzico",
	Title: "iyzico",
	Docs:  "https://docs.iyzico.com/ek-servisler/webhook",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Iyz-Signature-V3"),
			Content:   "{secret}{custom}",
			Custom:    appendIyzico,
			CustomCovers: verifiers.Coverage{
				Pointers: []string{"/iyziEventType", "/paymentConversationId", "/status"},
			},
		},
	},
	SecretHint: "the merchant's secret key",
	ID:         verifiers.JSON("/iyziReferenceCode"),
	Type:       verifiers.JSON("/iyziEventType"),
	Time:       verifiers.JSON("/iyziEventTime"),
	TypePrefix: "com.iyzico",
	NeedsJSON:  true,
	RetrySpan:  time.Hour,

	Category: "payments",
	Setup:    "Enter the URL under Settings > Merchant Notifications, and ask iyzico's support to switch the signature V3 on.",
	Signs:    "The secret, then event type, payment id, token where there is one, conversation id and status",
	Retries:  "Every 15 minutes, three times.",
	Notes: []string{
		"The header is sent only after iyzico has switched it on; X-Iyz-Signature and its V2 are no more.",
		"Only event type, payment ids, token, conversation id and status are signed; the reference code and the time are not.",
	},
	Sources: []string{
		"https://docs.iyzico.com/ek-servisler/webhook",
		"github iyzico/iyzipay-php samples/webhook_Signature_Validation.php",
	},
	Confidence: verifiers.High,
})

var (
	iyzicoDirect   = []string{"/iyziEventType", "/paymentId", "/paymentConversationId", "/status"}
	iyzicoCheckout = []string{"/iyziEventType", "/iyziPaymentId", "/token", "/paymentConversationId", "/status"}
)

func appendIyzico(dst []byte, r *verifiers.Request) ([]byte, error) {
	members := iyzicoDirect
	if verifiers.JSON("/token").Present().In(r) {
		members = iyzicoCheckout
	}
	for _, pointer := range members {
		value, err := verifiers.JSON(pointer).Lookup(r)
		if errors.Is(err, verifiers.ErrMissing) && pointer == "/paymentConversationId" {
			continue // the merchant gave none
		}
		if err != nil {
			return dst, err
		}
		dst = append(dst, value...)
	}
	return dst, nil
}
