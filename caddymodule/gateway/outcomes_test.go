package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway/gatewaytest"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

const rawHead = "POST /hook HTTP/1.1\nHost: x\nContent-Type: application/json\nX-Hub-Event: " + marker + "\n"

var refuseSchema = gatewaytest.ValidatorFunc(func(string, any) (string, error) {
	return "push.json", errors.New("/text: minLength")
})

// outcomeTests has at least one way into every outcome, by real requests to a
// real server.
var outcomeTests = []struct {
	name    string
	outcome gateway.Outcome
	reason  string // "" means the outcome's own
	status  int
	change  func(*gateway.Config)
	// send returns the answer that counts; one without a Response means that
	// the sender does not get one.
	send   func(*rig) answer
	stored [2]int // events, quarantined
}{
	{name: "event", outcome: gateway.Accepted, status: 200, stored: [2]int{1, 0}, send: event},
	{
		name: "event with a configured answer", outcome: gateway.Accepted, status: 202, stored: [2]int{1, 0}, send: event,
		change: func(c *gateway.Config) { c.Success.Status = 202 },
	},
	{
		name: "event tagged by its schema", outcome: gateway.Accepted, status: 200, stored: [2]int{1, 0}, send: event,
		change: func(c *gateway.Config) { c.Validator, c.OnInvalid = refuseSchema, gateway.OnInvalidTag },
	},
	{name: "retry", outcome: gateway.Duplicate, status: 200, stored: [2]int{1, 0}, send: func(r *rig) answer {
		other, _, _ := newRoute(r.t, func(c *gateway.Config) { c.Publisher, c.Observer = r.pub, nil })
		s := &rig{t: r.t, url: r.url, route: other}
		handle(s.route, s.request("d1", payload("1")))
		return r.send("d1", payload("1"))
	}},
	{
		name: "batch", outcome: gateway.Accepted, status: 200, stored: [2]int{2, 0}, change: batches,
		send: func(r *rig) answer { return r.send("d1", `[{"id":"a"},{"id":"b"}]`) },
	},
	{
		name: "batch without events", outcome: gateway.EmptyBatch, status: 200, change: batches,
		send: func(r *rig) answer { return r.send("d1", " [ ] ") },
	},
	{
		name: "batch that is not JSON", outcome: gateway.BodyNotJSON, status: 400,
		change: func(c *gateway.Config) { batches(c); c.StrictJSON = gateway.StrictOff },
		send:   func(r *rig) answer { return r.send("d1", `[{"id":"a"},{"id":"b"`) },
	},
	{
		name: "batch of too many", outcome: gateway.Quarantined, reason: "too_many", status: 200, stored: [2]int{0, 1}, change: batches,
		send: func(r *rig) answer {
			return r.send("d1", "["+strings.Repeat("1,", verifiers.MaxElements)+"1]")
		},
	},
	{
		name: "secret that cannot be kept", outcome: gateway.CaptureFailed, status: 503,
		change: func(c *gateway.Config) { delivers(c); c.Capturer = &capturer{err: errors.New("disk full")} },
		send:   func(r *rig) answer { return r.do(deliver(r.t, r.url, marker)) },
	},
	{
		name: "secret that is not wanted", outcome: gateway.HandshakeRefused, reason: "not_kept", status: 403, change: delivers,
		send: func(r *rig) answer { return r.do(deliver(r.t, r.url, marker)) },
	},
	{
		name: "schema", outcome: gateway.Quarantined, reason: "schema", status: 200, stored: [2]int{0, 1}, send: event,
		change: func(c *gateway.Config) { c.Validator = refuseSchema },
	},
	{
		name: "retry of what is in quarantine", outcome: gateway.Duplicate, status: 200, stored: [2]int{0, 1},
		change: func(c *gateway.Config) { c.Validator = refuseSchema },
		send: func(r *rig) answer {
			other, _, _ := newRoute(r.t, func(c *gateway.Config) {
				c.Publisher, c.Observer, c.Validator = r.pub, nil, refuseSchema
			})
			handle(other, r.request("d1", payload("1")))
			return r.send("d1", payload("1"))
		},
	},
	{name: "conflict", outcome: gateway.Quarantined, reason: "conflict", status: 200, stored: [2]int{1, 1}, send: conflict},
	{name: "two ids", outcome: gateway.Quarantined, reason: "no_id", status: 200, stored: [2]int{0, 1}, send: func(r *rig) answer {
		req := r.request("d1", payload("1"))
		req.Header.Add("X-Hub-Delivery", "d2")
		return r.do(req)
	}},
	{
		name: "no demanded type", outcome: gateway.Quarantined, reason: "no_type", status: 200, stored: [2]int{0, 1}, send: event,
		change: func(c *gateway.Config) { c.EventType = verifiers.JSON("/kind") },
	},
	{
		name: "filter", outcome: gateway.Dropped, status: 200, send: event,
		change: func(c *gateway.Config) { c.Accept = []string{"issue*"} },
	},
	{name: "challenge", outcome: gateway.Handshaken, status: 200, send: challenge(verifyToken)},
	{name: "signed handshake", outcome: gateway.Handshaken, status: 200, send: func(r *rig) answer {
		return r.send("d1", `{"type":"url_verification","challenge":"abc"}`)
	}},
	{
		name: "confirmation", outcome: gateway.Handshaken, status: 200, send: confirmation("https://confirm.example.com/x"),
		change: func(c *gateway.Config) { c.Confirmer = confirm(nil) },
	},
	{
		name: "no publishing", outcome: gateway.PassedThrough, status: 200, send: event,
		change: func(c *gateway.Config) { c.NoPublish, c.Publisher = true, nil },
	},

	{name: "unknown path", outcome: gateway.NotFound, status: 404, send: func(r *rig) answer {
		req := r.request("d1", payload("1"))
		req.URL.Path = "/hooks"
		return r.do(req)
	}},
	{name: "method", outcome: gateway.MethodNotAllowed, status: 405, send: func(r *rig) answer {
		req := r.request("d1", payload("1"))
		req.Method = http.MethodPut
		return r.do(req)
	}},
	{name: "method of handshakes without one", outcome: gateway.MethodNotAllowed, status: 405, send: func(r *rig) answer {
		return r.get("?hub.mode=other")
	}},
	{name: "content type", outcome: gateway.UnsupportedMediaType, status: 415, send: contentType("text/xml")},
	{name: "no content type", outcome: gateway.UnsupportedMediaType, status: 415, send: contentType()},
	{name: "two content types", outcome: gateway.UnsupportedMediaType, status: 415, send: contentType("application/json", "application/json")},
	{name: "content coding", outcome: gateway.UnsupportedMediaType, status: 415, send: func(r *rig) answer {
		req := r.request("d1", payload("1"))
		req.Header.Set("Content-Encoding", "gzip")
		return r.do(req)
	}},
	{
		name: "address", outcome: gateway.AddressRefused, status: 403, send: event,
		change: func(c *gateway.Config) { c.AllowAddresses = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} },
	},
	{
		name: "client limit", outcome: gateway.ClientLimited, status: 429, send: twice,
		change: func(c *gateway.Config) {
			c.ClientRate = gateway.Rate{Count: 1, Per: time.Hour}
			skipFirst(c)
		}, stored: [2]int{1, 0},
	},
	{
		name: "source limit", outcome: gateway.SourceLimited, status: 429, send: twice,
		change: func(c *gateway.Config) {
			c.SourceRate = gateway.Rate{Count: 1, Per: time.Hour}
			skipFirst(c)
		}, stored: [2]int{1, 0},
	},
	{name: "declared too large", outcome: gateway.BodyTooLarge, status: 413, change: maxBody(64), send: func(r *rig) answer {
		return r.readFrom(r.dial(rawHead + "Content-Length: 65\n\n")) // and not one byte of it
	}},
	{name: "chunked too large", outcome: gateway.BodyTooLarge, status: 413, change: maxBody(64), send: func(r *rig) answer {
		return r.do(chunked(r.request("d1", strings.Repeat("x", 65))))
	}},
	{name: "cut by length", outcome: gateway.BodyCut, status: 400, send: func(r *rig) answer {
		return halfClose(r, rawHead+"Content-Length: 100\n\n{\"a\":\""+marker)
	}},
	{name: "cut in a chunk", outcome: gateway.BodyCut, status: 400, send: func(r *rig) answer {
		return halfClose(r, rawHead+"Transfer-Encoding: chunked\n\n64\n{\"a\":\""+marker)
	}},
	{name: "cut before the last chunk", outcome: gateway.BodyCut, status: 400, send: func(r *rig) answer {
		return halfClose(r, rawHead+"Transfer-Encoding: chunked\n\n2\n{}\n")
	}},
	{name: "malformed chunk", outcome: gateway.BodyCut, status: 400, send: func(r *rig) answer {
		return r.readFrom(r.dial(rawHead + "Transfer-Encoding: chunked\n\nzz\n{}\n"))
	}},
	{name: "stalled", outcome: gateway.BodySlow, status: 408, change: readTimeout(150 * time.Millisecond), send: func(r *rig) answer {
		return r.readFrom(r.dial(rawHead + "Content-Length: 100\n\n{\"a\":\"" + marker))
	}},
	{
		name: "not JSON", outcome: gateway.BodyNotJSON, status: 400,
		change: func(c *gateway.Config) { c.StrictJSON = gateway.StrictOff },
		send:   func(r *rig) answer { return r.send("d1", `{"a":`+marker) },
	},
	{
		name: "not JSON, kept", outcome: gateway.Quarantined, reason: "json", status: 200, stored: [2]int{0, 1},
		send: func(r *rig) answer { return r.send("d1", `{"a":`+marker) },
	},
	{
		name: "a batch that is not JSON, kept", outcome: gateway.Quarantined, reason: "json", status: 200, stored: [2]int{0, 1}, change: batches,
		send: func(r *rig) answer { return r.send("d1", `[{"id":"a"},{"id":"b"`) },
	},
	{
		name: "not strict, and refused", outcome: gateway.BodyNotJSON, reason: "duplicate", status: 400,
		change: func(c *gateway.Config) { c.StrictJSON = gateway.StrictReject },
		send:   func(r *rig) answer { return r.send("d1", `{"a":"`+marker+`","a":1}`) },
	},
	{
		name: "not strict, and no quarantine", outcome: gateway.BodyNotJSON, reason: "depth", status: 400,
		change: func(c *gateway.Config) { c.NoQuarantine = true },
		send:   func(r *rig) answer { return r.send("d1", strings.Repeat("[", 257)+strings.Repeat("]", 257)) },
	},
	{name: "not gzip", outcome: gateway.BodyNotGzip, status: 400, change: decompresses, send: func(r *rig) answer {
		return r.do(func() *http.Request {
			req := r.request("d1", payload("1"))
			req.Header.Set("Content-Encoding", "gzip")
			return req
		}())
	}},
	{name: "wrong signature", outcome: gateway.BadSignature, reason: "mismatch", status: 401, send: func(r *rig) answer {
		req := r.request("d1", payload("1"))
		req.Header.Set("X-Hub-Signature-256", sign(payload("2")))
		return r.do(req)
	}},
	{name: "no signature", outcome: gateway.BadSignature, reason: "missing", status: 401, send: func(r *rig) answer {
		req := r.request("d1", payload("1"))
		req.Header.Del("X-Hub-Signature-256")
		return r.do(req)
	}},
	{name: "malformed signature", outcome: gateway.BadSignature, reason: "malformed", status: 401, send: func(r *rig) answer {
		req := r.request("d1", payload("1"))
		req.Header.Set("X-Hub-Signature-256", "sha256="+marker)
		return r.do(req)
	}},
	{name: "challenge with a wrong token", outcome: gateway.HandshakeRefused, reason: "mismatch", status: 403, send: challenge(marker)},
	{name: "challenge without a token", outcome: gateway.HandshakeRefused, reason: "missing", status: 403, send: challenge("")},
	{
		name: "confirmation of another host", outcome: gateway.HandshakeRefused, reason: "untrusted", status: 403,
		send:   confirmation("https://" + marker + ".example.com/x"),
		change: func(c *gateway.Config) { c.Confirmer = confirm(nil) },
	},
	{
		name: "schema by the route's wish", outcome: gateway.SchemaRejected, status: 422, send: event,
		change: func(c *gateway.Config) { c.Validator, c.OnInvalid = refuseSchema, gateway.OnInvalidReject },
	},
	{
		name: "conflict without quarantine", outcome: gateway.SchemaRejected, reason: "conflict", status: 422, stored: [2]int{1, 0}, send: conflict,
		change: func(c *gateway.Config) { c.NoQuarantine = true },
	},
	{
		name: "schema without quarantine", outcome: gateway.SchemaRejected, status: 422, send: event,
		change: func(c *gateway.Config) { c.Validator, c.NoQuarantine = refuseSchema, true },
	},
	{
		name: "schema without a publisher", outcome: gateway.SchemaRejected, status: 422, send: event,
		change: func(c *gateway.Config) { c.Validator, c.NoPublish, c.Publisher = refuseSchema, true, nil },
	},
	{name: "too large for the broker", outcome: gateway.TooLargeToPublish, status: 413, send: failing(gateway.ErrTooLarge)},

	{
		name: "verifier without a verdict", outcome: gateway.Undecidable, status: 503, send: event,
		change: verifier(verifiers.Result{}, &verifiers.Error{Provider: "hub", Err: verifiers.ErrUnavailable}),
	},
	{name: "in flight", outcome: gateway.Pending, status: 503, send: failing(gateway.ErrInFlight)},
	{name: "waiting room full", outcome: gateway.Overloaded, status: 503, send: failing(gateway.ErrOverloaded)},
	{name: "no room for the request", outcome: gateway.Overloaded, status: 503, stored: [2]int{1, 0}, send: func(r *rig) answer {
		return whileHeld(r, func() answer { return r.send("d2", payload("2")) })
	}, change: func(c *gateway.Config) {
		c.Budgets = []*gateway.Budget{gateway.NewBudget(1, 0)}
		skipFirst(c)
	}},
	{
		name: "no room for the body", outcome: gateway.Overloaded, status: 503, send: event,
		change: func(c *gateway.Config) { c.Budgets = []*gateway.Budget{gateway.NewBudget(0, 10)} },
	},
	{name: "broker away", outcome: gateway.BrokerNotReady, status: 503, send: failing(gateway.ErrNotReady)},
	{name: "stream full", outcome: gateway.BrokerFull, status: 503, send: failing(fmt.Errorf("storing: %w", gateway.ErrFull))},
	{name: "broker silent", outcome: gateway.BrokerTimeout, status: 503, send: failing(gateway.ErrTimeout)},
	{name: "broker silent until the deadline", outcome: gateway.BrokerTimeout, status: 503, send: func(r *rig) answer {
		r.pub.Delay(time.Minute)
		return event(r)
	}, change: func(c *gateway.Config) { c.PublishTimeout = 50 * time.Millisecond }},
	{name: "ack lost", outcome: gateway.BrokerTimeout, status: 503, stored: [2]int{1, 0}, send: func(r *rig) answer {
		r.pub.LoseAcks(true)
		return event(r)
	}},
	{name: "no permission", outcome: gateway.BrokerRefused, status: 503, send: failing(gateway.ErrRefused)},
	{name: "quarantine fails", outcome: gateway.BrokerFull, status: 503, send: func(r *rig) answer {
		r.pub.FailQuarantine(gateway.ErrFull)
		return event(r)
	}, change: func(c *gateway.Config) { c.Validator = refuseSchema }},
	{
		name: "confirmation fails", outcome: gateway.ConfirmFailed, status: 503, send: confirmation("https://confirm.example.com/x"),
		change: func(c *gateway.Config) { c.Confirmer = confirm(errors.New("no route")) },
	},
	{name: "nobody to confirm", outcome: gateway.ConfirmFailed, status: 503, send: confirmation("https://confirm.example.com/x")},
	{name: "connection reset", outcome: gateway.ClientGone, status: 400, send: func(r *rig) answer {
		conn := r.dial(rawHead + "Content-Length: 100\nExpect: 100-continue\n\n")
		if _, err := io.ReadFull(conn, make([]byte, len("HTTP/1.1 100 Continue\r\n\r\n"))); err != nil {
			r.t.Fatal(err) // without it nobody is reading yet
		}
		if err := conn.(*net.TCPConn).SetLinger(0); err != nil {
			r.t.Fatal(err)
		}
		conn.Close()
		return answer{}
	}},
	{name: "panic in the publisher", outcome: gateway.Internal, status: 503, send: func(r *rig) answer {
		r.pub.Panic(marker)
		return event(r)
	}},
	{name: "panic in the verifier", outcome: gateway.Internal, status: 503, send: event, change: func(c *gateway.Config) {
		c.Verifier = verifiers.VerifierFunc(func(context.Context, *verifiers.Request) (verifiers.Result, error) {
			panic(errors.New(marker))
		})
	}},
	{name: "panic in the validator", outcome: gateway.Internal, status: 503, send: event, change: func(c *gateway.Config) {
		c.Validator = gatewaytest.ValidatorFunc(func(string, any) (string, error) { var v []int; return "", errors.New(string(rune(v[len(v)]))) })
	}},
	{name: "unknown error of the publisher", outcome: gateway.Internal, status: 503, send: failing(errors.New("odd"))},
	{
		name: "unknown error of the verifier", outcome: gateway.Internal, status: 503, send: event,
		change: verifier(verifiers.Result{}, errors.New("odd")),
	},
	{
		name: "acceptance without coverage", outcome: gateway.Internal, status: 503, send: event,
		change: verifier(verifiers.Result{}, nil),
	},
	{
		name: "ack without proof", outcome: gateway.Internal, status: 503, send: event,
		change: func(c *gateway.Config) { c.Publisher = noProof{} },
	},
	{
		name: "kept on this machine", outcome: gateway.Spooled, status: 200, send: event,
		change: func(c *gateway.Config) { c.Publisher = keeping{} },
	},
	{
		name: "quarantine without proof", outcome: gateway.Internal, status: 503, send: event,
		change: func(c *gateway.Config) { c.Publisher, c.Validator = noProof{}, refuseSchema },
	},
}

func TestOutcomes(t *testing.T) {
	t.Parallel()
	for _, tt := range outcomeTests {
		t.Run(tt.outcome.String()+"/"+tt.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, tt.change)
			got := tt.send(r)
			r.stored(tt.stored[0], tt.stored[1])
			if tt.outcome != gateway.NotFound { // which no route sees
				rec := r.record()
				checkRecord(t, rec, tt.outcome, tt.reason, tt.status)
				var p *gateway.PanicError
				if got, want := errors.As(rec.Err, &p), strings.HasPrefix(tt.name, "panic"); got != want {
					t.Errorf("got error %v, want a panic: %v", rec.Err, want)
				}
			}
			if got.Response != nil {
				checkAnswer(t, got, tt.outcome, tt.status)
				if tt.outcome != gateway.NotFound && !tt.outcome.Success() {
					if want := tt.outcome.Code() + " " + r.record().RequestID + "\n"; got.text != want {
						t.Errorf("body: got %q, want %q", got.text, want)
					}
				}
			}
		})
	}
}

func TestEveryOutcomeIsReached(t *testing.T) {
	t.Parallel()
	reached := make(map[gateway.Outcome]bool)
	for _, tt := range outcomeTests {
		reached[tt.outcome] = true
	}
	words := []string{"accepted", "duplicate", "pending", "dropped", "handshake", "quarantined", "rejected", "error"}
	seen := make(map[string]gateway.Outcome)
	if n := len(gateway.Outcomes()); n != gateway.NumOutcomes {
		t.Errorf("got %d outcomes, want %d", n, gateway.NumOutcomes)
	}
	for _, o := range gateway.Outcomes() {
		if !reached[o] {
			t.Errorf("%v has no row in outcomeTests", o)
		}
		if !slices.Contains(words, o.Word()) || o.Reason() == "" {
			t.Errorf("outcome %d: got word %q and reason %q, want one of %v and a word", o, o.Word(), o.Reason(), words)
		}
		if other, taken := seen[o.String()]; taken {
			t.Errorf("outcomes %d and %d are both %v", o, other, o)
		}
		seen[o.String()] = o
		switch s := o.Status(); {
		case o.Success() != (s == 0), o.Success() != (o.Code() == ""):
			t.Errorf("%v: got status %d and code %q for success=%v", o, s, o.Code(), o.Success())
		case s == 404 && o != gateway.NotFound, s == 410, s != 0 && (s < 400 || s > 503):
			t.Errorf("%v: got status %d, which tells senders something else", o, s)
		case (o.Word() == "error" || o.Word() == "pending") && (s != 503 || !o.Retryable()):
			t.Errorf("%v: got %d, want our own faults to be 503 with Retry-After", o, s)
		case s == 503 && !o.Retryable(), s == 429 && !o.Retryable():
			t.Errorf("%v: got %d without Retry-After", o, s)
		}
	}
}

func checkRecord(t *testing.T, rec gateway.Record, outcome gateway.Outcome, reason string, status int) {
	t.Helper()
	if reason == "" {
		reason = outcome.Reason()
	}
	if rec.Outcome != outcome || rec.Reason != reason || rec.Status != status {
		t.Errorf("record: got %v, reason %q, status %d (%v), want %v, %q, %d",
			rec.Outcome, rec.Reason, rec.Status, rec.Err, outcome, reason, status)
	}
	if rec.Tenant != "acme" || rec.Source != "code" || rec.Provider != "hub" || len(rec.RequestID) != 26 || rec.Start.IsZero() {
		t.Errorf("record: got %+v, want the route, a request id and a start", rec)
	}
	if rec.Err != nil && outcome.Success() && outcome != gateway.Quarantined {
		t.Errorf("record: got error %v, want none on success", rec.Err)
	}
	if rec.Err == nil && (rec.Outcome.Word() == "error" || outcome == gateway.Quarantined) {
		t.Error("record: got no error, want the cause")
	}
	if outcome == gateway.BadSignature && rec.EventID+rec.EventType+string(rec.Trust) != "" {
		t.Errorf("record: got id %q, type %q and trust %q of a request that is not authentic", rec.EventID, rec.EventType, rec.Trust)
	}
	if text := fmt.Sprintf("%+v %q", rec, errorChain(rec.Err)); strings.Contains(text, marker) ||
		strings.Contains(text, secret) || strings.Contains(text, verifyToken) {
		t.Errorf("record holds data of the request or a secret: %s", text)
	}
}

// errorChain prints an error and all that it wraps, in Go's syntax.
func errorChain(err error) string {
	var b strings.Builder
	for err != nil {
		if p, ok := errors.AsType[*gateway.PanicError](err); ok {
			fmt.Fprintf(&b, "%s %s", p.Cause, p.Stack)
			break
		}
		fmt.Fprintf(&b, "%#v ", err)
		err = errors.Unwrap(err)
	}
	return b.String()
}

func checkAnswer(t *testing.T, got answer, outcome gateway.Outcome, status int) {
	t.Helper()
	if got.StatusCode != status {
		t.Errorf("got status %d, want %d", got.StatusCode, status)
	}
	if outcome.Success() != (got.StatusCode/100 == 2) {
		t.Errorf("got status %d for success=%v", got.StatusCode, outcome.Success())
	}
	h := got.Header
	if h.Get("Cache-Control") != "no-store" || h.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("got headers %v, want no-store and nosniff", h)
	}
	if want := map[bool]string{true: "text/plain; charset=utf-8"}[got.text != ""]; h.Get("Content-Type") != want {
		t.Errorf("got content type %q, want %q", h.Get("Content-Type"), want)
	}
	if _, err := strconv.Atoi(h.Get("Retry-After")); (err == nil) != outcome.Retryable() {
		t.Errorf("got Retry-After %q, want one: %v", h.Get("Retry-After"), outcome.Retryable())
	}
	if want := outcome == gateway.MethodNotAllowed; (h.Get("Allow") == "GET, POST") != want {
		t.Errorf("got Allow %q", h.Get("Allow"))
	}
	if strings.Contains(got.text, marker) || strings.Contains(fmt.Sprint(h), marker) {
		t.Errorf("the answer repeats the request: %v %q", h, got.text)
	}
	if !outcome.Success() {
		if code, id, ok := strings.Cut(got.text, " "); !ok || code != outcome.Code() || len(id) != 27 || id[26] != '\n' {
			t.Errorf("got body %q, want %q and a request id on one line", got.text, outcome.Code())
		}
	}
}
