package gateway_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway/gatewaytest"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// TestOrder sends requests with two things wrong; the earlier stage decides.
func TestOrder(t *testing.T) {
	t.Parallel()
	elsewhere := []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	type change = func(*http.Request)
	put := func(r *http.Request) { r.Method = http.MethodPut }
	xml := func(r *http.Request) { r.Header.Set("Content-Type", "text/xml") }
	forged := func(r *http.Request) { r.Header.Set("X-Hub-Signature-256", sign("another")) }
	body := func(text string) change {
		return func(r *http.Request) {
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader(text)), int64(len(text))
			r.Header.Set("X-Hub-Signature-256", sign(text))
		}
	}
	large := body(strings.Repeat("x", 1001))
	garbage := body("{" + marker)
	twoIDs := func(r *http.Request) { r.Header.Add("X-Hub-Delivery", "d2") }

	for _, tt := range []struct {
		name    string
		config  func(*gateway.Config)
		changes []change
		want    gateway.Outcome
	}{
		{"method before content type", nil, []change{put, xml}, gateway.MethodNotAllowed},
		{"content type before address", func(c *gateway.Config) { c.AllowAddresses = elsewhere }, []change{xml}, gateway.UnsupportedMediaType},
		{"address before client limit", func(c *gateway.Config) {
			c.AllowAddresses, c.ClientRate = elsewhere, gateway.Rate{Count: 1, Per: time.Hour}
		}, nil, gateway.AddressRefused},
		{"content type before size", nil, []change{large, xml}, gateway.UnsupportedMediaType},
		{"size before signature", nil, []change{large, forged}, gateway.BodyTooLarge},
		{"signature before JSON", nil, []change{garbage, forged}, gateway.BadSignature},
		{"signature before id", nil, []change{twoIDs, forged}, gateway.BadSignature},
		{"signature before schema", nil, []change{forged}, gateway.BadSignature},
		{"signature before filters", func(c *gateway.Config) { c.Drop = []string{"*"} }, []change{forged}, gateway.BadSignature},
		{"signature before the broker", func(c *gateway.Config) { c.Publisher = noProof{} }, []change{forged}, gateway.BadSignature},
		{"signature before the source's limit", func(c *gateway.Config) {
			c.SourceRate = gateway.Rate{Count: 1, Per: 1000 * time.Hour}
		}, []change{forged}, gateway.BadSignature},
		{"JSON before schema", func(c *gateway.Config) { c.StrictJSON = gateway.StrictReject }, []change{garbage}, gateway.BodyNotJSON},
		{"filters before id", func(c *gateway.Config) { c.Drop = []string{"push"} }, []change{twoIDs}, gateway.Dropped},
		{"filters before schema", func(c *gateway.Config) { c.Drop = []string{"push"} }, nil, gateway.Dropped},
		{"schema before the broker", func(c *gateway.Config) { c.Publisher = noProof{} }, nil, gateway.SchemaRejected},
		{"id before schema", func(c *gateway.Config) { c.OnInvalid = gateway.OnInvalidReject }, []change{twoIDs}, gateway.Quarantined},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, func(c *gateway.Config) {
				c.MaxBody = 1000
				c.Validator, c.OnInvalid = refuseSchema, gateway.OnInvalidReject
				if tt.config != nil {
					tt.config(c)
				}
			})
			for range 2 { // the second would meet a limit that the first has used up
				req := r.request("d1", payload("1"))
				for _, change := range tt.changes {
					change(req)
				}
				r.do(req)
			}
			for i, rec := range r.obs.Records() {
				if rec.Outcome != tt.want {
					t.Errorf("request %d: got %v, want %v", i+1, rec.Outcome, tt.want)
				}
			}
			if n := len(r.obs.Records()); n != 2 {
				t.Errorf("got %d records, want 2", n)
			}
		})
	}
}

// untouchable is a body that must not be read.
type untouchable struct{ t *testing.T }

func (u untouchable) Read([]byte) (int, error) {
	u.t.Error("the body was read")
	return 0, io.EOF
}

func (untouchable) Close() error { return nil }

// TestDecidedBeforeTheBody is about work and memory for requests that are
// refused anyway.
func TestDecidedBeforeTheBody(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		config func(*gateway.Config)
		change func(*http.Request)
		want   gateway.Outcome
	}{
		{"method", nil, func(r *http.Request) { r.Method = "DELETE" }, gateway.MethodNotAllowed},
		{"content type", nil, func(r *http.Request) { r.Header.Set("Content-Type", "a/b") }, gateway.UnsupportedMediaType},
		{"content coding", nil, func(r *http.Request) { r.Header.Set("Content-Encoding", "br") }, gateway.UnsupportedMediaType},
		{"address", func(c *gateway.Config) { c.AllowAddresses = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")} }, nil, gateway.AddressRefused},
		{"declared length", maxBody(10), nil, gateway.BodyTooLarge},
		{"budget", func(c *gateway.Config) { c.Budgets = []*gateway.Budget{full()} }, nil, gateway.Overloaded},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			rt, pub, _ := newRoute(t, tt.config)
			req := newRequest(t, "https://example.com/hook", "d1", payload("1"))
			req.Body = untouchable{t}
			if tt.change != nil {
				tt.change(req)
			}
			res := handle(rt, req)
			if res.Outcome != tt.want || res.RequestBody != nil || pub.Calls() != 0 {
				t.Errorf("got %v, body %q and %d calls of the publisher, want %v and nothing", res.Outcome, res.RequestBody, pub.Calls(), tt.want)
			}
		})
	}
}

func TestUnknownPathIsNotRead(t *testing.T) {
	t.Parallel()
	rt, _, obs := newRoute(t, nil)
	req := newRequest(t, "https://example.com/hook/", "d1", payload("1"))
	req.Body = untouchable{t}
	w := httptest.NewRecorder()
	gateway.Paths{"/hook": rt}.ServeHTTP(w, req)
	if w.Code != 404 || !strings.HasPrefix(w.Body.String(), "not_found ") || len(obs.Records()) != 0 {
		t.Errorf("got %d %q and %d records, want 404 and none", w.Code, w.Body, len(obs.Records()))
	}
}

// TestContentTypeOfNothing: there are senders whose handshakes are empty POSTs
// of another type.
func TestContentTypeOfNothing(t *testing.T) {
	t.Parallel()
	rt, _, _ := newRoute(t, nil)
	req := newRequest(t, "https://example.com/hook", "d1", "")
	req.Header.Set("Content-Type", "text/plain")
	req.Header.Del("X-Hub-Signature-256")
	if res := handle(rt, req); res.Outcome != gateway.BadSignature {
		t.Errorf("got %v, want it to come as far as the signature", res.Outcome)
	}
}

// full returns a budget without room for a body of the tests.
func full() *gateway.Budget { return gateway.NewBudget(0, 1) }

// TestNothingUnverifiedIsTouched: a forged request reaches neither the
// validator, nor the publisher, nor the limit of the source.
func TestNothingUnverifiedIsTouched(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *gateway.Config) {
		c.SourceRate = gateway.Rate{Count: 1, Per: time.Hour}
		c.Validator = gatewaytest.ValidatorFunc(func(string, any) (string, error) {
			return "s", nil
		})
	})
	for range 5 {
		req := r.request("d1", payload("1"))
		req.Header.Set("X-Hub-Signature-256", sign("another"))
		if got := r.do(req); got.StatusCode != 401 {
			t.Fatalf("forged: got %d, want 401", got.StatusCode)
		}
	}
	if n := r.pub.Calls(); n != 0 {
		t.Errorf("got %d calls of the publisher for forged requests, want 0", n)
	}
	if got := event(r); got.StatusCode != 200 {
		t.Errorf("the true event, with the same id: got %d, want 200", got.StatusCode)
	}
	if rec := r.obs.Records()[5]; rec.Outcome != gateway.Accepted {
		t.Errorf("the true event: got %v, want it accepted and no duplicate", rec.Outcome)
	}
}

// TestVerifierSeesWhatWasSent: exactly the bytes, and the URL as addressed.
func TestVerifierSeesWhatWasSent(t *testing.T) {
	t.Parallel()
	const text = "\ufeff{ \"a\" :\t1e2, \"a\": \"\\u00e9\" }\r\n "
	var seen *verifiers.Request
	r := serve(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			req.URL.Path = "/hook" // as a rewrite does
			next.ServeHTTP(w, req)
		})
	}, func(c *gateway.Config) {
		c.Provider.NeedsJSON, c.Provider.Time, c.Provider.Handshakes = false, verifiers.Source{}, nil
		c.StrictJSON = gateway.StrictOff
		c.Verifier = verifiers.VerifierFunc(func(_ context.Context, req *verifiers.Request) (verifiers.Result, error) {
			seen = req
			return verifiers.Result{Scheme: "test", Covers: &verifiers.Coverage{Body: true, URL: true}}, nil
		})
	})
	req := r.request("d1", text)
	req.URL.Path, req.URL.RawPath, req.URL.RawQuery = "/pu blic", "/pu%20blic", "b=2&a=%2f"
	if got := r.do(req); got.StatusCode != 200 {
		t.Fatalf("got %d, want 200", got.StatusCode)
	}
	if want := "http://" + r.addr + "/pu%20blic?b=2&a=%2f"; seen.URL.String() != want {
		t.Errorf("URL: got %s, want %s", seen.URL, want)
	}
	if string(seen.Body) != text || seen.Method != "POST" || seen.Remote != netip.MustParseAddr("127.0.0.1") {
		t.Errorf("got body %q, method %s, remote %v", seen.Body, seen.Method, seen.Remote)
	}
	if e := r.pub.Events()[0]; string(e.Body) != text {
		t.Errorf("published: got %q, want the same bytes", e.Body)
	}
}
