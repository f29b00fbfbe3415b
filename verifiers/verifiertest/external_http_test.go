package verifiertest_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/natsembed"
	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/natspub"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// TestExternalVectorsOverHTTP sends the cases of TestExternalVectors through the
// whole gateway: written to a socket as the sender would, verified at the case's
// time, and stored in JetStream. What is accepted must be in the stream, byte for
// byte, and of what is refused nothing may be.
func TestExternalVectorsOverHTTP(t *testing.T) {
	t.Parallel()
	suites := externalSuites(t)
	g := startGateway(t)
	var sum tally
	for _, s := range suites {
		for i := range s.Cases {
			c := &s.Cases[i]
			p, ok := externalProvider(s.Provider, c)
			if !ok {
				sum.unsupported++
				continue
			}
			switch accepted, err := g.send(t, c, p, fmt.Sprintf("%s-%d", s.Provider, i)); {
			case err != nil:
				t.Errorf("%s %s: %v", s.Provider, c.Name, err)
				sum.wrong++
			case accepted != (c.Expect == "accept"):
				t.Errorf("%s %s: accepted: %t, want %s (%s): %s", s.Provider, c.Name, accepted, c.Expect, s.Oracle, c.Why)
				sum.wrong++
			case accepted:
				sum.accept++
			default:
				sum.reject++
			}
		}
	}
	t.Logf("over HTTP: %d accepted, %d refused, %d wrong, %d unsupported", sum.accept, sum.reject, sum.wrong, sum.unsupported)
}

// httpGateway is a gateway on a socket, with an embedded NATS server behind it.
type httpGateway struct {
	addr      string
	publisher *natspub.Publisher
	js        jetstream.JetStream
	current   atomic.Pointer[exchange]
}

// exchange is one case on its way.
type exchange struct {
	route  *gateway.Route
	public *url.URL // scheme and host are those that the operator configures
	result gateway.Result
}

const (
	verifiedStream   = "WEBHOOKS"
	quarantineStream = "WEBHOOKS_QUARANTINE"
)

func startGateway(t *testing.T) *httpGateway {
	t.Helper()
	server, err := natsembed.Start(natsembed.Config{StoreDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Shutdown(context.WithoutCancel(t.Context())) })
	if err := server.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	conn, err := nats.Connect("", nats.InProcessServer(server), nats.UserInfo(server.Credentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	publisher, err := natspub.New(natspub.Config{
		Conn:       conn,
		Stream:     natspub.StreamConfig{Name: verifiedStream, MaxAge: time.Hour, Window: time.Hour, Create: true},
		Quarantine: natspub.StreamConfig{Name: quarantineStream, MaxAge: time.Hour, Window: time.Hour, Create: true},
		Embedded:   true, SyncAlways: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(publisher.Close)
	found, err := publisher.Preflight(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		if f.Severity == natspub.Fatal {
			t.Fatal(f)
		}
	}
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	g := &httpGateway{publisher: publisher, js: js}
	listener := httptest.NewServer(g)
	t.Cleanup(listener.Close)
	g.addr = listener.Listener.Addr().String()
	return g
}

// ServeHTTP is what a program does that knows its public scheme and host.
func (g *httpGateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := g.current.Load()
	public := *x.public
	if line, err := url.ParseRequestURI(r.RequestURI); err == nil {
		public.Path, public.RawPath = line.Path, line.RawPath
		public.RawQuery, public.ForceQuery = line.RawQuery, line.ForceQuery
	}
	x.result = x.route.Handle(w, gateway.Request{Request: r, URL: &public})
	_ = x.result.Write(w)
}

// send plays the sender and reports whether the case is accepted. The error says
// what is wrong apart from the verdict.
func (g *httpGateway) send(t *testing.T, c *externalCase, p verifiers.Provider, source string) (bool, error) {
	t.Helper()
	v, cfg, err := c.build(p)
	if err != nil {
		return false, nil // it would not load
	}
	route, err := gateway.New(gateway.Config{
		Tenant: "default", Source: source, Provider: p, Verifier: v, Options: cfg.Options, Keys: cfg.Keys,
		WholeBatch: true, Publisher: g.publisher, Time: cfg.Time,
	})
	if err != nil {
		return false, err
	}
	public, err := url.Parse(c.Request.URL)
	if err != nil {
		return false, err
	}
	x := &exchange{route: route, public: public}
	g.current.Store(x)
	response, err := g.write(c.Request.Method, public, c.Request.Headers, c.Request.BodyBase64)
	if err != nil {
		return false, err
	}
	status := response.StatusCode
	stored, err := g.stored(t, source)
	if err != nil {
		return false, err
	}
	switch {
	case status >= 300:
		if len(stored) > 0 {
			return false, fmt.Errorf("answered %d, and stored", status)
		}
		if status >= 500 && !errors.Is(x.result.Err, verifiers.ErrUnavailable) {
			return false, fmt.Errorf("answered %d: %w", status, x.result.Err)
		}
		return false, nil
	case x.result.Handshake != "":
		return true, nil
	case len(stored) != 1 || !bytes.Equal(stored[0].Data, c.Request.BodyBase64):
		return true, fmt.Errorf("answered %d (%s), and %d messages are stored, want one with the body", status, x.result.Reason, len(stored))
	}
	return true, nil
}

// write sends a request byte for byte. The body of the answer is read whole.
func (g *httpGateway) write(method string, u *url.URL, header map[string][]string, body []byte) (*http.Response, error) {
	conn, err := net.Dial("tcp", g.addr)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n", method, u.RequestURI(), u.Host)
	for name, values := range header {
		switch http.CanonicalHeaderKey(name) {
		case "Host", "Connection", "Content-Length", "Transfer-Encoding":
			continue // they are the connection's
		}
		for _, value := range values {
			fmt.Fprintf(&b, "%s: %s\r\n", name, value)
		}
	}
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n", len(body))
	b.Write(body)
	if _, err := conn.Write(b.Bytes()); err != nil {
		return nil, err
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(response.Body)
	response.Body = io.NopCloser(bytes.NewReader(text))
	return response, err
}

// stored returns the messages of a source, those in quarantine among them.
func (g *httpGateway) stored(t *testing.T, source string) ([]*jetstream.RawStreamMsg, error) {
	t.Helper()
	var all []*jetstream.RawStreamMsg
	for name, root := range map[string]string{verifiedStream: natspub.Root, quarantineStream: natspub.QuarantineRoot} {
		stream, err := g.js.Stream(t.Context(), name)
		if err != nil {
			return nil, err
		}
		info, err := stream.Info(t.Context(), jetstream.WithSubjectFilter(root+".default."+source+".>"))
		if err != nil {
			return nil, err
		}
		for subject, count := range info.State.Subjects {
			if count != 1 {
				return nil, fmt.Errorf("%d messages on %s", count, subject)
			}
			m, err := stream.GetLastMsgForSubject(t.Context(), subject)
			if err != nil {
				return nil, err
			}
			all = append(all, m)
		}
	}
	return all, nil
}
