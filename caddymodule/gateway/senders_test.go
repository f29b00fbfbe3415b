package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway/gatewaytest"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

func event(r *rig) answer { return r.send("d1", payload("1")) }

func twice(r *rig) answer {
	r.send("d1", payload("1"))
	return r.send("d2", payload("2"))
}

func conflict(r *rig) answer {
	other, _, _ := newRoute(r.t, func(c *gateway.Config) { c.Publisher, c.Observer = r.pub, nil })
	handle(other, r.request("d1", payload("1")))
	return r.send("d1", payload("2"))
}

// skipFirst keeps the first accepted event out of the records.
func skipFirst(c *gateway.Config) { c.Observer = &refusals{c.Observer} }

type refusals struct{ gateway.Observer }

func (o *refusals) Observe(r *gateway.Record) {
	if r.Outcome != gateway.Accepted {
		o.Observer.Observe(r)
	}
}

func failing(err error) func(*rig) answer {
	return func(r *rig) answer {
		r.pub.Fail(err)
		return event(r)
	}
}

func challenge(token string) func(*rig) answer {
	return func(r *rig) answer {
		return r.get("?hub.mode=subscribe&hub.challenge=12345&hub.verify_token=" + url.QueryEscape(token))
	}
}

func confirmation(link string) func(*rig) answer {
	return func(r *rig) answer { return r.send("d1", fmt.Sprintf(`{"type":"confirmation","url":%q}`, link)) }
}

func confirm(err error) gateway.Confirmer {
	return gatewaytest.ConfirmerFunc(func(ctx context.Context, pin verifiers.Pin, link string) error {
		if _, bounded := ctx.Deadline(); !bounded || pin.Check(link) != nil {
			return errors.New("called without a deadline or a permitted URL")
		}
		return err
	})
}

func contentType(values ...string) func(*rig) answer {
	return func(r *rig) answer {
		req := r.request("d1", payload("1"))
		req.Header["Content-Type"] = values
		return r.do(req)
	}
}

func maxBody(n int64) func(*gateway.Config) {
	return func(c *gateway.Config) { c.MaxBody = n }
}

func readTimeout(d time.Duration) func(*gateway.Config) {
	return func(c *gateway.Config) { c.ReadTimeout = d }
}

func verifier(result verifiers.Result, err error) func(*gateway.Config) {
	return func(c *gateway.Config) {
		c.Verifier = verifiers.VerifierFunc(func(context.Context, *verifiers.Request) (verifiers.Result, error) {
			return result, err
		})
	}
}

func chunked(req *http.Request) *http.Request {
	req.ContentLength = -1
	req.Body = struct{ io.ReadCloser }{req.Body}
	return req
}

// halfClose sends text, ends the sending side and reads the answer.
func halfClose(r *rig, text string) answer {
	conn := r.dial(text)
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		r.t.Fatal(err)
	}
	return r.readFrom(conn)
}

// whileHeld does something while another event is being stored.
func whileHeld(r *rig, do func() answer) answer {
	release := r.pub.Hold()
	defer release()
	first := r.request("d1", payload("1"))
	done := make(chan error)
	go func() {
		resp, err := http.DefaultTransport.RoundTrip(first)
		if err == nil {
			err = resp.Body.Close()
		}
		done <- err
	}()
	for r.pub.Calls() == 0 {
		select {
		case err := <-done:
			r.t.Fatalf("the first event was not held: %v", err)
		case <-time.After(time.Millisecond):
		}
	}
	got := do()
	release()
	if err := <-done; err != nil {
		r.t.Fatal(err)
	}
	return got
}

// noProof is a publisher with a mistake in it.
type noProof struct{}

func (noProof) Publish(context.Context, *gateway.Event) (gateway.Ack, error) {
	return gateway.Ack{}, nil
}

func (noProof) Quarantine(context.Context, *gateway.Event, gateway.Quarantine) (gateway.Ack, error) {
	return gateway.Ack{}, nil
}

// keeping is a publisher that has a spool and no broker.
type keeping struct{ noProof }

func (keeping) Publish(context.Context, *gateway.Event) (gateway.Ack, error) {
	return gateway.Ack{Stream: "WEBHOOKS", Sequence: 1, Spooled: true}, nil
}
