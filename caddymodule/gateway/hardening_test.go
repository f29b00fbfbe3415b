package gateway_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway/gatewaytest"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// TestAttackDeclaredLength: a large Content-Length reserves no memory before
// the bytes are there, and little for the first of them.
func TestAttackDeclaredLength(t *testing.T) {
	t.Parallel()
	budget := gateway.NewBudget(0, 0)
	const declared = 512 << 20
	rt, _, _ := newRoute(t, func(c *gateway.Config) {
		c.MaxBody = declared
		c.Budgets = []*gateway.Budget{budget}
	})
	req := newRequest(t, "https://example.com/hook", "d1", "")
	req.ContentLength = declared
	var sent int
	req.Body = io.NopCloser(readFunc(func(p []byte) (int, error) {
		_, held := budget.InUse()
		switch {
		case sent < 4<<10 && (held != 0 || len(p) > 4<<10):
			t.Errorf("after %d bytes: got %d bytes held and a buffer of %d, want none and at most 4 KiB", sent, held, len(p))
		case sent >= 4<<10 && (held != 64<<10 || len(p) > 64<<10):
			t.Errorf("after %d bytes: got %d bytes held and a buffer of %d, want 64 KiB", sent, held, len(p))
		}
		if sent == 5<<10 {
			return 0, io.ErrUnexpectedEOF
		}
		sent += 1 << 10
		return 1 << 10, nil
	}))
	if res := handle(rt, req); res.Outcome != gateway.BodyCut || sent != 5<<10 {
		t.Errorf("got %v after %d bytes, want %v after 5 KiB", res.Outcome, sent, gateway.BodyCut)
	}
}

// TestAttackIdleSenders: senders who declare large bodies and send less than a
// block of them leave the memory to others, however many they are.
func TestAttackIdleSenders(t *testing.T) {
	t.Parallel()
	const senders, declared = 64, 1 << 20
	budget := gateway.NewBudget(0, declared) // what one body takes
	inBubble(t, &http.Server{}, func(c *gateway.Config) {
		c.MaxBody, c.Budgets = declared, []*gateway.Budget{budget}
	}, func(t *testing.T, r *rig, dial func() net.Conn) {
		idle := make([]net.Conn, senders)
		for i := range idle {
			idle[i] = dial()
			fmt.Fprintf(idle[i], "POST /hook HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", declared)
			if i%2 == 0 {
				io.WriteString(idle[i], strings.Repeat("x", 4<<10-1))
			}
		}
		synctest.Wait()
		if n, held := budget.InUse(); n != senders || held != 0 {
			t.Errorf("got %d requests that hold %d bytes, want %d and none", n, held, senders)
		}
		conn := dial()
		go r.request("d1", pad(declared)).Write(conn)
		if resp, err := http.ReadResponse(bufio.NewReader(conn), nil); err != nil || resp.StatusCode != 200 {
			t.Errorf("got %v (%v), want 200: there is room for one body", resp, err)
		}
		conn.Close()
		for _, c := range idle {
			if resp, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil || resp.StatusCode != 408 {
				t.Errorf("an idle sender: got %v (%v), want 408", resp, err)
			}
			c.Close()
		}
		time.Sleep(time.Minute) // the server lets connections linger
		if n, held := budget.InUse(); n != 0 || held != 0 {
			t.Errorf("got %d requests that hold %d bytes afterwards, want none", n, held)
		}
	})
}

type readFunc func([]byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

// TestAttackBodiesBeyondBudget: bodies that grow take from the budget as they
// do, and what was read is given back.
func TestAttackBodiesBeyondBudget(t *testing.T) {
	t.Parallel()
	budget := gateway.NewBudget(0, 100_000)
	rt, pub, _ := newRoute(t, func(c *gateway.Config) { c.Budgets = []*gateway.Budget{budget} })
	res := handle(rt, chunked(newRequest(t, "https://example.com/hook", "d1", pad(150_000))))
	if res.Outcome != gateway.Overloaded || res.Status != 503 || pub.Calls() != 0 {
		t.Errorf("got %v, want %v", res.Outcome, gateway.Overloaded)
	}
	if res := handle(rt, newRequest(t, "https://example.com/hook", "d1", pad(60_000))); res.Outcome != gateway.Accepted {
		t.Errorf("afterwards: got %v, want room for an ordinary event", res.Outcome)
	}
}

// TestAttackOneTenantStalls: a route that is stuck in its broker must not take
// the room of the others.
func TestAttackOneTenantStalls(t *testing.T) {
	t.Parallel()
	all := gateway.NewBudget(100, 0)
	limited := func(c *gateway.Config) { c.Budgets = []*gateway.Budget{gateway.NewBudget(2, 0), all} }
	stuckRoute, stuckPub, stuckObs := newRoute(t, limited)
	healthy, _, _ := newRoute(t, limited)
	release := stuckPub.Hold()
	defer release()
	for range 2 {
		req := newRequest(t, "https://example.com/hook", "", payload("1"))
		go handle(stuckRoute, req)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for stuckPub.Calls() < 2 {
		if ctx.Err() != nil {
			t.Fatal("the two requests did not reach the broker")
		}
		time.Sleep(time.Millisecond)
	}
	for range 50 {
		if res := handle(stuckRoute, newRequest(t, "https://example.com/hook", "", payload("1"))); res.Outcome != gateway.Overloaded {
			t.Fatalf("stuck route: got %v, want %v", res.Outcome, gateway.Overloaded)
		}
	}
	if res := handle(healthy, newRequest(t, "https://example.com/hook", "", payload("1"))); res.Outcome != gateway.Accepted {
		t.Errorf("the other route: got %v, want %v", res.Outcome, gateway.Accepted)
	}
	release()
	if _, err := stuckObs.Wait(ctx, 52); err != nil {
		t.Errorf("the stuck requests did not end: %v", err)
	}
}

// TestAttackReplayUnderAnotherID: the id is outside the signature, so a copied
// body passes under a new one; consumers are told that the id proves nothing.
func TestAttackReplayUnderAnotherID(t *testing.T) {
	t.Parallel()
	rt, pub, _ := newRoute(t, nil)
	handle(rt, newRequest(t, "https://example.com/hook", "d1", payload("1")))
	handle(rt, newRequest(t, "https://example.com/hook", "d2", payload("1")))
	for _, e := range pub.Events() {
		if len(e.Unsigned) == 0 || e.Unsigned[0] != "id" {
			t.Errorf("got unsigned %v, want the id in it", e.Unsigned)
		}
	}
}

// TestAttackSameIDOtherBytes: whoever reuses an id neither replaces the event
// nor gets away unseen.
func TestAttackSameIDOtherBytes(t *testing.T) {
	t.Parallel()
	rt, pub, _ := newRoute(t, nil)
	handle(rt, newRequest(t, "https://example.com/hook", "d1", payload("1")))
	res := handle(rt, newRequest(t, "https://example.com/hook", "d1", payload("2")))
	if res.Outcome != gateway.Quarantined || res.Reason != "conflict" || !res.Ack.Duplicate && res.Ack.Stream != gatewaytest.QuarantineStream {
		t.Errorf("got %v %q, ack %+v, want it in quarantine as a conflict", res.Outcome, res.Reason, res.Ack)
	}
	if e := pub.Events(); len(e) != 1 || string(e[0].Body) != payload("1") {
		t.Errorf("got %d events, want the first untouched", len(e))
	}
	if q := pub.Quarantined(); len(q) != 1 || string(q[0].Body) != payload("2") || q[0].Why.Reason != "conflict" {
		t.Errorf("got %+v in quarantine, want the second as a conflict", q)
	}
	res = handle(rt, newRequest(t, "https://example.com/hook", "d1", payload("3")))
	if res.Outcome != gateway.Quarantined || len(pub.Quarantined()) != 2 {
		t.Errorf("got %v and %d in quarantine, want a third version kept as well", res.Outcome, len(pub.Quarantined()))
	}
}

// TestAttackForgedIDPoisonsDedup: a forged copy that arrives first must not
// make the true event a duplicate.
func TestAttackForgedIDPoisonsDedup(t *testing.T) {
	t.Parallel()
	rt, _, _ := newRoute(t, nil)
	forged := newRequest(t, "https://example.com/hook", "d1", payload("1"))
	forged.Header.Set("X-Hub-Signature-256", sign("another"))
	handle(rt, forged)
	if res := handle(rt, newRequest(t, "https://example.com/hook", "d1", payload("1"))); res.Outcome != gateway.Accepted {
		t.Errorf("got %v, want %v", res.Outcome, gateway.Accepted)
	}
}

// TestAttackDuplicateSignatureHeader: two readers must not see two signatures.
func TestAttackDuplicateSignatureHeader(t *testing.T) {
	t.Parallel()
	rt, pub, _ := newRoute(t, nil)
	req := newRequest(t, "https://example.com/hook", "d1", payload("1"))
	req.Header.Add("X-Hub-Signature-256", sign(payload("1")))
	if res := handle(rt, req); res.Outcome != gateway.BadSignature || res.Reason != "malformed" || pub.Calls() != 0 {
		t.Errorf("got %v %q, want it refused as malformed", res.Outcome, res.Reason)
	}
}

// TestAttackScriptInEcho: an answer must not become a script in our name.
func TestAttackScriptInEcho(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	got := r.get("?hub.mode=subscribe&hub.verify_token=" + verifyToken + "&hub.challenge=%3Cscript%3Ealert(1)%3C/script%3E")
	if strings.Contains(got.text, "script") || got.StatusCode/100 == 2 {
		t.Errorf("got %d %q, want it refused", got.StatusCode, got.text)
	}
	got = r.get("?hub.mode=subscribe&hub.verify_token=" + verifyToken + "&hub.challenge=12345")
	if got.text != "12345" || got.Header.Get("Content-Type") != "text/plain; charset=utf-8" || got.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("got %q %v, want the challenge as plain text", got.text, got.Header)
	}
}

// TestAttackConfirmFromAnybody: a signed confirmation without a signature, and
// any on a route that verifies nothing, makes us fetch nothing.
func TestAttackConfirmFromAnybody(t *testing.T) {
	t.Parallel()
	fetched := gatewaytest.ConfirmerFunc(func(context.Context, verifiers.Pin, string) error {
		t.Error("a URL was fetched for a request that anybody can send")
		return nil
	})
	body := `{"type":"confirmation","url":"https://confirm.example.com/x"}`

	rt, _, _ := newRoute(t, func(c *gateway.Config) { c.Confirmer = fetched })
	req := newRequest(t, "https://example.com/hook", "d1", body)
	req.Header.Set("X-Hub-Signature-256", sign("another"))
	if res := handle(rt, req); res.Outcome != gateway.BadSignature {
		t.Errorf("forged: got %v, want %v", res.Outcome, gateway.BadSignature)
	}

	open, pub, _ := newRoute(t, func(c *gateway.Config) { c.Confirmer, c.Unverified = fetched, true })
	res := handle(open, newRequest(t, "https://example.com/hook", "d1", body))
	if res.Outcome != gateway.Accepted || len(pub.Events()) != 1 || pub.Events()[0].Trust != gateway.Unverified {
		t.Errorf("unverified route: got %v, want it published as unverified", res.Outcome)
	}
	if res := handle(open, newRequest(t, "https://example.com/hook", "d2", `{"type":"url_verification","challenge":"abc"}`)); res.Outcome != gateway.Handshaken {
		t.Errorf("unverified route, challenge: got %v, want it answered", res.Outcome)
	}
}

// TestAttackManyAddresses: one IPv6 network is one client.
func TestAttackManyAddresses(t *testing.T) {
	t.Parallel()
	rt, _, _ := newRoute(t, func(c *gateway.Config) { c.ClientRate = gateway.Rate{Count: 3, Per: time.Hour} })
	addr := netip.MustParseAddr("2001:db8:1:2::")
	var refused int
	for range 20 {
		addr = addr.Next()
		req := newRequest(t, "https://example.com/hook", "", payload("1"))
		res := rt.Handle(httptest.NewRecorder(), gateway.Request{Request: req, URL: req.URL, Remote: addr})
		if res.Outcome == gateway.ClientLimited {
			refused++
		}
	}
	if refused != 17 {
		t.Errorf("got %d of 20 refused, want 17", refused)
	}
	other := newRequest(t, "https://example.com/hook", "", payload("1"))
	if res := handle(rt, other); res.Outcome != gateway.Accepted {
		t.Errorf("another client: got %v, want %v", res.Outcome, gateway.Accepted)
	}
}

// TestAttackBrokenParts: whatever panics, the sender gets a 503, the observer
// one record, and the next event is served.
func TestAttackBrokenParts(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]func(*gateway.Config){
		"request ids": func(c *gateway.Config) {
			n := 0
			c.NewID = func() string {
				if n++; n == 1 {
					panic(marker)
				}
				return "01JD0000000000000000000000"
			}
		},
		"jitter": func(c *gateway.Config) {
			n := 0
			c.Jitter = func(int) int {
				if n++; n == 1 {
					panic(marker)
				}
				return 0
			}
			c.Publisher = &failsOnce{Publisher: c.Publisher}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rt, _, obs := newRoute(t, config)
			res := handle(rt, newRequest(t, "https://example.com/hook", "d1", payload("1")))
			if res.Outcome != gateway.Internal || res.Status != 503 || strings.Contains(res.Err.Error(), marker) {
				t.Errorf("got %v %d (%v), want %v without what was thrown", res.Outcome, res.Status, res.Err, gateway.Internal)
			}
			var p *gateway.PanicError
			if !errors.As(res.Err, &p) || len(p.Stack) == 0 {
				t.Errorf("got error %v, want a PanicError with a stack", res.Err)
			}
			if res := handle(rt, newRequest(t, "https://example.com/hook", "d1", payload("1"))); res.Outcome != gateway.Accepted {
				t.Errorf("the next: got %v, want %v", res.Outcome, gateway.Accepted)
			}
			if n := len(obs.Records()); n != 2 {
				t.Errorf("got %d records, want 2", n)
			}
		})
	}
	t.Run("observer", func(t *testing.T) {
		t.Parallel()
		rt, pub, _ := newRoute(t, func(c *gateway.Config) { c.Observer = brokenObserver{} })
		if res := handle(rt, newRequest(t, "https://example.com/hook", "d1", payload("1"))); res.Status != 200 || len(pub.Events()) != 1 {
			t.Errorf("got %d and %d events, want the answer of an event that is stored", res.Status, len(pub.Events()))
		}
	})
}

type failsOnce struct {
	gateway.Publisher
	failed bool
}

func (f *failsOnce) Publish(ctx context.Context, e *gateway.Event) (gateway.Ack, error) {
	if !f.failed {
		f.failed = true
		return gateway.Ack{}, gateway.ErrNotReady
	}
	return f.Publisher.Publish(ctx, e)
}

type brokenObserver struct{}

func (brokenObserver) Observe(*gateway.Record) { panic(marker) }

// TestAttackJoinedErrors: an error that wraps several kinds is answered by one
// that asks for a retry.
func TestAttackJoinedErrors(t *testing.T) {
	t.Parallel()
	rt, pub, _ := newRoute(t, nil)
	pub.Fail(errors.Join(gateway.ErrTooLarge, gateway.ErrTimeout))
	if res := handle(rt, newRequest(t, "https://example.com/hook", "d1", payload("1"))); res.Outcome != gateway.BrokerTimeout {
		t.Errorf("got %v, want %v", res.Outcome, gateway.BrokerTimeout)
	}
}

// TestRefusal is for requests that no route has seen.
func TestRefusal(t *testing.T) {
	t.Parallel()
	for _, o := range gateway.Outcomes() {
		res := gateway.Refusal(o)
		if res.Status/100 == 2 || o.Success() && res.Outcome != gateway.Internal {
			t.Errorf("%v: got %v with %d, want no acceptance", o, res.Outcome, res.Status)
		}
	}
}

// TestPublicURL: without a server before us the request line and Host count.
func TestPublicURL(t *testing.T) {
	t.Parallel()
	var got string
	rt, _, _ := newRoute(t, func(c *gateway.Config) {
		c.Verifier = verifiers.VerifierFunc(func(_ context.Context, req *verifiers.Request) (verifiers.Result, error) {
			got = req.URL.String()
			return verifiers.Result{}, &verifiers.Error{Err: verifiers.ErrMismatch}
		})
	})
	srv := httptest.NewTLSServer(rt)
	t.Cleanup(srv.Close)
	req := newRequest(t, srv.URL+"/a%2Fb?x=1", "d1", payload("1"))
	req.Host = "hooks.example.com"
	resp, err := srv.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	readAnswer(t, resp)
	if want := "https://hooks.example.com/a%2Fb?x=1"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("got %d, want 401", resp.StatusCode)
	}
}
