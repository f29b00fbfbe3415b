package gateway_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// stores is a publisher that costs nothing.
type stores struct{}

func (stores) Publish(context.Context, *gateway.Event) (gateway.Ack, error) {
	return gateway.Ack{Stream: "S", Sequence: 1, Attempts: 1}, nil
}

func (stores) Quarantine(context.Context, *gateway.Event, gateway.Quarantine) (gateway.Ack, error) {
	return gateway.Ack{Stream: "Q", Sequence: 1, Attempts: 1}, nil
}

// document is JSON of about size bytes that looks like an event.
func document(size int) string {
	var b strings.Builder
	b.WriteString(`{"time":1531420618,"id":"evt_1","type":"push","items":[`)
	for i := 0; b.Len() < size-120; i++ {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`{"sha":"0123456789abcdef0123456789abcdef01234567","n":` + strconv.Itoa(i) + `,"ok":true,"name":"a name"}`)
	}
	b.WriteString(`]}`)
	return b.String()
}

// acceptor returns a function that takes one event of the given size through
// the pipeline.
func acceptor(tb testing.TB, size int, change func(*gateway.Config)) func() {
	tb.Helper()
	rt, _, _ := newRoute(tb, func(c *gateway.Config) {
		c.Publisher, c.Observer = stores{}, nil
		change(c)
	})
	body := document(size)
	req := newRequest(tb, "https://example.com/hook", "d1", body)
	in := gateway.Request{Request: req, URL: req.URL, Remote: netip.MustParseAddr("192.0.2.1")}
	w := httptest.NewRecorder()
	reader := bytes.NewReader(nil)
	closer := io.NopCloser(reader)
	raw := []byte(body)
	return func() {
		reader.Reset(raw)
		req.Body = closer
		if res := rt.Handle(w, in); res.Outcome != gateway.Accepted {
			tb.Fatalf("got %v (%v), want %v", res.Outcome, res.Err, gateway.Accepted)
		}
	}
}

// headersOnly is a route on which nothing needs the body decoded.
func headersOnly(c *gateway.Config) {
	c.Provider.NeedsJSON, c.NoHandshakes, c.Provider.Time = false, true, verifiers.Source{}
}

func BenchmarkAccept(b *testing.B) {
	for _, bb := range []struct {
		name   string
		change func(*gateway.Config)
	}{
		{"headers", headersOnly},
		{"json", func(*gateway.Config) {}},
	} {
		for _, size := range []int{1 << 10, 8 << 10, 64 << 10} {
			b.Run(bb.name+"/"+strconv.Itoa(size>>10)+"KiB", func(b *testing.B) {
				accept := acceptor(b, size, bb.change)
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					accept()
				}
			})
		}
	}
}

// batchAcceptor returns a function that takes one batch through the pipeline.
func batchAcceptor(tb testing.TB, events int) func() {
	tb.Helper()
	rt, _, _ := newRoute(tb, alter(func(c *gateway.Config) { c.Publisher, c.Observer = stores{}, nil }))
	item := `{"id":"0123456789","type":"delivered","time":1531420618,"email":"a@example.com","reason":"a text"},`
	raw := []byte("[" + strings.TrimSuffix(strings.Repeat(item, events), ",") + "]")
	req := newRequest(tb, "https://example.com/hook", "d1", string(raw))
	in := gateway.Request{Request: req, URL: req.URL, Remote: netip.MustParseAddr("192.0.2.1")}
	w := httptest.NewRecorder()
	return func() {
		req.Body = io.NopCloser(bytes.NewReader(raw))
		if res := rt.Handle(w, in); res.Outcome != gateway.Accepted || res.Batch.Outcomes[gateway.Accepted] != events {
			tb.Fatalf("got %v (%v), want %v", res.Outcome, res.Err, gateway.Accepted)
		}
	}
}

// BenchmarkBatch is one batch with a publisher that costs nothing.
func BenchmarkBatch(b *testing.B) {
	for _, events := range []int{1, 10, 1000} {
		b.Run(strconv.Itoa(events), func(b *testing.B) {
			accept := batchAcceptor(b, events)
			b.ReportAllocs()
			for b.Loop() {
				accept()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*events), "ns/event")
		})
	}
}

// BenchmarkRefuse is what a forged request costs.
func BenchmarkRefuse(b *testing.B) {
	rt, _, _ := newRoute(b, func(c *gateway.Config) { c.Observer = nil })
	raw := []byte(document(8 << 10))
	req := newRequest(b, "https://example.com/hook", "d1", string(raw))
	req.Header.Set("X-Hub-Signature-256", sign("another"))
	in := gateway.Request{Request: req, URL: req.URL, Remote: netip.MustParseAddr("192.0.2.1")}
	w := httptest.NewRecorder()
	b.ReportAllocs()
	for b.Loop() {
		req.Body = io.NopCloser(bytes.NewReader(raw))
		if res := rt.Handle(w, in); res.Status != http.StatusUnauthorized {
			b.Fatalf("got %v, want 401", res.Outcome)
		}
	}
}
