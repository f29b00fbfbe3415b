package natspub

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// TestSpoolRefusedSubject: events of one tenant that the cluster's permissions do
// not let through keep nobody else from being stored, directly or from the spool,
// and are forwarded in their order when it lets them.
func TestSpoolRefusedSubject(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	h.stop()
	permit := func(denied ...string) {
		h.change = func(o *server.Options) {
			o.Users = []*server.User{{Username: "gateway", Password: "test", Permissions: &server.Permissions{
				Publish: &server.SubjectPermission{Deny: denied},
			}}}
		}
		h.start()
	}
	permit("wh.v1.blocked.>")
	remote := ready(t, strings.Replace(h.server.ClientURL(), "//", "//gateway:test@", 1), nil)
	l := local(t, runServer(t, t.TempDir(), 0, nil).ClientURL())
	s := newSpool(t, l, remote, func(c *SpoolConfig) { c.again = 500 * time.Millisecond })
	p := s.With(SpoolOnOutage)

	mustKeep(t, p, ofTenant("acme", "shop", "0", "{}"), false)
	for i := range 5 {
		mustKeep(t, p, ofTenant("blocked", "shop", strconv.Itoa(i), "{}"), true)
	}
	// It is no outage for the others.
	mustKeep(t, p, ofTenant("acme", "shop", "1", "{}"), false)
	if st := s.Status(); st.Out || st.Events != 5 {
		t.Errorf("%+v", st)
	}
	checkFor(t, 10*time.Second, func() error {
		if st := s.Status(); st.Held != 5 {
			return fmt.Errorf("%+v", st)
		}
		return nil
	})

	// What is behind them in the spool is forwarded, also in batches and from
	// sources that go on.
	always := s.With(SpoolAlways)
	for i := 2; i < 200; i++ {
		mustKeep(t, always, ofTenant("acme", "shop", strconv.Itoa(i), "{}"), true)
		mustKeep(t, always, ofTenant("globex", "shop", strconv.Itoa(i), "{}"), true)
		if i%20 == 0 {
			mustKeep(t, always, ofTenant("blocked", "shop", strconv.Itoa(i), "{}"), true)
		}
	}
	checkFor(t, 20*time.Second, func() error {
		if st, n := s.Status(), stored(t, remote, "WEBHOOKS"); st.Events != 14 || n != 200+198 {
			return fmt.Errorf("%d stored, %+v", n, st)
		}
		return nil
	})
	// They are removed, and nothing of what waits is.
	checkFor(t, 10*time.Second, func() error {
		if n := stored(t, l, "WEBHOOKS"); n != 14 {
			return fmt.Errorf("%d events in the spool", n)
		}
		return nil
	})

	// What is removed does not wait, though it came after what does.
	d := NewDedupe(remote, s)
	for tenant, waits := range map[string]bool{"acme": false, "blocked": true} {
		st, err := d.Inspect(within(t, 10*time.Second), tenant, "shop", "40")
		if err != nil || st.Spooled != waits || st.Known == waits {
			t.Errorf("%s: %+v, %v", tenant, st, err)
		}
	}

	h.stop()
	mustKeep(t, p, ofTenant("acme", "shop", "200", "{}"), true)
	mustKeep(t, p, ofTenant("blocked", "shop", "last", "{}"), true)
	permit()
	if st := drained(t, s); st.Held != 0 || st.Bytes != 0 {
		t.Errorf("%+v", st)
	}
	got := byTenant(t, remote)
	if list := got["blocked/shop"]; !slices.Equal(list, []string{"0", "1", "2", "3", "4", "20", "40", "60", "80", "100", "120", "140", "160", "180", "last"}) {
		t.Errorf("of the blocked: %v", list)
	}
	var want []string
	for i := range 201 {
		want = append(want, strconv.Itoa(i))
	}
	if list := got["acme/shop"]; !slices.Equal(list, want) {
		t.Errorf("of acme: %v", list)
	}
	if list := got["globex/shop"]; len(list) != 198 {
		t.Errorf("of globex: %d", len(list))
	}
	checkFor(t, 10*time.Second, func() error {
		if n := stored(t, l, "WEBHOOKS"); n != 0 {
			return fmt.Errorf("%d events are left in the spool", n)
		}
		return nil
	})
}

// TestSpoolRefusedQuarantine: a conflict that may not go into quarantine keeps
// nobody but its own source.
func TestSpoolRefusedQuarantine(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	h.stop()
	h.change = func(o *server.Options) {
		o.Users = []*server.User{{Username: "gateway", Password: "test", Permissions: &server.Permissions{
			Publish: &server.SubjectPermission{Deny: []string{"wh-quarantine.v1.acme.>"}},
		}}}
	}
	h.start()
	remote := ready(t, strings.Replace(h.server.ClientURL(), "//", "//gateway:test@", 1), nil)
	l := local(t, runServer(t, t.TempDir(), 0, nil).ClientURL())
	s := newSpool(t, l, remote, func(c *SpoolConfig) { c.again = 500 * time.Millisecond })
	mustKeep(t, s.With(SpoolOnOutage), ofTenant("acme", "shop", "1", `{"first":1}`), false)
	always := s.With(SpoolAlways)
	clash := ofTenant("acme", "shop", "1", `{"second":1}`)
	clash.IngestID += "-second"
	mustKeep(t, always, clash, true)
	for i := range 30 {
		mustKeep(t, always, ofTenant("globex", "shop", strconv.Itoa(i), "{}"), true)
	}
	checkFor(t, 10*time.Second, func() error {
		if st, n := s.Status(), stored(t, remote, "WEBHOOKS"); st.Held != 1 || st.Events != 1 || n != 31 {
			return fmt.Errorf("%d stored, %+v", n, st)
		}
		return nil
	})
	h.stop()
	h.change = func(o *server.Options) { o.Users = []*server.User{{Username: "gateway", Password: "test"}} }
	h.start()
	if st := drained(t, s); st.Conflicts != 1 || st.Held != 0 {
		t.Errorf("%+v", st)
	}
	if n := stored(t, remote, "WEBHOOKS_QUARANTINE"); n != 1 {
		t.Errorf("%d events in quarantine", n)
	}
}

// TestSpoolSubjectOfNoStream: events of a source whose subject no stream takes, as of
// a route whose stream was not made yet, are no outage for the others.
func TestSpoolSubjectOfNoStream(t *testing.T) {
	t.Parallel()
	remote := ready(t, newHub(t).server.ClientURL(), func(c *Config) { c.Stream.Subjects = []string{"wh.v1.acme.billing.>"} })
	s := newSpool(t, local(t, runServer(t, t.TempDir(), 0, nil).ClientURL()), remote, func(c *SpoolConfig) { c.again = 200 * time.Millisecond })
	p, always := s.With(SpoolOnOutage), s.With(SpoolAlways)
	mustKeep(t, p, ofTenant("acme", "new", "0", "{}"), true)
	mustKeep(t, always, ofTenant("acme", "new", "1", "{}"), true)
	mustKeep(t, p, ofTenant("acme", "billing", "0", "{}"), false)
	mustKeep(t, always, ofTenant("acme", "billing", "1", "{}"), true)
	checkFor(t, 10*time.Second, func() error {
		if st, n := s.Status(), stored(t, remote, "WEBHOOKS"); st.Out || st.Held != 2 || st.Events != 2 || n != 2 {
			return fmt.Errorf("%d stored, %+v", n, st)
		}
		return nil
	})
	stream, err := remote.js.Stream(t.Context(), "WEBHOOKS")
	if err != nil {
		t.Fatal(err)
	}
	cfg := stream.CachedInfo().Config
	cfg.Subjects = append(cfg.Subjects, "wh.v1.acme.new.>")
	if _, err := remote.js.UpdateStream(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	if st := drained(t, s); st.Held != 0 || st.Bytes != 0 {
		t.Errorf("%+v", st)
	}
	if got := byTenant(t, remote)["acme/new"]; !slices.Equal(got, []string{"0", "1"}) {
		t.Errorf("got %v", got)
	}
}
