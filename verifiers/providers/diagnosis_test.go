package providers_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/providers"
)

// onTheWay is what happens to requests between the sender and a receiver.
var onTheWay = []struct {
	what string
	want verifiers.Cause
	edit func(r *verifiers.Request)
}{
	{"a byte order mark", verifiers.CauseBody, func(r *verifiers.Request) { r.Body = append([]byte("\ufeff"), r.Body...) }},
	{"a newline", verifiers.CauseBody, func(r *verifiers.Request) { r.Body = append(r.Body, '\n') }},
	{"CRLF at the end", verifiers.CauseBody, func(r *verifiers.Request) { r.Body = append(r.Body, "\r\n"...) }},
	{"JSON that was indented", verifiers.CauseBody, func(r *verifiers.Request) { r.Body = indented(r.Body) }},
	{"compression", verifiers.CauseBody, func(r *verifiers.Request) { r.Body = compressed(r.Body) }},
	{"another scheme", verifiers.CauseURL, func(r *verifiers.Request) { r.URL.Scheme = "http" }},
	{"an inner port", verifiers.CauseURL, func(r *verifiers.Request) { r.URL.Host += ":8443" }},
	{"a slash at the end", verifiers.CauseURL, func(r *verifiers.Request) { r.URL.Path += "/"; r.URL.RawPath = "" }},
}

// TestDiagnosis does to the valid request of every sender what happens to
// requests on their way, and wants the cause named.
func TestDiagnosis(t *testing.T) {
	t.Parallel()
	suites := load(t)
	for _, p := range described() {
		t.Run(p.Name, func(t *testing.T) {
			t.Parallel()
			v := valid(t, suites[p.Name])
			cfg, err := v.Config()
			if err != nil {
				t.Fatal(err)
			}
			verifier := build(t, p, v)
			res, err := verifier.Verify(t.Context(), request(t, v))
			if err != nil {
				t.Fatal(err)
			}
			for _, change := range onTheWay {
				req := request(t, v)
				covered := res.Covers.Body && req.Method == http.MethodPost && len(req.Body) > 0
				if change.want == verifiers.CauseURL {
					u := *req.URL
					req.URL, covered = &u, res.Covers.URL
				}
				if !covered {
					continue
				}
				body := bytes.Clone(req.Body)
				change.edit(req)
				if change.want == verifiers.CauseBody && bytes.Equal(body, req.Body) {
					continue // it was so before
				}
				_, err := verifier.Verify(t.Context(), req)
				if err == nil && strings.HasPrefix(p.Name, "twilio") && change.what == "an inner port" {
					continue // its libraries take the URL with and without a port
				}
				if err == nil && p.Name == "getstream" && change.what == "compression" {
					continue // it signs what it sends before compression
				}
				if err == nil {
					t.Errorf("accepted after %s", change.what)
					continue
				}
				if d := p.Diagnose(t.Context(), cfg, req, err); d.Cause != change.want {
					t.Errorf("%s: got %q after %v, want %s", change.what, d, err, change.want)
				}
			}
		})
	}
}

// TestDiagnosisOfVectors wants for the refused vectors that every scheme has the
// cause that they were made with.
func TestDiagnosisOfVectors(t *testing.T) {
	t.Parallel()
	want := map[string][]verifiers.Cause{
		"WrongKey":          {verifiers.CauseWrongSecret, verifiers.CauseUnknownKey},
		"ModifiedBody":      {verifiers.CauseWrongSecret},
		"ModifiedSignature": {verifiers.CauseWrongSecret},
		"MissingHeader":     {verifiers.CauseMissing},
		"EmptySignature":    {verifiers.CauseMissing, verifiers.CauseMalformed},
		"Stale":             {verifiers.CauseStale},
		"Future":            {verifiers.CauseFuture},
	}
	for name, s := range load(t) {
		p, _ := providers.Lookup(name)
		for i := range s.Tests {
			v := &s.Tests[i]
			if !v.Has("Derived") || want[v.Flags[0]] == nil || v.Want.Result == "ok" {
				continue
			}
			cfg, err := v.Config()
			if err != nil {
				t.Fatal(err)
			}
			_, err = build(t, p, v).Verify(t.Context(), request(t, v))
			if d := p.Diagnose(t.Context(), cfg, request(t, v), err); !slices.Contains(want[v.Flags[0]], d.Cause) {
				t.Errorf("%s %d %s: got %q after %v", name, v.ID, v.Flags[0], d, err)
			}
		}
	}
}

func indented(b []byte) []byte {
	var out bytes.Buffer
	if json.Indent(&out, b, "", "  ") != nil || !isCompact(b) {
		return b // whoever knows nothing of the original cannot restore it
	}
	return out.Bytes()
}

func isCompact(b []byte) bool {
	var out bytes.Buffer
	return json.Compact(&out, b) == nil && bytes.Equal(out.Bytes(), b)
}

func compressed(b []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, _ = w.Write(b)
	_ = w.Close()
	return out.Bytes()
}
