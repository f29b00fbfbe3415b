package providers

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

const twilioToken = "12345678901234567890123456789012"

func twilioConfig(t testing.TB) verifiers.Config {
	t.Helper()
	key, err := verifiers.NewKey("a", []byte(twilioToken))
	if err != nil {
		t.Fatal(err)
	}
	return verifiers.Config{Keys: verifiers.Keys{key}}
}

func twilioRequest(t testing.TB, method, rawURL, contentType, body string) *verifiers.Request {
	t.Helper()
	u, err := url.Parse(rawURL)
	if err != nil {
		t.Fatal(err)
	}
	r := &verifiers.Request{Method: method, URL: u, Header: http.Header{}, Body: []byte(body)}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	return r
}

// twilioSignature is an implementation of its own.
func twilioSignature(text string) string {
	mac := hmac.New(sha1.New, []byte(twilioToken))
	mac.Write([]byte(text))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func TestTwilioSignedText(t *testing.T) {
	t.Parallel()
	const form = "application/x-www-form-urlencoded"
	const hash = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a" // of {}
	tests := []struct {
		name, method, url, contentType, body string
		text                                 string
		err                                  error
	}{
		{"form", "POST", "https://a.example/x", form, "b=2&a=1", "https://a.example/xa1b2", nil},
		{"form with a charset", "POST", "https://a.example/x", form + "; charset=UTF-8", "b=2&a=1", "https://a.example/xa1b2", nil},
		{"decoded values", "POST", "https://a.example/x", form, "a=%2B1+2", "https://a.example/xa+1 2", nil},
		{"empty values", "POST", "https://a.example/x", form, "a=&b=", "https://a.example/xab", nil},
		{"names in byte order", "POST", "https://a.example/x", form, "a=1&B=2", "https://a.example/xB2a1", nil},
		{"repeated values, sorted and distinct", "POST", "https://a.example/x", form, "a=2&a=1&a=2", "https://a.example/xa1a2", nil},
		{"repeated values, as sent", "POST", "https://a.example/x", form, "a=2&a=1", "https://a.example/xa2a1", verifiers.ErrMismatch},
		{"GET", "GET", "https://a.example/x?a=1&b=2", "", "", "https://a.example/x?a=1&b=2", nil},
		{"port left out when signing", "GET", "https://a.example:443/x", "", "", "https://a.example/x", nil},
		{"port added when signing", "GET", "https://a.example/x", "", "", "https://a.example:443/x", nil},
		{"port added for HTTP", "GET", "http://a.example/x", "", "", "http://a.example:80/x", nil},
		{"port of the other scheme", "GET", "http://a.example/x", "", "", "http://a.example:443/x", verifiers.ErrMismatch},
		{"IPv6", "GET", "https://[2001:db8::1]/x", "", "", "https://[2001:db8::1]:443/x", nil},
		{"user and password", "GET", "https://u:p@a.example/x", "", "", "https://u:p@a.example/x", nil},
		{"escaped as browsers do", "GET", "https://a.example/x?n=O'Brien", "", "", "https://a.example/x?n=O%27Brien", nil},
		{"escaped as Node does", "GET", "https://a.example/x?n=O%27Brien+x", "", "", "https://a.example/x?n=O'Brien%20x", nil},
		{"another host", "GET", "https://a.example/x", "", "", "https://b.example/x", verifiers.ErrMismatch},
		{"another path", "GET", "https://a.example/x", "", "", "https://a.example/", verifiers.ErrMismatch},
		{"another query", "GET", "https://a.example/x?a=1", "", "", "https://a.example/x", verifiers.ErrMismatch},
		{"JSON with its hash", "POST", "https://a.example/x?bodySHA256=" + hash, "application/json", "{}", "https://a.example/x?bodySHA256=" + hash, nil},
		{"form with its hash", "POST", "https://a.example/x?bodySHA256=" + hash, form, "{}", "https://a.example/x?bodySHA256=" + hash, nil},
		{"hash of another body", "POST", "https://a.example/x?bodySHA256=" + hash, "application/json", "{ }", "https://a.example/x?bodySHA256=" + hash, verifiers.ErrMismatch},
		{"hash in upper case", "POST", "https://a.example/x?bodySHA256=" + strings.ToUpper(hash), "application/json", "{}", "https://a.example/x?bodySHA256=" + strings.ToUpper(hash), verifiers.ErrMismatch},
		{"empty hash", "POST", "https://a.example/x?bodySHA256=", "application/json", "{}", "https://a.example/x?bodySHA256=", verifiers.ErrMissing},
		{"JSON without a hash", "POST", "https://a.example/x", "application/json", "{}", "https://a.example/x", verifiers.ErrMissing},
		{"a body of no type", "POST", "https://a.example/x", "", "a=1", "https://a.example/xa1", verifiers.ErrMissing},
		{"a form that does not parse", "POST", "https://a.example/x", form, "a=%zz", "https://a.example/xa%zz", verifiers.ErrMalformed},
	}
	v, err := Twilio.New(twilioConfig(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := twilioRequest(t, tt.method, tt.url, tt.contentType, tt.body)
			r.Header.Set("X-Twilio-Signature", twilioSignature(tt.text))
			res, err := v.Verify(t.Context(), r)
			if !errors.Is(err, tt.err) {
				t.Fatalf("got %v, want %v", err, tt.err)
			}
			if err == nil && (!res.Covers.URL || !res.Covers.Content() || res.Covers.Covers(Twilio.ID)) {
				t.Errorf("got coverage %+v", res.Covers)
			}
		})
	}
}

func TestTwilioSign(t *testing.T) {
	t.Parallel()
	cfg := twilioConfig(t)
	v, err := Twilio.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, url, contentType, body, wantURL string }{
		{"form", "https://a.example:8443/x?a=1", "application/x-www-form-urlencoded", "b=2", "https://a.example:8443/x?a=1"},
		{"no body", "https://a.example/x", "", "", "https://a.example/x"},
		{"JSON", "https://a.example/x?a=1", "application/json", "{}", "https://a.example/x?a=1&bodySHA256=44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"},
		{"JSON, first parameter", "https://a.example/x", "application/json", "{}", "https://a.example/x?bodySHA256=44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := twilioRequest(t, "POST", tt.url, tt.contentType, tt.body)
			if err := Twilio.Sign(r, cfg, time.Time{}); err != nil {
				t.Fatal(err)
			}
			if got := r.URL.String(); got != tt.wantURL {
				t.Errorf("got URL %s, want %s", got, tt.wantURL)
			}
			if _, err := v.Verify(t.Context(), twilioCopy(r)); err != nil {
				t.Errorf("what was signed does not verify: %v", err)
			}
		})
	}
}

// twilioCopy returns the request without what it has decoded so far.
func twilioCopy(r *verifiers.Request) *verifiers.Request {
	return &verifiers.Request{Method: r.Method, URL: r.URL, Header: r.Header, Body: r.Body}
}

// FuzzCustom compares the signed text of forms with a slow implementation, and
// checks that what was there is kept.
func FuzzCustom(f *testing.F) {
	for _, s := range []string{"a=1&b=2", "b=2&a=1&a=1", "a=%2B&=x&a", "%zz", "a;b", "a=1&a=2&A=3", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		r := twilioRequest(t, "POST", "https://a.example/x", "application/x-www-form-urlencoded", body)
		got, err := appendTwilioFields([]byte("kept"), r)
		form, formErr := url.ParseQuery(body)
		if err != nil {
			if !errors.Is(err, verifiers.ErrMalformed) {
				t.Fatalf("got the error %v", err)
			}
			return
		}
		if formErr != nil {
			t.Fatalf("took a form that net/url refuses: %v", formErr)
		}
		var names []string
		for name := range form {
			names = append(names, name)
		}
		sort.Strings(names)
		want := "kept"
		for _, name := range names {
			values := form[name]
			sort.Strings(values)
			for i, value := range values {
				if !slices.Contains(values[:i], value) {
					want += name + value
				}
			}
		}
		if !bytes.Equal(got, []byte(want)) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}
