package gateway

import (
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// TestNoOutcomeIsNoAcceptance: Accepted is the zero Outcome, so a stage that
// forgets to say how it ended must not be taken for one that accepted.
func TestNoOutcomeIsNoAcceptance(t *testing.T) {
	t.Parallel()
	x := &exchange{route: &Route{}, r: Request{Request: &http.Request{}}, res: &Result{}}
	x.finish()
	if x.res.Outcome != Internal || x.res.Status != 503 || x.res.Err == nil {
		t.Errorf("got %v, %d, %v, want %v and 503", x.res.Outcome, x.res.Status, x.res.Err, Internal)
	}
}

func TestMatch(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		glob, s string
		want    bool
	}{
		{"invoice.*", "invoice.paid", true},
		{"invoice.*", "invoice.", true},
		{"invoice.*", "invoice", false},
		{"*", "", true},
		{"*", "a.b", true},
		{"", "", true},
		{"a", "", false},
		{"", "a", false},
		{"*.paid", "invoice.paid", true},
		{"*.paid", "invoice.paid.late", false},
		{"a*b*c", "aXbYbZc", true},
		{"a*b*c", "aXbYbZ", false},
		{"push", "push", true},
		{"push", "pusher", false},
		{"a**b", "ab", true},
		{"[a]", "a", false},
		{strings.Repeat("*a", 40) + "b", strings.Repeat("a", 4000), false}, // must not take exponential time
	} {
		if got := match(tt.glob, tt.s); got != tt.want {
			t.Errorf("match(%.20q, %.20q): got %v, want %v", tt.glob, tt.s, got, tt.want)
		}
	}
}

func TestParseTime(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		in   string
		want string // "" means that it is no time
	}{
		{"1531420618", "2018-07-12T18:36:58Z"},
		{"1531420618123", "2018-07-12T18:36:58.123Z"},
		{"1531420618.000005", "2018-07-12T18:36:58.000005Z"},
		{"1531420618123.5", "2018-07-12T18:36:58.1235Z"},
		{"1531420618.1234567899", "2018-07-12T18:36:58.123456789Z"},
		{"0", "1970-01-01T00:00:00Z"},
		{"2018-07-12T18:36:58Z", "2018-07-12T18:36:58Z"},
		{"2018-07-12T20:36:58.25+02:00", "2018-07-12T18:36:58.25Z"},
		{"", ""},
		{"now", ""},
		{"-1", ""},
		{"+1531420618", ""},
		{"1.5e9", ""},
		{"1531420618.x", ""},
		{"1531420618.1.2", ""},
		{"99999999999999999999", ""},
		{"2018-07-12", ""},
	} {
		got, ok := EventTime(tt.in)
		if !ok {
			if tt.want != "" {
				t.Errorf("EventTime(%q): got no time, want %s", tt.in, tt.want)
			}
			continue
		}
		if s := got.UTC().Format(time.RFC3339Nano); s != tt.want {
			t.Errorf("EventTime(%q): got %s, want %q", tt.in, s, tt.want)
		}
	}
}

func TestULID(t *testing.T) {
	t.Parallel()
	// The time of the ULID specification's example, 01ARYZ6S41TSV4RRFFQ69G5FAV.
	at := time.UnixMilli(1469918176385)
	seen := make(map[string]bool)
	for range 1000 {
		id := newULID(at)
		if len(id) != 26 || !strings.HasPrefix(id, "01ARYZ6S41") || strings.Trim(id, crockford) != "" {
			t.Fatalf("got %q, want 26 characters of Crockford base32 that start with 01ARYZ6S41", id)
		}
		if seen[id] {
			t.Fatalf("got %q twice", id)
		}
		seen[id] = true
	}
	if a, b := newULID(at), newULID(at.Add(time.Millisecond)); a >= b {
		t.Errorf("got %s before %s, want them in order of time", a, b)
	}
	if id := newULID(time.Time{}); len(id) != 26 {
		t.Errorf("got %q for a time before 1970, want 26 characters", id)
	}
}

func TestLimit(t *testing.T) {
	t.Parallel()
	l := newLimit(Rate{Count: 2, Per: time.Second, Burst: 3})
	var b bucket
	now := time.Unix(1e9, 0).UnixNano()
	for i := range 3 {
		if wait, ok := l.take(&b, now, 1); !ok {
			t.Fatalf("take %d: got a wait of %v, want a token", i+1, wait)
		}
	}
	if wait, ok := l.take(&b, now, 1); ok || wait != 500*time.Millisecond {
		t.Fatalf("fourth take: got %v, %v, want a wait of 500ms", wait, ok)
	}
	now += int64(500 * time.Millisecond)
	if _, ok := l.take(&b, now, 1); !ok {
		t.Fatal("after the wait: got no token")
	}
	if _, ok := l.take(&b, now, 1); ok {
		t.Fatal("after the token: got another")
	}
	now += int64(time.Hour)
	for i := range 3 {
		if _, ok := l.take(&b, now, 1); !ok {
			t.Fatalf("after an hour, take %d: got no token, want a full bucket", i+1)
		}
	}
	if _, ok := l.take(&b, now, 1); ok {
		t.Fatal("after an hour: got more than the burst")
	}
	now -= int64(24 * time.Hour)
	if wait, ok := l.take(&b, now, 1); ok || wait > time.Second {
		t.Fatalf("clock set back by a day: got %v, %v, want a wait as at the bucket's emptiest", wait, ok)
	}
}

func TestClientLimiter(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	rate := Rate{Count: 1, Per: time.Minute}
	t.Run("keys", func(t *testing.T) {
		t.Parallel()
		for _, tt := range []struct {
			name, a, b string
			same       bool
		}{
			{"one address", "192.0.2.1", "192.0.2.1", true},
			{"neighbours", "192.0.2.1", "192.0.2.2", false},
			{"mapped", "192.0.2.1", "::ffff:192.0.2.1", true},
			{"one IPv6 network", "2001:db8:1:2::1", "2001:db8:1:2:ffff::9", true},
			{"two IPv6 networks", "2001:db8:1:2::1", "2001:db8:1:3::1", false},
			{"zones", "fe80::1%eth0", "fe80::1%eth1", true},
		} {
			t.Run(tt.name, func(t *testing.T) {
				t.Parallel()
				c := newClientLimiter(rate, new(clientMeters))
				c.take(netip.MustParseAddr(tt.a), now)
				if _, ok := c.take(netip.MustParseAddr(tt.b), now); ok == tt.same {
					t.Errorf("got a second token %v, want %v", ok, !tt.same)
				}
			})
		}
	})
	t.Run("memory is bounded and nobody is locked out", func(t *testing.T) {
		t.Parallel()
		c := newClientLimiter(rate, new(clientMeters))
		addr := netip.MustParseAddr("10.0.0.0")
		for range 3*maxClients + 7 {
			addr = addr.Next()
			if _, ok := c.take(addr, now); !ok {
				t.Fatalf("%v: got no token for its first request", addr)
			}
		}
		if n := len(c.now) + len(c.old); n > 2*maxClients {
			t.Errorf("got %d clients in memory, want at most %d", n, 2*maxClients)
		}
		if _, ok := c.take(addr, now); ok {
			t.Error("got a second token for the last client, want its bucket remembered")
		}
	})
	t.Run("remembered over a generation", func(t *testing.T) {
		t.Parallel()
		c := newClientLimiter(rate, new(clientMeters))
		early := netip.MustParseAddr("192.0.2.1")
		c.take(early, now)
		addr := netip.MustParseAddr("10.0.0.0")
		for range maxClients {
			addr = addr.Next()
			c.take(addr, now)
		}
		if len(c.old) == 0 {
			t.Fatal("got one generation, want two")
		}
		if _, ok := c.take(early, now); ok {
			t.Error("got a second token, want the bucket of the old generation")
		}
	})
}

func TestBudget(t *testing.T) {
	t.Parallel()
	shared, own := NewBudget(0, 100), NewBudget(2, 0)
	var a, b, c lease
	for _, l := range []*lease{&a, &b, &c} {
		l.budgets = []*Budget{shared, own}
	}
	if !a.enter() || !b.enter() {
		t.Fatal("got no room for two requests")
	}
	if c.enter() {
		t.Error("got room for a third request")
	}
	c.release()
	if !a.grow(60) || b.grow(60) || !b.grow(40) {
		t.Error("got other room than for 100 bytes")
	}
	b.budgets[0], b.budgets[1] = own, shared // the one that refuses comes second
	if b.grow(1) {
		t.Error("got room for byte 101")
	}
	if _, n := own.InUse(); n != 100 {
		t.Errorf("after a refusal: got %d bytes in the other budget, want 100", n)
	}
	a.release()
	b.release()
	b.release()
	for name, budget := range map[string]*Budget{"shared": shared, "own": own} {
		if n, bytes := budget.InUse(); n != 0 || bytes != 0 {
			t.Errorf("%s: got %d requests and %d bytes after release, want none", name, n, bytes)
		}
	}

	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 1000 {
				l := lease{budgets: []*Budget{shared, own}}
				if l.enter() {
					l.grow(30)
				}
				l.release()
			}
		})
	}
	wg.Wait()
	if n, bytes := shared.InUse(); n != 0 || bytes != 0 {
		t.Errorf("after concurrent use: got %d requests and %d bytes, want none", n, bytes)
	}
}

func TestCutText(t *testing.T) {
	t.Parallel()
	if got := cutText("short", 10); got != "short" {
		t.Errorf("got %q, want it whole", got)
	}
	if got := cutText("ab€", 4); got != "ab" {
		t.Errorf("got %q, want no half character", got)
	}
	if got := cutText("ab€", 5); got != "ab€" {
		t.Errorf("got %q, want it whole", got)
	}
}

func TestNextSize(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name                      string
		size, length, limit, want int64
	}{
		{"small body in one piece", blockSize, 8000, 1 << 20, 8000},
		{"a large declaration gets little", blockSize, 20 << 20, 25 << 20, firstSize},
		{"and twice as much for what it has sent", firstSize, 20 << 20, 25 << 20, 2 * firstSize},
		{"up to the declaration", 16 << 20, 20 << 20, 25 << 20, 20 << 20},
		{"unknown length gets twice as much", blockSize, -1, 1 << 20, 2 * blockSize},
		{"unknown length sees one byte too many", 1 << 20, -1, 1 << 20, 1<<20 + 1},
		{"small limit", blockSize, -1, 5000, 5001},
	} {
		if got := nextSize(tt.size, tt.length, tt.limit); got != tt.want {
			t.Errorf("%s: got %d, want %d", tt.name, got, tt.want)
		}
	}
}

func TestNeedsPointer(t *testing.T) {
	t.Parallel()
	id, header := verifiers.JSON("/id"), verifiers.Header("X-Id")
	for _, tt := range []struct {
		name   string
		source verifiers.Source
		want   bool
	}{
		{"none", verifiers.Source{}, false},
		{"pointer", id, true},
		{"header", header, false},
		{"either", verifiers.First(id, header), false},
		{"pointers only", verifiers.First(id, verifiers.JSON("/event/id")), true},
		{"joined after a header", verifiers.Join(".", header, id), false},
		{"joined before a header", verifiers.Join(".", id, header), true},
	} {
		if got := needsPointer(tt.source); got != tt.want {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestSchemeHeaders(t *testing.T) {
	t.Parallel()
	scheme := verifiers.HMAC{Signed: verifiers.Signed{
		Signature: verifiers.Header("x-sig").KV("v1"),
		Timestamp: verifiers.First(verifiers.Header("X-Time"), verifiers.Query("t")),
		Content:   "{header:x-version}:{body}{header:X-Other}",
	}}
	want := []string{"X-Sig", "X-Time", "X-Version", "X-Other"}
	if got := schemeHeaders(scheme); strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := schemeHeaders(verifiers.Token{Source: verifiers.Header("X-Token")}); got != nil {
		t.Errorf("got %v for a token, want nothing: it is the secret", got)
	}
}

// ownScheme is a provider's own scheme.
type ownScheme struct{ places verifiers.Places }

func (ownScheme) Build(string, verifiers.Config) (verifiers.Verifier, error) { return nil, nil }
func (s ownScheme) Places() verifiers.Places                                 { return s.places }

// TestOwnSchemes say themselves where their headers are, and which are secret.
func TestOwnSchemes(t *testing.T) {
	t.Parallel()
	s := ownScheme{verifiers.Places{
		Signature: verifiers.First(verifiers.Header("X-Own-Sig"), verifiers.Header("X-Old-Sig")), Timestamp: verifiers.Header("X-Own-Time"),
		Headers: []string{"X-Own-Cert"},
	}}
	if got := strings.Join(schemeHeaders(s), " "); got != "X-Own-Sig X-Old-Sig X-Own-Time X-Own-Cert" {
		t.Errorf("got %q", got)
	}
	if !forwardable("X-Own-Sig", &verifiers.Provider{Scheme: s}) {
		t.Error("a signature is not handed on")
	}
	s.places.Secret = true
	if got := strings.Join(schemeHeaders(s), " "); got != "X-Own-Cert" {
		t.Errorf("secret: got %q", got)
	}
	for _, name := range []string{"X-Own-Sig", "X-Old-Sig"} {
		if forwardable(name, &verifiers.Provider{Scheme: s}) {
			t.Errorf("%s is handed on, and is the secret", name)
		}
	}
}

func TestForwardable(t *testing.T) {
	t.Parallel()
	token := verifiers.Token{Source: verifiers.First(verifiers.Header("X-Secret-Thing"), verifiers.Query("t"))}
	for name, want := range map[string]bool{
		"X-Request-Id": true, "Nats-Msg-Id": false, "Nats-Rollup": false, "Ce-Id": false,
		"Authorization": false, "Cookie": false, "Proxy-Authorization": false, "X-Secret-Thing": false,
		"X-Gitlab-Token": false, "X-Github-Encoded-Secret": false,
	} {
		if got := forwardable(http.CanonicalHeaderKey(name), &verifiers.Provider{Scheme: token}); got != want {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
}
