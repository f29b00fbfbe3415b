package providers_test

import (
	"errors"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/providers"
)

// TestErrorsTellNothing checks that no error holds a secret, a signature, the
// one that was expected, or anything else of the request.
func TestErrorsTellNothing(t *testing.T) {
	t.Parallel()
	for name, s := range load(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, _ := providers.Lookup(name)
			signature := regexp.MustCompile(`[0-9A-Za-z+/_=-]{20,}`)
			for i := range s.Tests {
				v := &s.Tests[i]
				_, err := build(t, p, v).Verify(t.Context(), request(t, v))
				if err == nil {
					continue
				}
				text := err.Error()
				for _, k := range v.Keys {
					if strings.Contains(text, k.Secret) {
						t.Errorf("%d: the error holds the secret %s", v.ID, k.ID)
					}
				}
				var typed *verifiers.Error
				if !errors.As(err, &typed) || typed.Provider != name {
					t.Fatalf("%d: got %#v, want an *Error of %s", v.ID, err, name)
				}
				// What is left without the field, which comes from the
				// catalogue, is prose.
				if rest := strings.ReplaceAll(text, typed.Field, ""); signature.MatchString(strings.ReplaceAll(rest, name, "")) {
					t.Errorf("%d: the error may hold a signature: %s", v.ID, text)
				}
			}
		})
	}
}

// TestCoveredBytes flips bits in what the signature covers.
func TestCoveredBytes(t *testing.T) {
	t.Parallel()
	for name, s := range load(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, _ := providers.Lookup(name)
			v := valid(t, s)
			verifier := build(t, p, v)
			res, err := verifier.Verify(t.Context(), request(t, v))
			if err != nil {
				t.Fatal(err)
			}
			refused := func(what string, edit func(r *verifiers.Request)) {
				t.Helper()
				req := request(t, v)
				edit(req)
				if _, err := verifier.Verify(t.Context(), req); err == nil {
					t.Errorf("accepted with a change of %s", what)
				}
			}
			if res.Covers.Body {
				for i := range v.Request.Body {
					refused("the body", func(r *verifiers.Request) { r.Body[i] ^= 1 })
				}
				refused("the body's length", func(r *verifiers.Request) { r.Body = append(r.Body, '\n') })
				refused("the body's length", func(r *verifiers.Request) { r.Body = r.Body[:len(r.Body)-1] })
			}
			for _, h := range res.Covers.Headers {
				if value := v.Request.Header[h]; value != nil {
					refused(h, func(r *verifiers.Request) { r.Header[h] = []string{value[0] + "0"} })
				}
			}
			if res.Covers.URL {
				for _, edit := range []func(u *url.URL){
					func(u *url.URL) { u.Host = "example.net" },
					func(u *url.URL) { u.Path += "x" },
					func(u *url.URL) { u.RawQuery += "&forged=1" },
				} {
					refused("the URL", func(r *verifiers.Request) { u := *r.URL; edit(&u); r.URL = &u })
				}
			}
			for _, pointer := range res.Covers.Pointers {
				name := regexp.QuoteMeta(pointer[strings.LastIndexByte(pointer, '/')+1:])
				member := regexp.MustCompile(`"` + name + `"\s*:\s*"?`)
				if at := member.FindStringIndex(v.Request.Body); at != nil {
					refused(pointer, func(r *verifiers.Request) { r.Body[at[1]] ^= 1 })
				}
			}
		})
	}
}

// TestUnsigned lists what consumers are told not to trust. For the others the
// pages in docs/providers say it.
func TestUnsigned(t *testing.T) {
	t.Parallel()
	want := map[string]string{
		"github":               "id type",
		"shopify":              "id type time",
		"gitlab":               "id type",
		"gitlab-signing-token": "type", // the header stands in where the body has none
		"twilio":               "id",
		"meta":                 "id",
		"stripe":               "",
		"slack":                "",
		"standard-webhooks":    "",
		"aws-sns":              "",
	}
	suites := load(t)
	for name := range want {
		s := suites[name]
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, _ := providers.Lookup(name)
			v := valid(t, s)
			res, err := build(t, p, v).Verify(t.Context(), request(t, v))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, a := range []struct {
				name   string
				source verifiers.Source
			}{{"id", p.ID}, {"type", p.Type}, {"time", p.Time}} {
				if !a.source.IsZero() && !res.Covers.Covers(a.source) {
					got = append(got, a.name)
				}
			}
			if list := strings.Join(got, " "); list != want[name] {
				t.Errorf("got %q, want %q", list, want[name])
			}
		})
	}
}
