package providers

import (
	"crypto/sha256"
	"strconv"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Bridge signs, with RSA and SHA-256, the SHA-256 of the text: it is hashed
// twice. Its documentation only says so between the lines; the example in it
// verifies in no other way. A retry is signed anew, so the window can be the ten
// minutes that Bridge advises.
var Bridge = add(verifiers.Provider{
	Name:    "bridge",
	Aliases: []string{"bridge-xyz"},
	Title:   "Bridge (stablecoins)",
	Docs:    "https://apidocs.bridge.xyz/platform/additional-information/webhooks/signature",
	Scheme: adapted{
		scheme: verifiers.RSA{Hash: verifiers.SHA256, Signed: verifiers.Signed{
			Signature: bridgeHeader.KV("v0"),
			Encoding:  verifiers.Base64,
			Content:   "{body}",
		}},
		places: verifiers.Places{
			Scheme:    "rsa-sha256",
			Covers:    verifiers.Coverage{Body: true},
			Signature: bridgeHeader.KV("v0"),
			Timestamp: bridgeHeader.KV("t"),
			Unit:      verifiers.Milliseconds,
			Tolerance: 10 * time.Minute,
		},
		form:  hashBridge,
		parse: parseMilliseconds,
	},
	SecretHint: "the public key (PEM) of the webhook endpoint",
	ID:         verifiers.JSON("/event_id"),
	Type:       verifiers.JSON("/event_type"),
	Time:       verifiers.JSON("/event_created_at"),
	TypePrefix: "xyz.bridge",
	NeedsJSON:  true,

	Category: "payments",
	Setup:    "Create the webhook in the dashboard or with the API; each endpoint has a public key of its own.",
	Signs:    "The SHA-256 of timestamp, dot and body, with RSA and SHA-256",
	Retries:  "Repeated with a new timestamp; the schedule is not stated.",
	Notes: []string{
		"The text is hashed twice: RSA with SHA-256 is computed over its SHA-256.",
		"The time is in milliseconds.",
	},
	Sources: []string{
		"https://apidocs.bridge.xyz/platform/additional-information/webhooks/signature",
		"https://apidocs.bridge.xyz/v1/docs/webhook-event-signature-verification",
	},
	Confidence: verifiers.High,
})

var bridgeHeader = verifiers.Header("X-Webhook-Signature")

// hashBridge puts the hash of what is signed in place of the body.
func hashBridge(r *verifiers.Request) (*verifiers.Request, error) {
	timestamp, err := bridgeHeader.KV("t").Lookup(r)
	if err != nil {
		return nil, &verifiers.Error{Field: bridgeHeader.String(), Err: err}
	}
	h := sha256.New()
	_, _ = h.Write([]byte(timestamp + "."))
	_, _ = h.Write(r.Body)
	c := reform(r)
	c.Body = h.Sum(nil)
	return c, nil
}

// parseMilliseconds reads a time in milliseconds since 1970.
func parseMilliseconds(text string) (time.Time, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n <= 0 || text[0] == '+' || len(text) > 14 {
		return time.Time{}, verifiers.ErrMalformed
	}
	return time.UnixMilli(n), nil
}
