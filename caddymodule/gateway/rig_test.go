package gateway_test

import (
	"bufio"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway/gatewaytest"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

const (
	secret      = "a-secret-of-the-tests-b07f3c"
	verifyToken = "a-token-of-the-tests-77ab01"
	// marker is in every body and header value that tests send, and must never
	// be in a record, an error or an answer.
	marker = "zZmarkerZz"
)

// hub is a sender with a bit of everything: unsigned id and type, a body that
// is signed, a challenge by GET, and signed handshakes.
var hub = verifiers.Provider{
	Name: "hub",
	Scheme: verifiers.HMAC{Hash: verifiers.SHA256, Signed: verifiers.Signed{
		Signature: verifiers.Header("X-Hub-Signature-256").Trim("sha256="),
		Content:   "{body}",
	}},
	ID:           verifiers.Header("X-Hub-Delivery"),
	Type:         verifiers.Header("X-Hub-Event"),
	Time:         verifiers.JSON("/time"),
	TypePrefix:   "com.hub",
	ContentTypes: []string{"application/json"},
	NeedsJSON:    true,
	Deadline:     10 * time.Second,
	Headers:      []string{"User-Agent"},
	Options: []verifiers.Option{
		{Name: "verify_token", Doc: "The token of the challenge.", Required: true, Secret: true},
		{Name: "confirm", Doc: "Whether to confirm."},
	},
	Handshakes: []verifiers.Handshake{{
		Name: "challenge", Method: "GET",
		When:        []verifiers.Match{verifiers.Query("hub.mode").Is("subscribe")},
		Token:       verifiers.Query("hub.verify_token"),
		TokenOption: "verify_token",
		Reply:       verifiers.Echo(verifiers.Query("hub.challenge")),
	}, {
		Name: "url_verification", Signed: true,
		When:  []verifiers.Match{verifiers.JSON("/type").Is("url_verification")},
		Reply: verifiers.Echo(verifiers.JSON("/challenge")),
	}, {
		Name: "confirmation", Signed: true,
		When:          []verifiers.Match{verifiers.JSON("/type").Is("confirmation")},
		Confirm:       verifiers.JSON("/url"),
		ConfirmOption: "confirm",
		Pin:           verifiers.Pin{Hosts: []string{"confirm.example.com"}},
	}},
}

// rig is a route behind a real server.
type rig struct {
	t     *testing.T
	url   string
	addr  string
	pub   *gatewaytest.Publisher
	obs   *gatewaytest.Observer
	route *gateway.Route
}

func newVerifier(t testing.TB, p verifiers.Provider) verifiers.Verifier {
	t.Helper()
	key, err := verifiers.NewKey("k1", []byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	v, err := p.New(verifiers.Config{
		Keys:    verifiers.Keys{key},
		Options: map[string]string{"verify_token": verifyToken, "confirm": "on"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func newRoute(t testing.TB, change func(*gateway.Config)) (*gateway.Route, *gatewaytest.Publisher, *gatewaytest.Observer) {
	t.Helper()
	pub, obs := &gatewaytest.Publisher{}, &gatewaytest.Observer{}
	cfg := gateway.Config{
		Tenant: "acme", Source: "code", Provider: hub,
		Options:   map[string]string{"verify_token": verifyToken, "confirm": "on"},
		Publisher: pub, Observer: obs,
		Jitter: func(int) int { return 0 },
	}
	if change != nil {
		change(&cfg)
	}
	if cfg.Verifier == nil && !cfg.Unverified {
		cfg.Verifier = newVerifier(t, cfg.Provider)
	}
	rt, err := gateway.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return rt, pub, obs
}

func newRig(t *testing.T, change func(*gateway.Config)) *rig {
	t.Helper()
	return serve(t, nil, change)
}

// serve puts wrap, if there is one, around the route.
func serve(t *testing.T, wrap func(http.Handler) http.Handler, change func(*gateway.Config)) *rig {
	t.Helper()
	rt, pub, obs := newRoute(t, change)
	var h http.Handler = gateway.Paths{"/hook": rt}
	if wrap != nil {
		h = wrap(h)
	}
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return &rig{t: t, url: srv.URL + "/hook", addr: srv.Listener.Addr().String(), pub: pub, obs: obs, route: rt}
}

// payload is a valid event.
func payload(id string) string {
	return fmt.Sprintf(`{"id":%q,"time":1531420618,"text":"%s"}`, id, marker)
}

func sign(body string) string {
	m := hmac.New(sha256.New, []byte(secret))
	io.WriteString(m, body)
	return "sha256=" + hex.EncodeToString(m.Sum(nil))
}

// request returns a signed event, to be changed by the test.
func (r *rig) request(id, body string) *http.Request {
	r.t.Helper()
	return newRequest(r.t, r.url, id, body)
}

func newRequest(t testing.TB, url, id, body string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Hub-Delivery", id)
	req.Header.Set("X-Hub-Event", "push")
	req.Header.Set("X-Hub-Signature-256", sign(body))
	req.Header.Set("X-Other", marker)
	return req
}

// answer is a response that was read to its end.
type answer struct {
	*http.Response
	text string
}

func (r *rig) do(req *http.Request) answer {
	r.t.Helper()
	tr := &http.Transport{}
	defer tr.CloseIdleConnections()
	resp, err := tr.RoundTrip(req)
	if err != nil {
		r.t.Fatal(err)
	}
	return readAnswer(r.t, resp)
}

func (r *rig) send(id, body string) answer {
	r.t.Helper()
	return r.do(r.request(id, body))
}

func (r *rig) get(query string) answer {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodGet, r.url+query, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	return r.do(req)
}

func readAnswer(t *testing.T, resp *http.Response) answer {
	t.Helper()
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp, string(text)}
}

// dial opens a connection and writes text, with \n for line ends.
func (r *rig) dial(text string) net.Conn {
	r.t.Helper()
	conn, err := (&net.Dialer{}).DialContext(r.t.Context(), "tcp", r.addr)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { conn.Close() })
	if _, err := io.WriteString(conn, strings.ReplaceAll(text, "\n", "\r\n")); err != nil {
		r.t.Fatal(err)
	}
	return conn
}

func (r *rig) readFrom(conn net.Conn) answer {
	r.t.Helper()
	conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		r.t.Fatal(err)
	}
	return readAnswer(r.t, resp)
}

// record waits for the only record.
func (r *rig) record() gateway.Record {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), 20*time.Second)
	defer cancel()
	records, err := r.obs.Wait(ctx, 1)
	if err != nil || len(records) != 1 {
		r.t.Fatalf("got %d records (%v), want 1", len(records), err)
	}
	return records[0]
}

// stored checks how many events there are.
func (r *rig) stored(events, quarantined int) {
	r.t.Helper()
	if e, q := len(r.pub.Events()), len(r.pub.Quarantined()); e != events || q != quarantined {
		r.t.Errorf("got %d events stored and %d in quarantine, want %d and %d", e, q, events, quarantined)
	}
}
