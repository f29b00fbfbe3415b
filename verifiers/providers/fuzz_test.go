package providers_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// FuzzVerify sends any request to any provider. Nothing may panic, every
// refusal is typed, and no body is accepted but those of the vectors, since the
// fuzzer cannot sign. Those of other providers' vectors count as well, since some
// have the same secret. Tokens are left out of the last: they cover nothing.
func FuzzVerify(f *testing.F) {
	all := described()
	suites := load(f)
	list := make([]verifiers.Verifier, len(all))
	signed := make(map[string]bool)
	for i, p := range all {
		s := suites[p.Name]
		list[i] = build(f, p, valid(f, s))
		for j := range s.Tests {
			v := &s.Tests[j]
			req := request(f, v)
			signed[string(req.Body)] = true
			signed[fields(req.Body)] = true
			var header strings.Builder
			_ = req.Header.Write(&header)
			f.Add(uint(i), req.Method, v.Request.URL, header.String(), req.Body)
		}
	}
	f.Fuzz(func(t *testing.T, n uint, method, rawURL, header string, body []byte) {
		i := int(n % uint(len(all)))
		u, err := url.Parse(rawURL)
		if err != nil {
			return
		}
		req := &verifiers.Request{Method: method, URL: u, Header: parseHeader(header), Body: body}
		res, err := list[i].Verify(t.Context(), req)
		if err != nil {
			var typed *verifiers.Error
			if !errors.As(err, &typed) || verifiers.Reason(err) == "internal" {
				t.Fatalf("%s: untyped error %v", all[i].Name, err)
			}
			return
		}
		if !res.Covers.Body {
			return
		}
		if !signed[string(body)] && !signed[fields(body)] {
			t.Errorf("%s: accepted a body that nobody signed", all[i].Name)
		}
	})
}

// fields is a form with its fields in order, which is what Twilio signs.
func fields(body []byte) string {
	values, err := url.ParseQuery(string(body))
	if err != nil {
		return string(body)
	}
	return values.Encode()
}

func parseHeader(text string) http.Header {
	h := http.Header{}
	for line := range strings.SplitSeq(text, "\r\n") {
		if name, value, ok := strings.Cut(line, ": "); ok {
			h.Add(name, value)
		}
	}
	return h
}
