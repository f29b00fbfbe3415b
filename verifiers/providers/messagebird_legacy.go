package providers

import (
	"crypto/sha256"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// The older signature is over time, sorted query and the bytes of the body's
// SHA-256. It covers the query but not the rest of the URL. The parameter
// statusDatetime is signed with its plus signs, which decoding turns into
// spaces.
var MessageBirdLegacy = add(verifiers.Provider{
	Name:  "messagebird-legacy",
	Title: "MessageBird (signed with a header)",
	Docs:  "https://developers.messagebird.com/api/#verifying-http-requests",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature:    verifiers.Header("MessageBird-Signature"),
			Encoding:     verifiers.Base64,
			Content:      "{timestamp}\n{custom}",
			Custom:       birdLegacyText,
			CustomCovers: verifiers.Coverage{Body: true},
			Timestamp:    verifiers.Header("MessageBird-Request-Timestamp"),
			Tolerance:    100 * time.Second,
		},
	},
	SecretHint: "the signing key",
	ID:         verifiers.Join(".", verifiers.First(verifiers.JSON("/id"), verifiers.Form("id"), verifiers.Query("id")), verifiers.First(verifiers.JSON("/status"), verifiers.Form("status"), verifiers.Query("status"))),
	Type:       verifiers.First(verifiers.JSON("/type"), verifiers.JSON("/status"), verifiers.Form("status"), verifiers.Query("status")),
	TypePrefix: "com.messagebird",
	Methods:    []string{"POST", "GET"},

	Category: "comms",
	Setup:    "Create a signing key in the dashboard under Developers.",
	Signs:    "Time, sorted query and the SHA-256 of the body, with HMAC-SHA256",
	Retries:  "Not documented.",
	Notes: []string{
		"It is deprecated: prefer messagebird, which verifies the token that is sent as well.",
	},
	Sources: []string{
		"https://developers.messagebird.com/api/#verifying-http-requests",
		"npm messagebird@4.0.1 signature",
	},
	Confidence: verifiers.High,
})

// birdLegacyText is the sorted query, a line feed and the hash of the body, byte
// by byte.
func birdLegacyText(dst []byte, r *verifiers.Request) ([]byte, error) {
	if r.URL == nil {
		return dst, verifiers.ErrMalformed
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return dst, verifiers.ErrMalformed
	}
	if at := query.Get("statusDatetime"); at != "" {
		query.Set("statusDatetime", strings.ReplaceAll(at, " ", "+"))
	}
	for i, name := range slices.Sorted(maps.Keys(query)) {
		for j, value := range query[name] {
			if i+j > 0 {
				dst = append(dst, '&')
			}
			dst = append(dst, escapeComponent(name)+"="+escapeComponent(value)...)
		}
	}
	sum := sha256.Sum256(r.Body)
	return append(append(dst, '\n'), sum[:]...), nil
}

// componentMarks are what JavaScript leaves alone and url.QueryEscape does not.
var componentMarks = strings.NewReplacer("+", "%20", "%21", "!", "%27", "'", "%28", "(", "%29", ")", "%2A", "*")

func escapeComponent(text string) string { return componentMarks.Replace(url.QueryEscape(text)) }
