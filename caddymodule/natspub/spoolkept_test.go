package natspub

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
)

// mustRelease publishes an event with its request, as an operator lets it out of
// quarantine.
func mustRelease(t *testing.T, p gateway.Publisher, e *gateway.Event, request *gateway.Kept) gateway.Ack {
	t.Helper()
	entry := &gateway.Entry{Event: *e, Quarantine: gateway.Quarantine{Reason: "schema", Request: request}}
	ack, err := gateway.Release(within(t, 10*time.Second), p, entry, false, false)
	if err != nil {
		t.Fatalf("%s: %v", e.ID, err)
	}
	return ack
}

// TestSpoolConflictKeepsRequest: of an event that turns out to be a conflict when
// the spool forwards it, quarantine has the request and where the other is; and
// the message of one that is none is as if it had never been in a spool.
func TestSpoolConflictKeepsRequest(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	h.change = func(o *server.Options) { o.MaxPayload = 100_000 }
	h.stop()
	h.start()
	remote := ready(t, h.server.ClientURL(), nil)
	l := local(t, runServer(t, t.TempDir(), 0, nil).ClientURL())
	s := newSpool(t, l, remote, nil)
	p := s.With(SpoolAlways)
	for _, id := range []string{"clash", "large"} {
		if _, err := remote.Publish(within(t, 5*time.Second), of("a", id, `{"first":1}`)); err != nil {
			t.Fatal(err)
		}
	}
	large := strings.Repeat("x", 100_000-maxHeaders-100) // for its request there is no room
	for id, body := range map[string]string{"clash": `{"second":1}`, "large": large, "plain": `{"plain":1}`} {
		e := of("a", id, body)
		e.IngestID += "-second"
		e.Type, e.TypePrefix, e.HasID = "order.paid", "com.shop", true
		if ack := mustRelease(t, p, e, keptRequest()); !ack.Spooled {
			t.Fatalf("%s: %+v", id, ack)
		}
	}
	if st := drained(t, s); st.Conflicts != 2 || st.Forwarded != 1 || st.Bytes != 0 {
		t.Fatalf("%+v", st)
	}
	q := NewQuarantine(remote)
	found := 0
	for from := uint64(1); ; {
		k, err := q.Next(t.Context(), from, KeptFilter{})
		if err != nil {
			break
		}
		from = k.Sequence + 1
		found++
		if k.Reason != "conflict" || k.Type != "order.paid" || k.TypePrefix != "com.shop" || !k.HasID {
			t.Errorf("%s: %+v", k.ID, k.Entry)
		}
		switch k.ID {
		case "clash":
			if !reflect.DeepEqual(k.Request, keptRequest()) {
				t.Errorf("the request: %+v", k.Request)
			}
			if k.Original.Stream != "WEBHOOKS" || k.Original.Sequence != 1 {
				t.Errorf("the original: %+v", k.Original)
			}
		case "large":
			if k.Request != nil || string(k.Body) != large {
				t.Errorf("large: %+v, %d bytes", k.Request, len(k.Body))
			}
		}
	}
	if found != 2 {
		t.Errorf("%d events in quarantine", found)
	}
	js, err := remote.js.Stream(t.Context(), "WEBHOOKS")
	if err != nil {
		t.Fatal(err)
	}
	m, err := js.GetMsg(t.Context(), 3)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := json.Marshal(m.Header); err != nil || strings.Contains(string(text), "Kept") || strings.Contains(string(text), "Spool") {
		t.Errorf("headers for consumers: %s, %v", text, err)
	}
}

// TestSpoolConflictHere: the other event is in the spool itself. Where it will be
// in the cluster is not known, and not said.
func TestSpoolConflictHere(t *testing.T) {
	t.Parallel()
	l := local(t, runServer(t, t.TempDir(), 0, nil).ClientURL())
	s := newSpool(t, l, nil, nil)
	p := s.With(SpoolOnOutage)
	mustRelease(t, p, of("a", "1", `{"first":1}`), keptRequest())
	ack, err := p.Publish(within(t, 5*time.Second), of("a", "1", `{"second":1}`))
	if err != nil || !ack.Conflict || !ack.Spooled {
		t.Fatalf("%+v %v", ack, err)
	}
	// What it has of the request is bounded, and counts.
	st := s.Status()
	big := keptRequest()
	for i := range 200 {
		big.Header.Add("X-Long", strings.Repeat("x", 200)+string(rune('a'+i%26)))
	}
	mustRelease(t, p, of("a", "2", `{"first":1}`), big)
	if more := s.Status().Bytes - st.Bytes; more > 2000 {
		t.Errorf("a request that is too large takes %d bytes", more)
	}
	before := s.Status().Bytes
	mustRelease(t, p, of("a", "3", `{"first":1}`), keptRequest())
	with := s.Status().Bytes - before
	mustKeep(t, p, of("a", "4", `{"first":1}`), true)
	if without := s.Status().Bytes - before - with; with < without+300 {
		t.Errorf("the request is not counted: %d bytes with it, %d without", with, without)
	}
}
