package natspub

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
)

// TestSpoolCampaign has senders of several tenants deliver, directly, on outage and
// always through the spool, while the cluster goes away, refuses the subjects of some,
// takes no large events, refuses everything for a moment, and the spool is opened
// anew: each at random. In the end every event that was acknowledged is stored once,
// and the events of a source are in their order, except those that were too large.
// SPOOL_CAMPAIGN is how long it takes, such as 5m.
func TestSpoolCampaign(t *testing.T) {
	t.Parallel()
	total := 2 * time.Second
	if text := os.Getenv("SPOOL_CAMPAIGN"); text != "" {
		var err error
		if total, err = time.ParseDuration(text); err != nil {
			t.Fatalf("SPOOL_CAMPAIGN: %v", err)
		}
	}
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 1))
	defer func() {
		if t.Failed() {
			t.Logf("seed %d", seed)
		}
	}()
	tenants := []string{"acme", "globex", "initech", "hooli"}
	h := newHub(t)
	h.stop()
	begin := func(payload int32, denied ...string) {
		h.change = func(o *server.Options) {
			o.SyncAlways = false // so that it is quick; it is not killed here
			o.MaxPayload = payload
			o.Users = []*server.User{{Username: "gateway", Password: "test", Permissions: &server.Permissions{
				Publish: &server.SubjectPermission{Deny: denied},
			}}}
		}
		h.start()
	}
	const small, large = 128 << 10, 1 << 20
	begin(small, "wh.v1.hooli.>")
	remote := ready(t, strings.Replace(h.server.ClientURL(), "//", "//gateway:test@", 1), nil)
	localURL := runServer(t, t.TempDir(), 0, func(o *server.Options) { o.SyncAlways = false }).ClientURL()
	l := local(t, localURL)

	var mu sync.RWMutex // held by senders while they use the spool
	var s *Spool
	open := func() {
		t.Helper()
		var err error
		if s, err = NewSpool(t.Context(), SpoolConfig{Local: l, again: 50 * time.Millisecond}); err != nil {
			t.Fatal(err)
		}
		s.SetRemote(remote)
	}
	shut := func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		s.Close(ctx)
	}
	open()
	defer func() { shut() }()

	stop := make(chan struct{})
	var senders sync.WaitGroup
	var noted sync.Mutex
	acked := make(map[string][]string)
	tooLarge := make(map[string]bool)
	for i, tenant := range tenants {
		for j, mode := range []SpoolMode{SpoolOnOutage, SpoolAlways} {
			own := rand.New(rand.NewPCG(seed, uint64(10+2*i+j)))
			source := fmt.Sprintf("%s-%d", mode, j)
			source = strings.ReplaceAll(source, "_", "-")
			senders.Go(func() {
				for n := 0; ; n++ {
					select {
					case <-stop:
						return
					case <-time.After(time.Duration(own.IntN(6)) * time.Millisecond):
					}
					id, body := strconv.Itoa(n), "{}"
					if own.IntN(25) == 0 {
						body = strings.Repeat("x", small)
					}
					// As a sender does: until it is acknowledged.
					for try, since := 0, time.Now(); ; try++ {
						e := ofTenant(tenant, source, id, body)
						e.IngestID += "-" + strconv.Itoa(try)
						mu.RLock()
						ack, err := s.With(mode).Publish(within(t, 6*time.Second), e)
						mu.RUnlock()
						if err == nil && !ack.Conflict {
							break
						}
						if ack.Conflict || !errors.Is(err, gateway.ErrTimeout) && !errors.Is(err, gateway.ErrNotReady) && !errors.Is(err, gateway.ErrTooLarge) &&
							!errors.Is(err, gateway.ErrRefused) {
							t.Errorf("%s/%s %s: %+v %v", tenant, source, id, ack, err)
							return
						}
						if try > 500 && time.Since(since) > total+time.Minute {
							t.Errorf("%s/%s %s is not acknowledged: %v", tenant, source, id, err)
							return
						}
						time.Sleep(5 * time.Millisecond)
					}
					noted.Lock()
					name := tenant + "/" + source
					acked[name] = append(acked[name], id)
					if len(body) > 2 {
						tooLarge[name+" "+id] = true
					}
					noted.Unlock()
				}
			})
		}
	}
	counts := make(map[string]int)
	var most SpoolStatus
	checkFor(t, 20*time.Second, func() error { // before it all begins
		if st := s.Status(); st.Held == 0 {
			return fmt.Errorf("nothing is held: %+v", st)
		}
		return nil
	})
	for end := time.Now().Add(total); time.Now().Before(end); {
		time.Sleep(time.Duration(50+random.IntN(500)) * time.Millisecond)
		st := s.Status()
		most.Held, most.Stuck, most.Events = max(most.Held, st.Held), max(most.Stuck, st.Stuck), max(most.Events, st.Events)
		switch what := random.IntN(10); {
		case what < 5:
			counts["restarts of the cluster"]++
			h.stop()
			time.Sleep(time.Duration(random.IntN(100)) * time.Millisecond)
			var denied []string
			for _, tenant := range tenants {
				if random.IntN(3) == 0 {
					denied = append(denied, "wh.v1."+tenant+".>")
				}
			}
			payload := int32(large)
			if random.IntN(2) == 0 {
				payload = small
			}
			begin(payload, denied...)
		case what < 8:
			counts["refusals"]++
			remote.Refuse(map[string]error{"WEBHOOKS": errors.New("for a moment")})
			time.Sleep(time.Duration(random.IntN(80)) * time.Millisecond)
			remote.Refuse(nil)
		default:
			counts["openings of the spool"]++
			mu.Lock()
			shut()
			open()
			mu.Unlock()
		}
	}
	remote.Refuse(nil)
	close(stop)
	h.stop()
	begin(large) // what was too large is taken from here on
	senders.Wait()
	checkFor(t, time.Minute, func() error {
		if st := s.Status(); st.Events > 0 || st.Out {
			return fmt.Errorf("%+v", st)
		}
		return nil
	})
	got := byTenant(t, remote)
	events, outOfOrder := 0, 0
	for name, ids := range acked {
		events += len(ids)
		list := got[name]
		if len(list) != len(ids) {
			t.Errorf("%s: %d events are stored, %d were acknowledged", name, len(list), len(ids))
		}
		sorted := slices.Clone(list)
		slices.SortFunc(sorted, func(a, b string) int { return num(a) - num(b) })
		if unique := slices.Compact(slices.Clone(sorted)); len(unique) != len(list) || !slices.Equal(unique, ids) {
			t.Errorf("%s: not each event once", name)
		}
		small := slices.DeleteFunc(slices.Clone(list), func(id string) bool { return tooLarge[name+" "+id] })
		if !slices.IsSortedFunc(small, func(a, b string) int { return num(a) - num(b) }) {
			outOfOrder++
			t.Errorf("%s: not in the order in which they were acknowledged: %v", name, small)
		}
	}
	checkFor(t, 20*time.Second, func() error {
		if n := stored(t, l, "WEBHOOKS"); n != 0 {
			return fmt.Errorf("%d events are left in the spool", n)
		}
		return nil
	})
	if n := stored(t, remote, "WEBHOOKS_QUARANTINE"); n != 0 {
		t.Errorf("%d events are in quarantine", n)
	}
	t.Logf("%v: %d events of %d sources, each stored once; at most %d in the spool, %d of them held and %d too large", counts, events, len(acked), most.Events, most.Held, most.Stuck)
}

func num(id string) int {
	n, _ := strconv.Atoi(id)
	return n
}
