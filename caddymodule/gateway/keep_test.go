package gateway_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway/gatewaytest"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/providers"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/verifiertest"
)

// sampler keeps what it is offered.
type sampler struct {
	mu      sync.Mutex
	entries []gateway.Entry
}

func (s *sampler) Sample(e *gateway.Event, q gateway.Quarantine) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.entries = append(s.entries, gateway.Entry{Event: *e, Quarantine: q})
}

func (s *sampler) all() []gateway.Entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.entries)
}

// catalogueRoute is a route for a vector of the catalogue. Its schema refuses
// everything as long as refuse is true.
type catalogueRoute struct {
	route   *gateway.Route
	pub     *gatewaytest.Publisher
	samples *sampler
	refuse  bool
	fails   bool // the verifier refuses everything
}

func newCatalogueRoute(t *testing.T, p verifiers.Provider, v *verifiertest.Vector) *catalogueRoute {
	t.Helper()
	vcfg, err := v.Config()
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := p.New(vcfg)
	if err != nil {
		t.Fatal(err)
	}
	c := &catalogueRoute{pub: &gatewaytest.Publisher{}, samples: &sampler{}, refuse: true}
	c.route, err = gateway.New(gateway.Config{
		Tenant: "acme", Source: "code", Provider: p, Options: v.Options, NoHandshakes: true, Methods: []string{v.Request.Method},
		MaxBody: 10 << 20,
		Verifier: verifiers.VerifierFunc(func(ctx context.Context, req *verifiers.Request) (verifiers.Result, error) {
			if c.fails {
				return verifiers.Result{}, &verifiers.Error{Provider: p.Name, Err: verifiers.ErrMismatch}
			}
			return verifier.Verify(ctx, req)
		}),
		VerifierAt: func(at time.Time) (verifiers.Verifier, error) {
			if !at.Equal(v.Now) {
				t.Errorf("verified as if it were %v, want %v", at, v.Now)
			}
			cfg := vcfg
			cfg.Time = func() time.Time { return at }
			return p.New(cfg)
		},
		Validator: gatewaytest.ValidatorFunc(func(string, any) (string, error) {
			if c.refuse {
				return "a.json", errors.New("/: never")
			}
			return "a.json", nil
		}),
		Publisher: c.pub, Sampler: c.samples, Time: verifiertest.Clock(v.Now),
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *catalogueRoute) handle(t *testing.T, v *verifiertest.Vector, add http.Header) gateway.Result {
	t.Helper()
	req, err := v.NewRequest()
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(t.Context(), req.Method, req.URL.String(), bytes.NewReader(req.Body))
	r.Header = req.Header
	for name, values := range add {
		if r.Header[name] == nil {
			r.Header[name] = values
		}
	}
	return c.route.Handle(httptest.NewRecorder(), gateway.Request{Request: r, URL: req.URL, Remote: netip.MustParseAddr("192.0.2.1")})
}

// secretsOf are texts that must not be in what is kept of a vector's request: the
// keys, and what stands where the scheme expects a credential.
func secretsOf(t *testing.T, p verifiers.Provider, v *verifiertest.Vector) (secrets []string, credential, inBody bool) {
	t.Helper()
	for _, k := range v.Keys {
		secrets = append(secrets, k.Secret, base64.StdEncoding.EncodeToString([]byte(k.Secret)))
	}
	if s, ok := p.Scheme.(verifiers.Placer); ok && s.Places().Secret {
		credential = true
		from := s.Places().Signature
		inBody = readsBody(from)
		req, err := v.NewRequest()
		if err != nil {
			t.Fatal(err)
		}
		if value, err := from.Lookup(req); err == nil && !inBody {
			secrets = append(secrets, value)
		}
	}
	// A public key, or a certificate, is no secret, and short texts are found
	// anywhere.
	return slices.DeleteFunc(secrets, func(s string) bool { return len(s) < 6 || strings.Contains(s, "PUBLIC KEY") }), credential, inBody
}

func readsBody(s verifiers.Source) bool {
	return s.Form != "" || s.Pointer != "" || s.Whole || slices.ContainsFunc(slices.Concat(s.First, s.Join), readsBody)
}

func sourceHeaders(s verifiers.Source) (names []string) {
	if s.Header != "" {
		names = append(names, s.Header)
	}
	for _, part := range slices.Concat(s.First, s.Join) {
		names = append(names, sourceHeaders(part)...)
	}
	return names
}

func checkNoSecret(t *testing.T, secrets []string, e *gateway.Entry) {
	t.Helper()
	text, err := json.Marshal(struct {
		Kept   *gateway.Kept
		Detail string
		Header http.Header
	}{e.Request, e.Detail, e.Header})
	if err != nil {
		t.Fatal(err)
	}
	plain, err := url.QueryUnescape(strings.ReplaceAll(string(text), "%", "%25"))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range secrets {
		if strings.Contains(string(text), s) || strings.Contains(plain, s) || strings.Contains(string(text), url.QueryEscape(s)) {
			t.Errorf("what is kept holds a secret: %s", text)
		}
	}
}

// credentialHeaders are in every request of the test, besides its own.
var credentialHeaders = http.Header{
	"Authorization": {"Bearer zZsecretZz-1"}, "Cookie": {"session=zZsecretZz-2"}, "X-Api-Key": {"zZsecretZz-3"},
	"Proxy-Authorization": {"zZsecretZz-4"}, "X-Gitlab-Token": {"zZsecretZz-5"}, "X-Nobody-Knows": {"zZsecretZz-6"},
}

// TestKeptRequests sends every authentic request of the catalogue's vectors, has
// it put into quarantine, and looks that nothing that is kept holds a secret and
// that it is enough to verify and identify it again, except where the proof
// itself is a secret.
func TestKeptRequests(t *testing.T) {
	t.Parallel()
	suites, err := verifiertest.Load(verifiertest.Vectors)
	if err != nil {
		t.Fatal(err)
	}
	var again, trusted int
	unprovable := map[string]bool{}
	for _, s := range suites {
		p, ok := providers.Lookup(s.Provider)
		if !ok {
			t.Fatal(s.Provider)
		}
		for i := range s.Tests {
			v := &s.Tests[i]
			c := newCatalogueRoute(t, p, v)
			secrets, credential, inBody := secretsOf(t, p, v)
			secrets = append(secrets, "zZsecretZz")
			res := c.handle(t, v, credentialHeaders)
			for _, e := range c.samples.all() {
				checkNoSecret(t, secrets, &e)
				if inBody {
					t.Errorf("%s %d: a body that holds the secret was kept", s.Provider, v.ID)
				}
			}
			if res.Outcome != gateway.Quarantined {
				continue
			}
			kept := c.pub.Quarantined()
			c.refuse = false
			for _, q := range kept {
				e := &gateway.Entry{Event: q.Event, Quarantine: q.Why}
				checkNoSecret(t, secrets, e)
				if e.Reason != "schema" {
					continue
				}
				before := len(c.pub.Events())
				res := c.route.Retry(t.Context(), e, false)
				if res.Outcome != gateway.Accepted && res.Outcome != gateway.Duplicate {
					t.Errorf("%s %d: tried again: %v %v", s.Provider, v.ID, res.Outcome, res.Err)
					continue
				}
				if events := c.pub.Events(); len(events) > before {
					got := events[before]
					if got.ID != e.ID || got.Type != e.Type || !got.Time.Equal(e.Time) || got.Trust != e.Trust || got.Scheme != e.Scheme ||
						!slices.Equal(got.Unsigned, e.Unsigned) || !bytes.Equal(got.Body, e.Body) || got.IngestID != e.IngestID ||
						!got.Received.Equal(e.Received) || got.Same != e.Same || got.Released != "retry" || got.Schema != gateway.SchemaValid {
						t.Errorf("%s %d: got %+v\nwant %+v", s.Provider, v.ID, got, e.Event)
					}
				}
				if e.Request.Unprovable {
					unprovable[s.Provider] = true
				}
				if credential || e.Part != nil || e.Request.Unprovable {
					trusted++
				} else {
					again++
				}
			}
		}
	}
	if len(unprovable) > 15 {
		t.Errorf("what is kept is not enough for %v", slices.Sorted(maps.Keys(unprovable)))
	}
	if again < 500 || trusted < 50 {
		t.Errorf("%d were verified again and %d were not: the test does not look at what it should", again, trusted)
	}
}

// notEnough are senders whose scheme reads headers that its description does not
// name: a sample of theirs cannot be verified again.
var notEnough = []string{"alexa", "contentful", "messagebird-legacy"}

// sameForm are senders whose secrets, or public keys, have the very form of a
// signature, as 64 hexadecimal digits: nobody can tell one from the other.
var sameForm = []string{"close", "contentful", "daily", "docusign", "kontent-ai", "postal", "squarespace", "zendesk"}

// TestSecretInPlaceOfTheSignature is about a sender that is set up to send the
// secret itself where its signature belongs.
func TestSecretInPlaceOfTheSignature(t *testing.T) {
	t.Parallel()
	suites, err := verifiertest.Load(verifiertest.Vectors)
	if err != nil {
		t.Fatal(err)
	}
	sampled := 0
	for _, s := range suites {
		p, _ := providers.Lookup(s.Provider)
		for i := range s.Tests {
			v := s.Tests[i]
			if v.Want.Result != "ok" || len(v.Keys) == 0 {
				continue
			}
			secrets, _, _ := secretsOf(t, p, &v)
			if len(secrets) == 0 {
				break
			}
			v.Request.Header = v.Request.Header.Clone()
			placer, ok := p.Scheme.(verifiers.Placer)
			if !ok {
				break
			}
			for _, name := range sourceHeaders(placer.Places().Signature) {
				if v.Request.Header[name] != nil {
					v.Request.Header[name] = []string{v.Keys[0].Secret}
				}
			}
			c := newCatalogueRoute(t, p, &v)
			c.handle(t, &v, credentialHeaders)
			for _, e := range c.samples.all() {
				sampled++
				text, err := json.Marshal(e.Request)
				if err != nil {
					t.Fatal(err)
				}
				if strings.Contains(string(text), v.Keys[0].Secret) && !slices.Contains(sameForm, s.Provider) {
					t.Errorf("%s %d: %s: what is kept holds the secret: %s", s.Provider, v.ID, e.Detail, text)
				}
			}
			break
		}
	}
	if sampled < 100 {
		t.Errorf("got %d samples: the test does not look at what it should", sampled)
	}
}

// TestSamplesOfTheCatalogue is about requests that a wrong secret refuses: with
// the right one they can be let out of quarantine later.
func TestSamplesOfTheCatalogue(t *testing.T) {
	t.Parallel()
	suites, err := verifiertest.Load(verifiertest.Vectors)
	if err != nil {
		t.Fatal(err)
	}
	var verified, credentials int
	for _, s := range suites {
		p, _ := providers.Lookup(s.Provider)
		i := slices.IndexFunc(s.Tests, func(v verifiertest.Vector) bool { return v.Want.Result == "ok" })
		if i < 0 {
			continue
		}
		v := &s.Tests[i]
		c := newCatalogueRoute(t, p, v)
		secrets, credential, inBody := secretsOf(t, p, v)
		c.fails, c.refuse = true, false
		if res := c.handle(t, v, credentialHeaders); res.Outcome != gateway.BadSignature {
			continue // such as a content type that is refused before
		}
		samples := c.samples.all()
		if len(samples) != 1 && !inBody {
			t.Errorf("%s: got %d samples, want 1", s.Provider, len(samples))
		}
		if len(samples) != 1 {
			continue
		}
		e := samples[0]
		checkNoSecret(t, append(secrets, "zZsecretZz"), &e)
		switch res := c.route.Retry(t.Context(), &e, false); {
		case credential, errors.Is(res.Err, gateway.ErrProofNotKept):
			credentials++
			if !errors.Is(res.Err, gateway.ErrProofNotKept) || len(c.pub.Events()) > 0 {
				t.Errorf("%s: got %v %v, want ErrProofNotKept", s.Provider, res.Outcome, res.Err)
			}
		case slices.Contains(notEnough, s.Provider):
			if res.Outcome != gateway.BadSignature {
				t.Errorf("%s: got %v: what is kept is enough by now", s.Provider, res.Outcome)
			}
		case !res.Outcome.Success():
			t.Errorf("%s: tried again: %v %v", s.Provider, res.Outcome, res.Err)
		default:
			verified++
			for _, got := range c.pub.Events() {
				if got.Trust == gateway.Unverified || got.Released != "retry" {
					t.Errorf("%s: got %+v", s.Provider, got)
				}
			}
		}
	}
	if verified < 100 || credentials < 20 {
		t.Errorf("got %d and %d: the test does not look at what it should", verified, credentials)
	}
}
