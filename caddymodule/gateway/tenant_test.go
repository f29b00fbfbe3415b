package gateway_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway/gatewaytest"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// tenants is a Resolver by a header, with the secrets of each tenant.
type tenants struct {
	routes map[string]*gateway.Route
	err    error
	asked  int
}

func (ts *tenants) Resolve(_ context.Context, r *gateway.Request) (*gateway.Route, error) {
	ts.asked++
	if ts.err != nil {
		return nil, ts.err
	}
	if rt := ts.routes[r.Header.Get("X-Tenant")]; rt != nil {
		return rt, nil
	}
	return nil, gateway.ErrUnknownTenant
}

func (ts *tenants) add(t *testing.T, base *gateway.Route, tenant string, limit *gateway.Limiter, secrets ...string) {
	t.Helper()
	var keys verifiers.Keys
	for i, s := range secrets {
		key, err := verifiers.NewKey(fmt.Sprintf("%s-%d", tenant, i), []byte(s))
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key)
	}
	v, err := base.Config().Provider.New(verifiers.Config{
		Keys: keys, Options: map[string]string{"verify_token": verifyToken, "confirm": "on"},
	})
	if err != nil {
		t.Fatal(err)
	}
	rt, err := base.For(gateway.Identity{
		Tenant: tenant, Source: "code", Verifier: v, TenantLimit: limit,
		Diagnose: func(context.Context, *verifiers.Request, error) verifiers.Diagnosis {
			return verifiers.Diagnosis{Cause: verifiers.Cause(tenant)}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ts.routes[tenant] = rt
}

func newTenants(t *testing.T, change func(*gateway.Config)) (*tenants, *gateway.Route, *gatewaytest.Publisher, *gatewaytest.Observer) {
	t.Helper()
	ts := &tenants{routes: map[string]*gateway.Route{}}
	pub, obs := &gatewaytest.Publisher{}, &gatewaytest.Observer{}
	cfg := gateway.Config{
		Source: "code", Provider: hub, Resolver: ts, Publisher: pub, Observer: obs,
		Options: map[string]string{"verify_token": verifyToken, "confirm": "on"},
		Jitter:  func(int) int { return 0 },
	}
	if change != nil {
		change(&cfg)
	}
	base, err := gateway.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return ts, base, pub, obs
}

func tenantRequest(t *testing.T, tenant, id, body, key string) gateway.Request {
	t.Helper()
	r := newRequest(t, "http://hooks.example.com/hook", id, body)
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(body))
	r.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	r.Header.Set("X-Tenant", tenant)
	return gateway.Request{Request: r}
}

// TestTenantsAreIsolated plays random deliveries against a model: an event is
// stored under a tenant exactly if it was signed with one of that tenant's
// secrets, once for each of its ids, whatever the others send.
func TestTenantsAreIsolated(t *testing.T) {
	ts, base, pub, obs := newTenants(t, nil)
	names := []string{"acme", "ACME", "acme-2", "a", "globex"}
	secrets := map[string][]string{}
	for _, name := range names {
		secrets[name] = []string{name + "-new-secret", name + "-old-secret"}
		ts.add(t, base, name, nil, secrets[name]...)
	}
	random := rand.New(rand.NewPCG(1, 2))
	want, diagnosed := map[string]bool{}, 0
	for range 3000 {
		tenant := names[random.IntN(len(names))]
		signer := names[random.IntN(len(names))]
		key := secrets[signer][random.IntN(2)]
		id := fmt.Sprintf("evt-%d", random.IntN(40))
		if random.IntN(20) == 0 {
			tenant = []string{"", "initech", "acme.code", "../acme", strings.Repeat("a", 65)}[random.IntN(5)]
		}
		res := base.Handle(nil, tenantRequest(t, tenant, id, payload(id), key))
		stored := tenant + " " + id
		switch known := slices.Contains(names, tenant); {
		case !known:
			if res.Outcome != gateway.NotFound || res.Status != http.StatusNotFound || res.Tenant != "" {
				t.Fatalf("unknown tenant %q: %v", tenant, res.Outcome)
			}
		case tenant != signer:
			if res.Outcome != gateway.BadSignature {
				t.Fatalf("%s as %s: %v (%v)", signer, tenant, res.Outcome, res.Err)
			}
			if c := res.Diagnosis.Cause; c != "" {
				diagnosed++
				if string(c) != tenant {
					t.Fatalf("%s was diagnosed with the secrets of %s", tenant, c)
				}
			}
		case want[stored]:
			if res.Outcome != gateway.Duplicate {
				t.Fatalf("%s again: %v", stored, res.Outcome)
			}
		default:
			if res.Outcome != gateway.Accepted || res.Tenant != tenant {
				t.Fatalf("%s: %v (%v)", stored, res.Outcome, res.Err)
			}
			want[stored] = true
		}
	}
	if diagnosed == 0 {
		t.Error("nobody was told why a request was refused")
	}
	got := map[string]bool{}
	for _, e := range pub.Events() {
		if e.CESource != "/"+e.Tenant+"/code" {
			t.Errorf("ce-source %q of %s", e.CESource, e.Tenant)
		}
		got[e.Tenant+" "+e.ID] = true
	}
	if len(got) != len(want) || len(pub.Events()) != len(want) {
		t.Errorf("stored %d events, %d of them different, want %d", len(pub.Events()), len(got), len(want))
	}
	for _, r := range obs.Records() {
		if r.Outcome == gateway.NotFound && (r.Tenant != "" || r.EventID != "") {
			t.Fatalf("a refused request wrote into the log: %+v", r)
		}
	}
}

// oldTenants finds tenants while their secrets cannot be looked up.
type oldTenants struct{ tenants }

func (ts *oldTenants) Resolve(ctx context.Context, r *gateway.Request) (*gateway.Route, error) {
	rt, err := ts.tenants.Resolve(ctx, r)
	if err != nil {
		return nil, err
	}
	return rt, fmt.Errorf("%w: the store is away", gateway.ErrOldSecrets)
}

// TestOldSecrets: what fits a secret of before is authentic, and of what fits none
// nobody is told that it is forged.
func TestOldSecrets(t *testing.T) {
	old := &oldTenants{}
	ts, base, pub, _ := newTenants(t, func(cfg *gateway.Config) { cfg.Resolver = old })
	ts.add(t, base, "acme", nil, "of-acme")
	old.routes = ts.routes
	unsigned := tenantRequest(t, "acme", "e-3", payload("e-3"), "of-acme")
	unsigned.Header.Del("X-Hub-Signature-256")
	malformed := tenantRequest(t, "acme", "e-4", payload("e-4"), "of-acme")
	malformed.Header.Set("X-Hub-Signature-256", "sha256=zz")
	for _, test := range []struct {
		name    string
		request gateway.Request
		outcome gateway.Outcome
		status  int
	}{
		{"fits", tenantRequest(t, "acme", "e-1", payload("e-1"), "of-acme"), gateway.Accepted, 200},
		{"fits none", tenantRequest(t, "acme", "e-2", payload("e-2"), "rotated"), gateway.Undecidable, 503},
		{"no signature", unsigned, gateway.BadSignature, 401},
		{"malformed", malformed, gateway.BadSignature, 401},
		{"unknown", tenantRequest(t, "globex", "e-5", payload("e-5"), "of-acme"), gateway.NotFound, 404},
	} {
		res := base.Handle(nil, test.request)
		if res.Outcome != test.outcome || res.Status != test.status || (res.Header.Get("Retry-After") != "") != (test.status == 503) {
			t.Errorf("%s: %v, status %d, Retry-After %q, %v", test.name, res.Outcome, res.Status, res.Header.Get("Retry-After"), res.Err)
		}
		if test.outcome == gateway.Undecidable && (!errors.Is(res.Err, gateway.ErrOldSecrets) || !strings.Contains(res.Err.Error(), "the store is away")) {
			t.Errorf("%s: the log does not say why: %v", test.name, res.Err)
		}
	}
	if n := len(pub.Events()); n != 1 {
		t.Errorf("%d events are stored", n)
	}
}

func TestResolverErrors(t *testing.T) {
	for _, test := range []struct {
		name    string
		err     error
		outcome gateway.Outcome
		status  int
	}{
		{"unknown", fmt.Errorf("acme: %w", gateway.ErrUnknownTenant), gateway.NotFound, 404},
		{"too many", gateway.ErrTooManyLookups, gateway.Overloaded, 503},
		{"store away", errors.New("the store is away"), gateway.Undecidable, 503},
		{"canceled", context.Canceled, gateway.Undecidable, 503},
	} {
		t.Run(test.name, func(t *testing.T) {
			ts, base, pub, obs := newTenants(t, nil)
			ts.err = test.err
			res := base.Handle(nil, tenantRequest(t, "acme", "1", payload("1"), secret))
			if res.Outcome != test.outcome || res.Status != test.status || pub.Calls() != 0 {
				t.Errorf("%v %d, %d calls", res.Outcome, res.Status, pub.Calls())
			}
			if (res.Header.Get("Retry-After") != "") != (test.status == 503) {
				t.Errorf("Retry-After %q", res.Header.Get("Retry-After"))
			}
			if res.RequestBody != nil {
				t.Error("the body was read")
			}
			if n := len(obs.Records()); n != 1 {
				t.Errorf("%d records", n)
			}
		})
	}
	t.Run("no route", func(t *testing.T) {
		ts, base, _, _ := newTenants(t, nil)
		ts.routes["acme"] = base // has a resolver itself
		if res := base.Handle(nil, tenantRequest(t, "acme", "1", payload("1"), secret)); res.Outcome != gateway.Internal {
			t.Errorf("%v", res.Outcome)
		}
	})
}

// TestResolverComesLate: what is refused without the tenant is refused before
// anything is looked up.
func TestResolverComesLate(t *testing.T) {
	ts, base, _, _ := newTenants(t, func(c *gateway.Config) {
		c.ClientRate = gateway.Rate{Count: 1, Per: time.Hour}
	})
	bad := tenantRequest(t, "acme", "1", payload("1"), secret)
	bad.Method = http.MethodDelete
	if res := base.Handle(nil, bad); res.Outcome != gateway.MethodNotAllowed {
		t.Error(res.Outcome)
	}
	bad = tenantRequest(t, "acme", "1", payload("1"), secret)
	bad.Header.Set("Content-Type", "text/plain")
	if res := base.Handle(nil, bad); res.Outcome != gateway.UnsupportedMediaType {
		t.Error(res.Outcome)
	}
	for i, want := range []gateway.Outcome{gateway.NotFound, gateway.ClientLimited} {
		if res := base.Handle(nil, tenantRequest(t, "acme", "1", payload("1"), secret)); res.Outcome != want {
			t.Errorf("%d: %v, want %v", i, res.Outcome, want)
		}
	}
	if ts.asked != 1 {
		t.Errorf("looked up %d times, want 1", ts.asked)
	}
}

// TestTenantRates: a tenant that floods uses up its own limit and nobody else's,
// also when its route is made anew.
func TestTenantRates(t *testing.T) {
	clock := time.Unix(1_700_000_000, 0)
	ts, base, _, _ := newTenants(t, func(c *gateway.Config) {
		c.SourceRate = gateway.Rate{Count: 10, Per: time.Hour}
		c.TenantRate = gateway.Rate{Count: 15, Per: time.Hour}
		c.Time = func() time.Time { return clock }
	})
	limit, sourceLimit := gateway.NewLimiter(base.Config().TenantRate), gateway.NewLimiter(base.Config().SourceRate)
	ts.add(t, base, "acme", limit, secret)
	v := ts.routes["acme"].Config().Verifier
	replace := func() {
		rt, err := base.For(gateway.Identity{Tenant: "acme", Source: "code", Verifier: v, TenantLimit: limit, SourceLimit: sourceLimit})
		if err != nil {
			t.Fatal(err)
		}
		ts.routes["acme"] = rt
	}
	replace()
	ts.add(t, base, "globex", gateway.NewLimiter(base.Config().TenantRate), secret)
	send := func(tenant string, n int) (accepted int) {
		for i := range n {
			id := fmt.Sprintf("%s-%d", tenant, i)
			res := base.Handle(nil, tenantRequest(t, tenant, id, payload(id), secret))
			switch res.Outcome {
			case gateway.SourceLimited:
			case gateway.Accepted, gateway.Duplicate:
				accepted++
			default:
				t.Fatal(res.Outcome)
			}
		}
		return accepted
	}
	if n := send("acme", 50); n != 10 {
		t.Errorf("acme: %d, want the 10 of its source", n)
	}
	replace()
	if n := send("acme", 5); n != 0 {
		t.Errorf("acme with new secrets: %d, want 0", n)
	}
	ts.add(t, base, "acme", limit, secret) // as another source of the tenant would
	if n := send("acme", 50); n != 5 {
		t.Errorf("acme's other source: %d, want the 5 that are left of the tenant's", n)
	}
	if n := send("globex", 10); n != 10 {
		t.Errorf("globex: %d, want 10", n)
	}
}

func TestIdentityChecks(t *testing.T) {
	ts, base, _, _ := newTenants(t, nil)
	ts.add(t, base, "acme", nil, secret)
	v := ts.routes["acme"].Config().Verifier
	for _, test := range []struct {
		name string
		id   gateway.Identity
		want string
	}{
		{"no tenant", gateway.Identity{Source: "code", Verifier: v}, "Tenant"},
		{"dots", gateway.Identity{Tenant: "a.b", Source: "code", Verifier: v}, "Tenant"},
		{"no source", gateway.Identity{Tenant: "a", Verifier: v}, "Source"},
		{"no verifier", gateway.Identity{Tenant: "a", Source: "code"}, "Verifier"},
	} {
		if _, err := base.For(test.id); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
	cfg := base.Config()
	cfg.Verifier = v
	if _, err := gateway.New(cfg); err == nil || !strings.Contains(err.Error(), "Resolver") {
		t.Errorf("a Resolver and a Verifier: %v", err)
	}
}
