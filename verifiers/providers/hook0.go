package providers

import (
	"slices"
	"strings"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Hook0 signs the time, a list of headers, their values and the body. Which
// headers is the instance's choice: only those listed are protected. A listed
// header that is not there is a refusal. The
// older v0, which may stand beside v1, is not looked at. Some pages of the
// documentation show other header names; this is what the sender's code does.
var Hook0 = add(verifiers.Provider{
	Name:  "hook0",
	Title: "Hook0",
	Docs:  "https://documentation.hook0.com/how-to-guides/secure-webhook-endpoints",
	Scheme: listed{
		ordered: ordered{
			HMAC: verifiers.HMAC{
				Hash: verifiers.SHA256,
				Signed: verifiers.Signed{
					Signature: hook0Signature.KV("v1"),
					Timestamp: hook0Signature.KV("t"),
					Content:   "{timestamp}.{custom}.{body}",
					Custom:    appendHook0Headers,
					Tolerance: 5 * time.Minute,
				},
			},
			order: []string{"t", "h", "v1", "v0"},
			fill:  "h=",
		},
		names: hook0Names,
	},
	SecretHint: "the subscription's secret, a UUID",
	ID:         verifiers.Header("X-Event-Id"),
	Type:       verifiers.Header("X-Event-Type"),
	TypePrefix: "com.hook0",
	Headers:    []string{"X-Event-Id", "X-Event-Type", "X-Delivery-Id"},

	Category: "generic",
	Setup:    "The sender shows the secret where it lists the subscription.",
	Signs:    "Time, names and values of the headers that the signature lists, and body, with HMAC-SHA256",
	Retries:  "A few fast ones, then slow ones, as the instance is configured.",
	Notes: []string{
		"A proxy that rewrites a listed header breaks the signature.",
		"Accepting v0 where v1 is there as well would be a downgrade.",
	},
	Sources: []string{
		"https://github.com/hook0/hook0 clients/go/signature.go",
		"https://github.com/hook0/hook0 clients/conformance/signature.json",
	},
	Confidence: verifiers.High,
})

// hook0Headers is the largest number of headers that a signature may list.
const hook0Headers = 64

var hook0Signature = verifiers.Header("X-Hook0-Signature")

// appendHook0Headers appends the listed names, a dot, and the values joined by
// dots.
func appendHook0Headers(dst []byte, r *verifiers.Request) ([]byte, error) {
	names, err := hook0Names(r)
	if err != nil {
		return dst, err
	}
	dst = append(append(dst, strings.Join(names, " ")...), '.')
	for i, name := range names {
		value, err := verifiers.Header(name).Lookup(r)
		if err != nil {
			return dst, err
		}
		if i > 0 {
			dst = append(dst, '.')
		}
		dst = append(dst, value...)
	}
	return dst, nil
}

// hook0Names returns the headers that are signed, in lower case. The list may be
// empty or lacking.
func hook0Names(r *verifiers.Request) ([]string, error) {
	list, found := "", false
	for item := range strings.SplitSeq(r.Header.Get(hook0Signature.Header), ",") {
		value, ok := strings.CutPrefix(item, "h=")
		if ok && found {
			return nil, verifiers.ErrMalformed
		}
		if ok {
			list, found = value, true
		}
	}
	if list == "" {
		return nil, nil
	}
	names := strings.Split(strings.ToLower(list), " ")
	if len(names) > hook0Headers || slices.Contains(names, "") {
		return nil, verifiers.ErrMalformed
	}
	return names, nil
}
