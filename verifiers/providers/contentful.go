package providers

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/internal/canon"
)

// Contentful signs method, path, a list of headers and the body, once that is
// switched on for a space. The path is signed as Contentful wrote it and escaped
// once more, the query twice: an endpoint that needs no escaping is the safe
// one, and a proxy must not rewrite it. Header names are sorted, whatever the
// order in which they are listed. The host is not part of it. The timestamp is
// that of the attempt, and half a minute is the window of Contentful's own
// library.
var Contentful = add(verifiers.Provider{
	Name:  "contentful",
	Title: "Contentful",
	Docs:  "https://www.contentful.com/developers/docs/webhooks/request-verification/",
	Scheme: listed{
		ordered: ordered{HMAC: verifiers.HMAC{
			Hash: verifiers.SHA256,
			Signed: verifiers.Signed{
				Signature:    verifiers.Header("X-Contentful-Signature"),
				Timestamp:    verifiers.Header("X-Contentful-Timestamp"),
				Unit:         verifiers.Milliseconds,
				Content:      "{req:method}\n{custom}\n{body}",
				Custom:       appendContentfulRequest,
				CustomCovers: verifiers.Coverage{Headers: []string{"X-Contentful-Signed-Headers", "X-Contentful-Timestamp"}},
				Tolerance:    30 * time.Second,
			},
		}},
		names: contentfulHeaders,
	},
	SecretHint: "the space's signing secret of 64 characters, used as text",
	ID:         verifiers.Header("X-Contentful-Idempotency-Key"),
	Type:       verifiers.Header("X-Contentful-Topic"),
	Time:       verifiers.JSON("/sys/updatedAt"),
	TypePrefix: "com.contentful",
	NeedsJSON:  true,
	Deadline:   30 * time.Second,
	RetrySpan:  10 * time.Minute,
	Headers: []string{
		"X-Contentful-Topic", "X-Contentful-Webhook-Name", "X-Contentful-Idempotency-Key", "X-Contentful-Crn",
		"X-Contentful-Space-Id", "X-Contentful-Environment-Id", "X-Contentful-App-Id", "X-Contentful-User-Id",
	},

	Category: "saas",
	Setup:    "Enable request verification under Settings > Webhooks > Settings of the space and keep the secret, which is shown once.",
	Signs:    "Method, path, the listed headers and body, with HMAC-SHA256",
	Retries:  "Up to two, thirty seconds apart, after a 429 or a 5xx.",
	Notes: []string{
		"The secret may look hexadecimal and is used as text.",
		"Path and query are signed in an escaped form: choose an endpoint that needs no escaping.",
		"A space has one signing secret for all of its webhooks.",
	},
	Sources: []string{
		"https://www.contentful.com/developers/docs/webhooks/request-verification/",
		"npm @contentful/node-apps-toolkit@3.16.1 verifyRequest",
	},
	Confidence: verifiers.High,
})

var (
	contentfulSigned = verifiers.Header("X-Contentful-Signed-Headers")
	// contentfulAlways are signed whether they are listed or not.
	contentfulAlways = []string{"x-contentful-signed-headers", "x-contentful-timestamp"}
)

// contentfulHeaders returns the signed headers, sorted. A listed one that is not
// there makes a signature that cannot fit.
func contentfulHeaders(r *verifiers.Request) ([]string, error) {
	list, err := contentfulSigned.Lookup(r)
	if err != nil {
		return nil, err
	}
	names := slices.Clone(contentfulAlways)
	for name := range strings.SplitSeq(list, ",") {
		if len(names) > 64 {
			return nil, verifiers.ErrMalformed
		}
		if strings.ToLower(name) != name {
			return nil, verifiers.ErrMalformed
		}
		if r.Header[http.CanonicalHeaderKey(name)] == nil {
			return nil, verifiers.ErrMissing
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// appendContentfulRequest appends path and headers.
func appendContentfulRequest(dst []byte, r *verifiers.Request) ([]byte, error) {
	names, err := contentfulHeaders(r)
	if err != nil {
		return dst, err
	}
	if r.URL == nil {
		return dst, verifiers.ErrMissing
	}
	dst = append(dst, canon.EncodeURI(r.URL.EscapedPath())...)
	// A second question mark ends the query, as for Contentful's library.
	if query, _, _ := strings.Cut(r.URL.RawQuery, "?"); query != "" {
		dst = append(dst, '?')
		dst = append(dst, canon.EncodeURI(canon.NodeEscape(query))...)
	}
	dst = append(dst, '\n')
	for i, name := range names {
		if i > 0 {
			dst = append(dst, ';')
		}
		dst = append(append(dst, name...), ':')
		values := r.Header[http.CanonicalHeaderKey(name)]
		switch {
		case name == contentfulAlways[0]:
			dst = append(dst, strings.Join(names, ",")...)
		case len(values) == 0:
			return dst, verifiers.ErrMissing
		case len(values) > 1:
			return dst, verifiers.ErrMalformed
		default:
			dst = append(dst, strings.TrimSpace(values[0])...)
		}
	}
	return dst, nil
}
