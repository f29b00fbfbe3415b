package cli

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/providers"
)

func stampOf(tb testing.TB, p verifiers.Provider) *stamp {
	tb.Helper()
	key, err := knownKey(p)
	if err != nil {
		tb.Fatalf("%s: %v", p.Name, err)
	}
	s := &sender{
		provider: p, options: &SendOptions{}, header: http.Header{},
		config: verifiers.Config{Keys: verifiers.Keys{key}, Options: exampleOptions(p)},
		target: &url.URL{Scheme: "https", Host: "hooks.example.com", Path: "/x"},
	}
	s.signed = s.target
	if err := s.newVerifier(key); err != nil {
		tb.Fatalf("%s: %v", p.Name, err)
	}
	return &stamp{sender: s}
}

// TestStamp makes events of each provider in the fast way: a receiver takes them, and
// they have the ids and no other members than those that are made on their own.
func TestStamp(t *testing.T) {
	t.Parallel()
	ids, same, slow := 0, 0, []string{}
	for _, p := range providers.All() {
		if p.Name == "hmac" || signable(p) != nil || cannotSign[p.Name] != "" {
			continue
		}
		s := stampOf(t, p)
		seen := map[string]bool{}
		const many = 5
		for range many {
			m, err := s.message(time.Now())
			if err != nil {
				t.Errorf("%s: %v", p.Name, err)
				break
			}
			if _, err := s.verifier.Verify(t.Context(), s.received(m.req)); err != nil {
				t.Errorf("%s: the receiver says %v", p.Name, err)
				break
			}
			id, _ := p.ID.Lookup(m.req)
			seen[id] = true
		}
		switch {
		case s.plain == nil:
			slow = append(slow, p.Name)
		case len(s.fresh) == 0:
			same++
		default:
			if ids++; !p.ID.IsZero() && lacking[p.Name] == nil && len(seen) != many {
				t.Errorf("%s: got the ids %v", p.Name, seen)
			}
		}
	}
	t.Logf("%d providers have other ids, and %d none; those of %v are made on their own", ids, same, slow)
	if ids < 200 || len(slow) > 100 {
		t.Errorf("only %d providers are fast, and %d are not", ids+same, len(slow))
	}
}

func BenchmarkMessage(b *testing.B) {
	for _, name := range []string{"github", "stripe", "slack", "twilio", "standard-webhooks", "discord-interactions"} {
		p, _ := providers.Lookup(name)
		s := stampOf(b, p)
		run := func(b *testing.B, make func(time.Time) (*message, error)) {
			b.ReportAllocs()
			for b.Loop() {
				m, err := make(time.Now())
				if err != nil {
					b.Fatal(err)
				}
				_ = requestHead(m)
			}
		}
		b.Run(name+"/own", func(b *testing.B) { run(b, s.sender.message) })
		b.Run(name+"/stamp", func(b *testing.B) { run(b, s.message) })
	}
}

// TestGivenBody signs a body that is given, of each provider with a sample of JSON: what
// is read of it is not what the sample had.
func TestGivenBody(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"favro", "linear", "midtrans", "stripe", "slack", "microsoft-graph", "marqeta"} {
		p, ok := providers.Lookup(name)
		if !ok {
			t.Fatalf("the catalogue lacks %s", name)
		}
		s := stampOf(t, p).sender
		first, err := s.request(time.Now())
		if err != nil {
			t.Fatal(err)
		}
		s.body = first.Body
		id, _ := p.ID.Lookup(first)
		m, err := s.message(time.Now())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if _, err := s.verifier.Verify(t.Context(), s.received(m.req)); err != nil || m.id != id && p.ID.Header == "" {
			t.Errorf("%s: the receiver says %v; the id is %q, want %q", name, err, m.id, id)
		}
	}
}
