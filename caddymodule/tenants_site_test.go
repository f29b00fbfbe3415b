package caddymodule_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// tenantSite is a site with a route for tenants that a header names.
type tenantSite struct {
	*site
	secrets string // the directory
	nats    string // URL
}

func newTenantSite(t *testing.T) *tenantSite {
	t.Helper()
	s := newSite(t)
	ts := &tenantSite{site: s, secrets: filepath.Join(s.dir, "secrets"), nats: "nats://" + freeAddr(t)}
	ts.put("acme/github", secret)
	return ts
}

// put writes a secret as an operator should: nobody reads the half of it.
func (s *tenantSite) put(path, text string) {
	s.Helper()
	file := filepath.Join(s.secrets, path)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		s.Fatal(err)
	}
	if err := os.WriteFile(file+".new", []byte(text), 0o600); err != nil {
		s.Fatal(err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		s.Fatal(err)
	}
}

func (s *tenantSite) serve(options string) {
	s.Helper()
	s.load(fmt.Sprintf("metrics\nwebhooks {\nsignature_samples off\nnats embedded {\nlisten %s\n}\n}", strings.TrimPrefix(s.nats, "nats://")),
		fmt.Sprintf("webhooks /in github {\ntenant {header.X-Tenant}\nsource {header.X-Source}\nsecrets_from dir %s\n%s\n}\nhandle /metrics {\nmetrics\n}\nrespond 404", s.secrets, options))
}

func (s *tenantSite) send(tenant, source, id string) response {
	s.Helper()
	return s.post("/in", id, `{"n":1}`, func(r *http.Request) {
		r.Header["X-Tenant"], r.Header["X-Source"] = []string{tenant}, []string{source}
	})
}

// subjects returns how many messages there are of each subject, in all streams.
func (s *tenantSite) subjects() map[string]uint64 {
	s.Helper()
	nc, err := nats.Connect(s.nats)
	if err != nil {
		s.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		s.Fatal(err)
	}
	all := make(map[string]uint64)
	for _, name := range []string{"WEBHOOKS", "WEBHOOKS_QUARANTINE"} {
		stream, err := js.Stream(s.Context(), name)
		if err != nil {
			s.Fatal(err)
		}
		info, err := stream.Info(s.Context(), jetstream.WithSubjectFilter(">"))
		if err != nil {
			s.Fatal(err)
		}
		maps.Copy(all, info.State.Subjects)
	}
	return all
}

// TestTenantNames: what a request calls its tenant and its source reaches a
// subject and a file only if it is a name, whatever is there under such a path.
func TestTenantNames(t *testing.T) {
	s := newTenantSite(t)
	longest := strings.Repeat("a", 64)
	s.put(longest+"/github", secret)
	s.put("acme/"+longest, secret)
	// What must not be found.
	for _, path := range []string{
		"acme.x/github", "*/github", ">/github", "acme.github/github", "acmé/github", "acme /github", longest + "a/github",
		"acme/git.hub", "acme/*", "acme/>", "acme/hub/github", "github", "acme/.hidden",
	} {
		s.put(path, secret)
	}
	s.serve("")
	long := strings.Repeat("x", 8000)
	for i, test := range []struct {
		tenant, source string
		want           int
	}{
		{"acme", "github", 200},
		{longest, "github", 200},
		{"acme", longest, 200},
		{"ACME", "github", 404}, // another tenant, who has no secret
		{"", "github", 404},
		{"acme", "", 404},
		{"acme.x", "github", 404},
		{"acme.github", "github", 404},
		{"*", "github", 404},
		{">", "github", 404},
		{"acme", "*", 404},
		{"acme", ">", 404},
		{"acme", "git.hub", 404},
		{"acme.github.push", "github", 404},
		{"..", "github", 404},
		{".", "github", 404},
		{"acme/..", "github", 404},
		{"../secrets/acme", "github", 404},
		{"acme/hub", "github", 404},
		{"acme", "../acme/github", 404},
		{"acme", ".hidden", 404},
		{"acme\\..", "github", 404},
		{"%2e%2e", "github", 404},
		{"acme%00", "github", 404},
		{"{env.GITHUB_SECRET}", "github", 404},
		{"{tenant}", "github", 404},
		{"acmé", "github", 404},
		{"acme\u0301", "github", 404},
		{"аcme", "github", 404}, // the first letter is Cyrillic
		{"ａｃｍｅ", "github", 404},
		{"\u202eemca", "github", 404},
		{"acme\u200b", "github", 404},
		{"acme\xff", "github", 404},
		{"acme ", "github", 200}, // HTTP takes white space from the ends of headers
		{"ac me", "github", 404},
		{longest + "a", "github", 404},
		{long, "github", 404},
		{"acme", long, 404},
		{"$JS", "github", 404},
		{"_INBOX", "github", 404}, // a name, of nobody
	} {
		got := s.send(test.tenant, test.source, strconv.Itoa(i))
		if got.status != test.want {
			t.Errorf("%.80q %.80q: got %d, want %d", test.tenant, test.source, got.status, test.want)
		}
		if len(test.tenant) > 70 && strings.Contains(got.body, "xxx") {
			t.Errorf("the answer has the name: %q", got.body)
		}
	}
	want := map[string]uint64{
		"wh.v1.acme.github.push": 2, "wh.v1." + longest + ".github.push": 1, "wh.v1.acme." + longest + ".push": 1,
	}
	if got := s.subjects(); !maps.Equal(got, want) {
		t.Errorf("got the subjects %v", got)
	}
	if lines := s.logged("webhook"); slices.ContainsFunc(lines, func(line map[string]any) bool {
		return line["reason"] == "not_found" && (line["event_id"] != nil || strings.Contains(fmt.Sprint(line), long[:100]))
	}) {
		t.Error("what is no name is in the log")
	}
}

// TestTenantRatesSurvive: what a tenant has used of its limits it has used after
// a reload, and after its secret has changed; the others have their own.
func TestTenantRatesSurvive(t *testing.T) {
	for _, test := range []struct {
		name, limit string
		other       string // a source of acme that shares the limit, if any does
	}{
		{"source", "rate_limit 2/h", ""},
		{"tenant", "rate_limit 2/h per tenant", "billing"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newTenantSite(t)
			s.put("globex/github", secret)
			s.put("acme/billing", secret)
			s.serve(test.limit)
			id := 0
			send := func(tenant, source string, want int) {
				t.Helper()
				id++
				got := s.send(tenant, source, strconv.Itoa(id))
				if got.status != want || (want == http.StatusTooManyRequests) != (got.header.Get("Retry-After") != "") {
					t.Fatalf("%s/%s: got %d with Retry-After %q, want %d", tenant, source, got.status, got.header.Get("Retry-After"), want)
				}
			}
			send("acme", "github", 200)
			send("acme", "github", 200)
			send("acme", "github", 429)
			send("globex", "github", 200)
			s.serve(test.limit + "\ntolerance 4m")
			send("acme", "github", 429)
			send("globex", "github", 200)
			send("globex", "github", 429)
			if test.other != "" {
				send("acme", test.other, 429)
			}
			// A rotation makes the route of the tenant anew.
			s.put("acme/github", fmt.Sprintf(`{"secrets":[{"id":"new","secret":"rotated"},{"id":"old","secret":%q}]}`, secret))
			deadline := time.Now().Add(10 * time.Second)
			for {
				got := s.post("/in", "rotated", `{"n":1}`, func(r *http.Request) {
					r.Header.Set("X-Tenant", "acme")
					r.Header.Set("X-Source", "github")
					r.Header.Set("X-Hub-Signature-256", signatureBy("rotated", `{"n":1}`))
				})
				if got.status == 429 { // it is authentic
					break
				}
				if got.status != 401 || time.Now().After(deadline) {
					t.Fatalf("after the rotation: %d", got.status)
				}
				time.Sleep(20 * time.Millisecond)
			}
			send("acme", "github", 429)
			// Other limits begin anew.
			s.serve(strings.Replace(test.limit, "2/h", "3/h", 1))
			send("acme", "github", 200)
		})
	}
}

// TestTenantFlood sends requests for names without end through the whole handler:
// lookups and memory stay bounded, nothing grows with the names, and who is known
// does not notice.
func TestTenantFlood(t *testing.T) {
	s := newTenantSite(t)
	s.serve("")
	if got := s.send("acme", "github", "first"); got.status != 200 {
		t.Fatal(got.status)
	}
	series := func() (lines int, lookups float64) {
		t.Helper()
		req, err := http.NewRequest(http.MethodGet, "http://"+s.addr+"/metrics", nil)
		if err != nil {
			t.Fatal(err)
		}
		text := s.do(req).body
		for _, m := range lookedUp.FindAllStringSubmatch(text, -1) {
			n, err := strconv.ParseFloat(m[1], 64)
			if err != nil {
				t.Fatal(err)
			}
			lookups += n
		}
		for line := range strings.Lines(text) {
			// That of the quarantine is measured when its stream is there.
			if strings.HasPrefix(line, "caddy_webhooks_") && !strings.HasPrefix(line, "caddy_webhooks_quarantine_") {
				lines++
			}
			if strings.Contains(line, "flood-") {
				t.Errorf("a name that a request has told is in the metrics: %s", line)
			}
		}
		return lines, lookups
	}
	flood := func(names int, prefix string) map[int]int {
		var work sync.WaitGroup
		var mu sync.Mutex
		answers := make(map[int]int)
		var next atomic.Int64
		for range 8 {
			work.Go(func() {
				client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1}}
				defer client.CloseIdleConnections()
				for {
					n := next.Add(1)
					if n > int64(names) {
						return
					}
					req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, "http://"+s.addr+"/in", strings.NewReader("{}"))
					if err != nil {
						t.Error(err)
						return
					}
					req.Header.Set("Content-Type", "application/json")
					req.Header.Set("X-Tenant", fmt.Sprintf("%s-%d", prefix, n))
					req.Header.Set("X-Source", "github")
					res, err := client.Do(req)
					if err != nil {
						t.Error(err)
						return
					}
					_, _ = io.Copy(io.Discard, res.Body)
					_ = res.Body.Close()
					mu.Lock()
					answers[res.StatusCode]++
					mu.Unlock()
				}
			})
		}
		work.Wait()
		return answers
	}
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	flood(2000, "warm")
	_, before := series()
	small := heap()
	done := make(chan struct{})
	var known sync.WaitGroup
	known.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-done:
				return
			case <-time.After(20 * time.Millisecond):
			}
			if got := s.send("acme", "github", "known-"+strconv.Itoa(i)); got.status != 200 {
				t.Errorf("a known tenant is answered %d", got.status)
			}
		}
	})
	begun := time.Now()
	lines, _ := series()
	const names = 8000
	answers := flood(names, "flood")
	took := time.Since(begun)
	close(done)
	known.Wait()
	after, lookups := series()
	// 1000 at once, 500 a second, and one a second for who is known. A machine that is
	// too slow for a flood asks for no more than that.
	most := 1000 + 501*(took.Seconds()+2)
	if answers[404]+answers[503] != names || answers[503] == 0 && names > most {
		t.Errorf("answers %v", answers)
	}
	if lookups-before > most {
		t.Errorf("%.0f lookups in %v, want at most %.0f", lookups-before, took, most)
	}
	if after != lines {
		t.Errorf("%d series, %d before", after, lines)
	}
	if large := heap(); large > small+8<<20 {
		t.Errorf("the heap grew from %d to %d bytes", small, large)
	}
	t.Logf("%d requests in %v: %v, %.0f lookups", names, took.Round(time.Millisecond), answers, lookups-before)
	if got := s.subjects(); len(got) != 1 {
		t.Errorf("got the subjects %v", got)
	}
}

// signatureBy is that of the body with another secret.
func signatureBy(key, body string) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(body))
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

var lookedUp = regexp.MustCompile(`(?m)^caddy_webhooks_tenant_lookups_total\{result="(?:found|absent|failed|stale)",source="[^"]*"\} (\S+)$`)
