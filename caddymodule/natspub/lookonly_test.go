package natspub

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// TestLookOnly: who only looks learns what would be made, and makes nothing.
func TestLookOnly(t *testing.T) {
	t.Parallel()
	look := func(c *Config) { c.LookOnly, c.LargestBody = true, 25<<20 }
	names := func(t *testing.T, p *Publisher) (list []string) {
		t.Helper()
		for name := range p.js.StreamNames(within(t, 5*time.Second)).Name() {
			list = append(list, name)
		}
		return list
	}
	preflight := func(t *testing.T, p *Publisher) []Finding {
		t.Helper()
		found, err := p.Preflight(within(t, 10*time.Second))
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	t.Run("nothing is there", func(t *testing.T) {
		t.Parallel()
		s := runServer(t, t.TempDir(), 0, nil)
		p := newPublisher(t, s.ClientURL(), look)
		found := preflight(t, p)
		mustFind(t, found, Note, "stream WEBHOOKS:", ToCreate)
		for _, f := range found {
			if f.Severity != Note && f.Severity != Warning || f.Denied() {
				t.Errorf("got %v, want notes", f)
			}
		}
		if list := names(t, p); len(list) > 0 {
			t.Errorf("got the streams %v, want none", list)
		}
	})
	t.Run("and may not be made", func(t *testing.T) {
		t.Parallel()
		s := runServer(t, t.TempDir(), 0, deny("$JS.API.STREAM.CREATE.>"))
		found := preflight(t, newPublisher(t, s.ClientURL(), look))
		mustFind(t, found, Fatal, "may not create", "$JS.API.STREAM.CREATE.WEBHOOKS")
		for _, f := range found {
			if f.Severity == Fatal && !f.Denied() {
				t.Errorf("got %v, want it to be about permissions", f)
			}
		}
	})
	t.Run("another has its subjects", func(t *testing.T) {
		t.Parallel()
		s := runServer(t, t.TempDir(), 0, nil)
		p := newPublisher(t, s.ClientURL(), look)
		if _, err := p.js.CreateStream(within(t, 5*time.Second), jetstream.StreamConfig{Name: "OTHER", Subjects: []string{"wh.v1.>"}}); err != nil {
			t.Fatal(err)
		}
		mustFind(t, preflight(t, p), Fatal, "the stream OTHER has its subjects")
	})
	t.Run("its limits are others", func(t *testing.T) {
		t.Parallel()
		s := runServer(t, t.TempDir(), 0, nil)
		if found := preflight(t, newPublisher(t, s.ClientURL(), onlyStream)); hopeless(found) {
			t.Fatal(found)
		}
		p := newPublisher(t, s.ClientURL(), func(c *Config) { onlyStream(c); look(c); c.Stream.MaxAge = 30 * 24 * time.Hour })
		mustFind(t, preflight(t, p), Note, ToUpdate)
		st, err := p.js.Stream(within(t, 5*time.Second), "WEBHOOKS")
		if err != nil || st.CachedInfo().Config.MaxAge == 30*24*time.Hour {
			t.Errorf("got %v, %v, want the stream as it was", st.CachedInfo().Config.MaxAge, err)
		}
	})
}
