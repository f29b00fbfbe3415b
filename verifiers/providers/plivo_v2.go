package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Version 2 signs scheme, host and path with a nonce, and neither query nor
// body: version 3 is the better choice. The header that ends in -Ma-V2 is signed
// with the token of the main account and is not looked at.
var PlivoV2 = add(verifiers.Provider{
	Name:  "plivo-v2",
	Title: "Plivo (signature V2)",
	Docs:  "https://www.plivo.com/docs/messaging/concepts/signature-validation",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Plivo-Signature-V2"),
			Encoding:  verifiers.Base64,
			Content:   "{custom}{header:X-Plivo-Signature-V2-Nonce}",
			Custom:    plivoBase,
		},
	},
	SecretHint: "the auth token",
	ID:         verifiers.Join(".", verifiers.Form("MessageUUID"), verifiers.Form("Status")),
	Type:       verifiers.First(verifiers.Form("Status"), verifiers.Form("Type")),
	TypePrefix: "com.plivo",
	Headers:    []string{"X-Plivo-Signature-V2-Nonce"},

	Category: "comms",
	Setup:    "Enter the URL as message URL or callback; the auth token is in the console.",
	Signs:    "Scheme, host and path, and a nonce, with HMAC-SHA256",
	Retries:  "Not documented.",
	Notes: []string{
		"The body is not signed.",
		"A subaccount signs with its own token.",
	},
	Sources: []string{
		"https://www.plivo.com/docs/messaging/concepts/signature-validation",
		"npm plivo@4.79.0 validateSignature",
		"https://github.com/plivo/plivo-go utils.go",
	},
	Confidence: verifiers.High,
})

// plivoBase is the URL without its query.
func plivoBase(dst []byte, r *verifiers.Request) ([]byte, error) {
	if r.URL == nil {
		return dst, verifiers.ErrMalformed
	}
	return append(dst, r.URL.Scheme+"://"+r.URL.Host+r.URL.EscapedPath()...), nil
}
