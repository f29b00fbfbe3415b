package providers

import (
	"errors"
	"strings"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// MyFatoorah signs a few members that depend on the event, with their names and
// commas between them; a member without a value is signed as empty. This is
// version 2 of its webhooks. The event's own name and reference are not signed.
var MyFatoorah = add(verifiers.Provider{
	Name:  "myfatoorah",
	Title: "MyFatoorah (webhooks V2)",
	Docs:  "https://docs.myfatoorah.com/docs/webhook-signature",
	Scheme: oneOf{
		myfatoorahHMAC("PAYMENT_STATUS_CHANGED",
			"Invoice.Id", "Invoice.Status", "Transaction.Status", "Transaction.PaymentId", "Invoice.ExternalIdentifier"),
		myfatoorahHMAC("REFUND_STATUS_CHANGED",
			"Refund.Id", "Refund.Status", "Amount.ValueInBaseCurrency", "ReferencedInvoice.Id"),
		myfatoorahHMAC("BALANCE_TRANSFERRED",
			"Deposit.Reference", "Deposit.ValueInBaseCurrency", "Deposit.NumberOfTransactions"),
		myfatoorahHMAC("RECURRING_UPDATES", "Recurring.Id", "Recurring.Status", "Recurring.InitialInvoiceId"),
		myfatoorahHMAC("DISPUTE_STATUS_CHANGED",
			"Dispute.DisputeTransactionId", "Dispute.Status", "Invoice.Id", "Invoice.Status",
			"Transaction.Status", "Transaction.PaymentId", "Invoice.ExternalIdentifier"),
	},
	SecretHint: "the webhook secret key, under Integration Settings > Webhook Settings",
	ID:         verifiers.JSON("/Event/Reference"),
	Type:       verifiers.JSON("/Event/Name"),
	Time:       verifiers.JSON("/Event/CreationDate"),
	TypePrefix: "com.myfatoorah",
	NeedsJSON:  true,
	RetrySpan:  time.Hour,

	Category: "payments",
	Setup:    "Enable webhooks V2 under Integration Settings > Webhook Settings, enter the URL, choose retries and enable the secret key.",
	Signs:    "The members that the page of the event lists, as name=value with commas between them",
	Retries:  "As set in the portal: up to five, at most 180 seconds apart.",
	Notes: []string{
		"Only the members that the page of the event lists are signed, so amounts of a payment are not: read the payment from the API.",
		"Events of suppliers are not signed and are refused, and so is version 1.",
	},
	Sources: []string{
		"https://docs.myfatoorah.com/docs/webhook-signature",
		"https://docs.myfatoorah.com/docs/webhook-v2",
		"https://docs.myfatoorah.com/docs/webhook-v2-payment-status-data-model",
	},
	Confidence: verifiers.Medium,
})

// myfatoorahHMAC signs these members of Data, for one kind of event.
func myfatoorahHMAC(event string, members ...string) verifiers.HMAC {
	var covers verifiers.Coverage
	for _, m := range members {
		covers.Pointers = append(covers.Pointers, "/Data/"+strings.ReplaceAll(m, ".", "/"))
	}
	return verifiers.HMAC{Hash: verifiers.SHA256, Signed: verifiers.Signed{
		Signature:    verifiers.Header("Myfatoorah-Signature"),
		Encoding:     verifiers.Base64,
		Content:      "{custom}",
		CustomCovers: covers,
		Custom: func(dst []byte, r *verifiers.Request) ([]byte, error) {
			if !verifiers.JSON("/Event/Name").Is(event).In(r) {
				return dst, verifiers.ErrMissing
			}
			for i, m := range members {
				value, err := verifiers.JSON(covers.Pointers[i]).Lookup(r)
				if err != nil && (i == 0 || !errors.Is(err, verifiers.ErrMissing)) {
					return dst, err
				}
				if i > 0 {
					dst = append(dst, ',')
				}
				dst = append(append(append(dst, m...), '='), value...)
			}
			return dst, nil
		},
	}}
}
