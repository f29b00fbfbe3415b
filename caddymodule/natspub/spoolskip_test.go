package natspub

import (
	"errors"
	"slices"
	"strconv"
	"testing"
	"time"
)

// TestSpoolSkipsNothing: a lane that goes back to an event which it had to leave
// behind, and finds another of those on its way, passes over nothing that it could
// not forward, and removes nothing of it.
func TestSpoolSkipsNothing(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	remote := ready(t, h.server.ClientURL(), nil)
	l := local(t, runServer(t, t.TempDir(), 0, nil).ClientURL())
	s := newSpool(t, l, nil, nil) // it forwards nothing by itself
	p := s.With(SpoolOnOutage)
	var want []string
	for i := range 10 {
		mustKeep(t, p, of("a", strconv.Itoa(i), "{}"), true)
		if i != 6 {
			want = append(want, strconv.Itoa(i))
		}
	}
	s.SetRemote(nil)
	lane := newLane(s, "WEBHOOKS")
	lane.s = &Spool{cfg: s.cfg, local: s.local, lanes: s.lanes, shares: s.shares, tenants: s.tenants, trip: func() {}}
	lane.s.SetRemote(remote)
	lane.single = remote
	lane.stuck[7] = time.Now() // it is too large, as of a moment ago
	remote.Refuse(map[string]error{"WEBHOOKS": errors.New("for a moment")})
	for range 3 {
		if _, err := lane.step(t.Context()); err == nil {
			t.Fatal("it was forwarded")
		}
		if err := lane.purge(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := stored(t, l, "WEBHOOKS"); n != 10 {
			t.Fatalf("%d of 10 events are left in the spool", n)
		}
	}
	remote.Refuse(nil)
	if _, err := lane.step(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := bySource(t, remote, "WEBHOOKS")["a"]; !slices.Equal(got, want) {
		t.Errorf("forwarded: %v", got)
	}
	if _, err := lane.step(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := stored(t, l, "WEBHOOKS"); n != 1 {
		t.Errorf("%d events are left in the spool, want the one that is too large", n)
	}
	lane.stuck[7] = time.Now().Add(-time.Hour)
	for range 2 {
		if _, err := lane.step(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := bySource(t, remote, "WEBHOOKS")["a"]; !slices.Equal(got, append(want, "6")) {
		t.Errorf("forwarded: %v", got)
	}
	if n := stored(t, l, "WEBHOOKS"); n != 0 {
		t.Errorf("%d events are left in the spool", n)
	}
}
