package natspub

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// TestSpoolDrain: a report says what each source has in the spool and why it waits; and
// what the cluster has refused is tried at once when somebody asks for it, and else
// not for a long time.
func TestSpoolDrain(t *testing.T) {
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
	s := newSpool(t, l, remote, func(c *SpoolConfig) { c.again = time.Hour })
	p := s.With(SpoolOnOutage)
	if r := s.Report(); r.State != SpoolIdle || len(r.Sources) != 0 || r.Sources == nil {
		t.Errorf("%+v", r)
	}
	for i := range 3 {
		mustKeep(t, p, ofTenant("blocked", "shop", fmt.Sprint(i), "{}"), true)
	}
	checkFor(t, 10*time.Second, func() error {
		if r := s.Report(); r.State != SpoolHolding || len(r.Sources) != 1 || r.Sources[0].Held.IsZero() || r.Sources[0].Events != 3 {
			return fmt.Errorf("%+v", r)
		}
		return nil
	})

	h.stop()
	checkFor(t, 10*time.Second, func() error {
		if r := s.Report(); r.State != SpoolWaiting || r.Since.IsZero() {
			return fmt.Errorf("%+v", r)
		}
		return nil
	})
	mustKeep(t, p, ofTenant("acme", "shop", "1", "{}"), true)
	if r := s.Report(); len(r.Sources) != 2 || r.Sources[0].Tenant != "blocked" || r.Sources[1].Tenant != "acme" || r.Sources[1].Bytes == 0 {
		t.Errorf("%+v", r)
	}
	permit()
	checkFor(t, 20*time.Second, func() error {
		if r := s.Report(); r.State != SpoolHolding || len(r.Sources) != 1 || r.Forwarded != 1 {
			return fmt.Errorf("%+v", r)
		}
		return nil
	})
	time.Sleep(2 * forwardIdle)
	if r := s.Report(); r.Held != 3 {
		t.Fatalf("they were tried although nobody asked: %+v", r)
	}
	s.Drain()
	checkFor(t, 10*time.Second, func() error {
		if r := s.Report(); r.State != SpoolIdle || r.Forwarded != 4 || len(r.Sources) != 0 || r.Rate == 0 {
			return fmt.Errorf("%+v", r)
		}
		return nil
	})
	if list := byTenant(t, remote)["blocked/shop"]; fmt.Sprint(list) != "[0 1 2]" {
		t.Errorf("got %v", list)
	}
}
