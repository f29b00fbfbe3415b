package caddymodule_test

import (
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// counted returns the value of a series in the site's metrics, 0 if it is not
// there.
func (s *site) counted(series string) string {
	s.Helper()
	req, err := http.NewRequest(http.MethodGet, "http://"+s.addr+"/metrics", nil)
	if err != nil {
		s.Fatal(err)
	}
	m := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(series) + ` (.*)$`).FindStringSubmatch(s.do(req).body)
	if m == nil {
		return "absent"
	}
	return m[1]
}

// TestMetricsOverReloads: a new configuration has a new registry, and the
// counters go on in it.
func TestMetricsOverReloads(t *testing.T) {
	const accepted = `caddy_webhooks_requests_total{outcome="accepted",reason="passed",source="reloaded"}`
	const refused = `caddy_webhooks_requests_total{outcome="rejected",reason="mismatch",source="reloaded"}`
	s := newSite(t)
	body := strings.Replace(verifyOnly, "pass_thru", "pass_thru\n\t\tsource reloaded\n\t\tdedupe off", 1) + "metrics /metrics"
	before := -1
	for i := range 3 {
		s.load("", body+strings.Repeat("\n\theader X-Generation 1", i))
		if before < 0 { // the counters are the process's, and it may have run this before
			n, err := strconv.Atoi(s.counted(accepted))
			if err != nil {
				t.Fatalf("got no counter before the first request: %v", err)
			}
			before = n
		}
		want := strconv.Itoa(before + i + 1)
		if got := s.post("/github", "1", "{}", nil); got.status != 200 {
			t.Fatalf("got %d %q, want 200", got.status, got.body)
		}
		s.post("/github", "1", "{}", func(r *http.Request) { r.Header.Set("X-Hub-Signature-256", githubSignature("x")) })
		if got := s.counted(accepted); got != want {
			t.Errorf("generation %d: got %s accepted, want %s", i, got, want)
		}
		if got := s.counted(refused); got != want {
			t.Errorf("generation %d: got %s refused, want %s", i, got, want)
		}
		if got := s.counted(`caddy_webhooks_key_matches_total{position="0",source="reloaded"}`); got != want {
			t.Errorf("generation %d: got %s matches of the key, want %s", i, got, want)
		}
		if got := s.counted(`caddy_webhooks_stage_seconds_count{source="reloaded",stage="verify"}`); got == "absent" || got == "0" {
			t.Errorf("generation %d: got %s verifications timed, want some", i, got)
		}
	}
}

// TestNothingLeaks: no log line, metric or answer shows a payload, the value of
// a header or a secret, whatever becomes of the request.
func TestNothingLeaks(t *testing.T) {
	s := newSite(t)
	s.load("", verifyOnly+"metrics /metrics")
	const marker = "Zx9-marker"
	payload := `{"secret":"` + marker + `-payload"}`
	mark := func(r *http.Request) {
		r.Header.Set("Authorization", "Bearer "+marker)
		r.Header.Set("Cookie", marker)
		r.Header.Set("X-Other", marker)
	}
	for name, change := range map[string]func(*http.Request){
		"accepted":     mark,
		"mismatch":     func(r *http.Request) { mark(r); r.Header.Set("X-Hub-Signature-256", githubSignature("x")) },
		"malformed":    func(r *http.Request) { mark(r); r.Header.Set("X-Hub-Signature-256", marker) },
		"missing":      func(r *http.Request) { mark(r); r.Header.Del("X-Hub-Signature-256") },
		"method":       func(r *http.Request) { mark(r); r.Method = http.MethodPut },
		"content type": func(r *http.Request) { mark(r); r.Header.Set("Content-Type", marker) },
		"forged event": func(r *http.Request) {
			mark(r)
			r.Header.Set("X-Github-Event", marker)
			r.Header.Set("X-Hub-Signature-256", githubSignature("x"))
		},
	} {
		got := s.post("/github", "id-1", payload, change)
		if strings.Contains(got.body, marker) {
			t.Errorf("%s: got the answer %q, want nothing of the request in it", name, got.body)
		}
	}
	if got := len(s.logged("webhook")); got != 7 {
		t.Errorf("got %d log lines, want one for each of 7 requests", got)
	}
	log, err := os.ReadFile(s.log)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequest(http.MethodGet, "http://"+s.addr+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	for where, text := range map[string]string{"log": string(log), "metrics": s.do(req).body} {
		for _, never := range []string{marker, secret, strings.TrimPrefix(githubSignature(payload), "sha256=")} {
			if strings.Contains(text, never) {
				t.Errorf("got %q in the %s, want it nowhere", never, where)
			}
		}
	}
}
