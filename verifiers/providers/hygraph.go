package providers

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Hygraph signs a JSON text that it builds of the body as a string, the name of
// the environment and the time, the latter two from the header. The time is in
// milliseconds; whether a retry is signed anew is not documented, so the window
// is a day, within which deduplication by the signature catches replays.
var Hygraph = add(verifiers.Provider{
	Name:    "hygraph",
	Aliases: []string{"graphcms"},
	Title:   "Hygraph",
	Docs:    "https://hygraph.com/docs/api-reference/basics/webhooks",
	Scheme: ordered{
		HMAC: verifiers.HMAC{
			Hash: verifiers.SHA256,
			Signed: verifiers.Signed{
				Signature:    hygraphSignature.KV("sign").Split(", "),
				Encoding:     verifiers.Base64,
				Timestamp:    hygraphSignature.KV("t").Split(", "),
				Unit:         verifiers.Milliseconds,
				Content:      "{custom}{timestamp}}}",
				Custom:       appendHygraphText,
				CustomCovers: verifiers.Coverage{Body: true},
				Tolerance:    24 * time.Hour,
			},
		},
		order: []string{"sign", "env", "t"},
		fill:  "env=master",
	},
	SecretHint:   "the webhook's secret key",
	ID:           hygraphSignature.KV("sign").Split(", "),
	Type:         verifiers.Join(".", verifiers.JSON("/operation"), verifiers.JSON("/data/__typename")),
	TypePrefix:   "com.hygraph",
	ContentTypes: []string{"application/json"},
	NeedsJSON:    true,
	RetrySpan:    24 * time.Hour,

	Category: "saas",
	Setup:    "Create the webhook under Webhooks of the project and set a secret key.",
	Signs:    "A JSON text with the body as a string, the environment and the time, with HMAC-SHA256",
	Retries:  "Failed deliveries are repeated; how long was not confirmed.",
	Notes: []string{
		"What is signed is not the body but a JSON text that holds the body as a string, escaped as JavaScript does.",
		"Without a secret key there is no signature.",
	},
	Sources: []string{
		"https://hygraph.com/docs/api-reference/basics/webhooks",
		"npm @graphcms/utils@1.2.0 verifyWebhookSignature",
	},
	Confidence: verifiers.High,
})

var hygraphSignature = verifiers.Header("Gcms-Signature")

// appendHygraphText appends what is signed up to the time.
func appendHygraphText(dst []byte, r *verifiers.Request) ([]byte, error) {
	env, err := hygraphSignature.KV("env").Split(", ").Lookup(r)
	if err != nil {
		return dst, err
	}
	if !utf8.Valid(r.Body) || !utf8.ValidString(env) {
		return dst, verifiers.ErrMalformed
	}
	dst = append(dst, `{"Body":`...)
	dst = appendJavaScriptString(dst, string(r.Body))
	dst = append(dst, `,"EnvironmentName":`...)
	dst = appendJavaScriptString(dst, env)
	return append(dst, `,"TimeStamp":`...), nil
}

// appendJavaScriptString appends text as JSON.stringify writes it: unlike
// encoding/json it leaves U+2028 and U+2029 as they are, and knows \b and \f.
func appendJavaScriptString(dst []byte, text string) []byte {
	const digits = "0123456789abcdef"
	dst = append(dst, '"')
	for i := range len(text) {
		switch c := text[i]; {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c >= ' ':
			dst = append(dst, c)
		case strings.IndexByte("\b\t\n\f\r", c) >= 0:
			dst = append(dst, '\\', "btn-fr"[c-'\b'])
		default:
			dst = append(dst, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
		}
	}
	return append(dst, '"')
}
