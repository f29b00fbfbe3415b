package providers

import (
	"maps"
	"net/url"
	"slices"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Version 3 signs URL, parameters in order and a nonce. Several signatures are
// separated by commas, one of which has to fit. Values count as they are after
// decoding, so that a form in another order is the same. The header that ends in
// -Ma-V3 is signed with the token of the main account and is not looked at.
var PlivoV3 = add(verifiers.Provider{
	Name:  "plivo-v3",
	Title: "Plivo (signature V3)",
	Docs:  "https://www.plivo.com/docs/voice/concepts/signature-validation",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature:    verifiers.Header("X-Plivo-Signature-V3").Split(","),
			Encoding:     verifiers.Base64,
			Content:      "{custom}.{header:X-Plivo-Signature-V3-Nonce}",
			Custom:       plivoText,
			CustomCovers: verifiers.Coverage{Body: true, URL: true},
		},
	},
	SecretHint: "the auth token",
	ID:         verifiers.First(verifiers.Join(".", verifiers.Form("MessageUUID"), verifiers.Form("Status")), verifiers.Header("X-Plivo-Signature-V3-Nonce")),
	Type:       verifiers.First(verifiers.Form("Event"), verifiers.Form("CallStatus"), verifiers.Form("Status"), verifiers.Query("Event"), verifiers.Query("CallStatus")),
	TypePrefix: "com.plivo",
	Aliases:    []string{"plivo"},
	Methods:    []string{"POST", "GET"},
	Headers:    []string{"X-Plivo-Signature-V3-Nonce"},

	Category: "comms",
	Setup:    "Enter the URL as answer URL, hangup URL or callback; the auth token is in the console.",
	Signs:    "URL, sorted parameters and a nonce, with HMAC-SHA256",
	Retries:  "Not documented.",
	Notes: []string{
		"The URL is signed as Plivo called it: behind a proxy the public one must be known.",
		"A subaccount signs with its own token.",
		"Answer URLs want Plivo XML, which is for an application to write.",
	},
	Sources: []string{
		"https://www.plivo.com/docs/voice/concepts/signature-validation",
		"npm plivo@4.79.0 validateV3Signature",
		"https://github.com/plivo/plivo-go utils.go",
	},
	Confidence: verifiers.High,
})

// plivoText is the URL with its query in order, then the form's fields in order
// after a dot. Without a query the question mark stays and the dot does not.
func plivoText(dst []byte, r *verifiers.Request) ([]byte, error) {
	dst, err := plivoBase(dst, r)
	if err != nil {
		return dst, err
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return dst, verifiers.ErrMalformed
	}
	var form url.Values
	if r.Method != "GET" && len(r.Body) > 0 {
		if form, err = r.Form(); err != nil {
			return dst, verifiers.ErrMalformed
		}
	}
	if len(query) > 0 || len(form) > 0 {
		dst = append(dst, '?')
	}
	for i, field := range sortedFields(query) {
		if i > 0 {
			dst = append(dst, '&')
		}
		dst = append(dst, field.name+"="+field.value...)
	}
	if len(query) > 0 && len(form) > 0 {
		dst = append(dst, '.')
	}
	for _, field := range sortedFields(form) {
		dst = append(dst, field.name+field.value...)
	}
	return dst, nil
}

// sortedFields returns fields in the order of their names, then of their values.
func sortedFields(values url.Values) []formField {
	var fields []formField
	for _, name := range slices.Sorted(maps.Keys(values)) {
		for _, value := range slices.Sorted(slices.Values(values[name])) {
			fields = append(fields, formField{name, value})
		}
	}
	return fields
}
