package providers

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Midtrans SNAP-BI follows Bank Indonesia's standard: it signs the path, the
// hash of the body without white space and the time. White space is therefore
// not protected, every member is. Of the path only what comes from "/v1.0/" on
// is signed, which is what the sender adds to the URL that the merchant gave.
var MidtransSnapBI = add(verifiers.Provider{
	Name:  "midtrans-snap-bi",
	Title: "Midtrans (SNAP-BI)",
	Docs:  "https://docs.midtrans.com/reference/payment-notification-api",
	Scheme: verifiers.RSA{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Signature"),
			Encoding:  verifiers.Base64,
			Content:   "POST:{custom}:{timestamp}",
			Custom:    appendSnap,
			CustomCovers: verifiers.Coverage{Pointers: []string{
				"/originalPartnerReferenceNo", "/originalReferenceNo", "/originalExternalId",
				"/latestTransactionStatus", "/transactionStatusDesc", "/amount/value", "/amount/currency",
				"/merchantId", "/partnerServiceId", "/customerNo", "/virtualAccountNo", "/trxId",
				"/paymentRequestId", "/paidAmount/value", "/paidAmount/currency",
			}},
			Timestamp: verifiers.Header("X-Timestamp"),
			Unit:      verifiers.RFC3339,
			Tolerance: 24 * time.Hour,
		},
	},
	SecretHint: "Midtrans's public key (PEM) for SNAP-BI",
	ID: verifiers.First(
		verifiers.Header("X-External-Id"),
		verifiers.Join(".", verifiers.JSON("/originalReferenceNo"), verifiers.JSON("/latestTransactionStatus")),
	),
	Type:       verifiers.JSON("/latestTransactionStatus"),
	TypePrefix: "com.midtrans.snap",
	NeedsJSON:  true,
	Headers:    []string{"X-Partner-Id", "X-External-Id", "Channel-Id"},

	Category: "payments",
	Setup:    "Give Midtrans the base URL for SNAP-BI notifications; it calls paths such as /v1.0/debit/notify below it. The public key is in the dashboard under Settings > Access Keys.",
	Signs:    "POST, the path, the SHA-256 of the body without white space and the time, with colons between them",
	Retries:  "Not stated on the pages read; the replay window is 24 hours.",
	Notes: []string{
		"The path is signed: the gateway must see it as Midtrans called it.",
		"The type is a code of Bank Indonesia's standard: 00 is success.",
	},
	Sources: []string{
		"https://docs.midtrans.com/reference/payment-notification-api",
		"github Midtrans/midtrans-nodejs-client lib/snapBi/snapBi.js",
	},
	Confidence: verifiers.High,
})

// appendSnap appends the path and the hash of the body without white space.
func appendSnap(dst []byte, r *verifiers.Request) ([]byte, error) {
	var body bytes.Buffer
	if err := json.Compact(&body, r.Body); err != nil {
		return dst, verifiers.ErrMalformed
	}
	path := r.URL.EscapedPath()
	if i := strings.Index(path, "/v1.0/"); i > 0 {
		path = path[i:]
	}
	sum := sha256.Sum256(body.Bytes())
	return hex.AppendEncode(append(append(dst, path...), ':'), sum[:]), nil
}
