package providers_test

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/providers"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/verifiertest"
)

// mandatory are the flags that every signature needs a vector for, in the order
// of what they need besides: nothing, a place other than a body, a key that is
// configured, a signed time, a place of its own for that.
var (
	mandatory = []string{
		"Valid", "ModifiedBody", "ModifiedSignature", "TruncatedSignature", "EmptySignature",
		"MissingHeader",
	}
	mandatoryPlaced  = []string{"DuplicateHeader"}
	mandatoryKeyed   = []string{"WrongKey", "SecondKey"}
	mandatoryTimed   = []string{"Stale", "Future"}
	mandatoryStamped = []string{"ModifiedTimestamp", "NonNumericTimestamp"}
)

func load(t testing.TB) map[string]verifiertest.Suite {
	t.Helper()
	list, err := verifiertest.Load(verifiertest.Vectors)
	if err != nil {
		t.Fatal(err)
	}
	suites := make(map[string]verifiertest.Suite)
	for _, s := range list {
		suites[s.Provider] = s
	}
	return suites
}

func valid(t testing.TB, s verifiertest.Suite) *verifiertest.Vector {
	t.Helper()
	for i := range s.Tests {
		if s.Tests[i].Has("Valid") {
			return &s.Tests[i]
		}
	}
	t.Fatalf("%s has no valid vector", s.Provider)
	return nil
}

func build(t testing.TB, p verifiers.Provider, v *verifiertest.Vector) verifiers.Verifier {
	t.Helper()
	cfg, err := v.Config()
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := p.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return verifier
}

func request(t testing.TB, v *verifiertest.Vector) *verifiers.Request {
	t.Helper()
	req, err := v.NewRequest()
	if err != nil {
		t.Fatal(err)
	}
	return req
}

// described returns the catalogue without the entry that has no scheme.
func described() []verifiers.Provider {
	return slices.DeleteFunc(providers.All(), func(p verifiers.Provider) bool { return p.Name == "hmac" })
}

func TestVectors(t *testing.T) {
	t.Parallel()
	verifiertest.Run(t, verifiertest.Vectors, providers.Lookup)
}

func TestCatalogue(t *testing.T) {
	t.Parallel()
	suites := load(t)
	name := regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	for _, p := range described() {
		t.Run(p.Name, func(t *testing.T) {
			t.Parallel()
			for _, n := range append([]string{p.Name}, p.Aliases...) {
				if !name.MatchString(n) {
					t.Errorf("%q is not a name", n)
				}
				if q, ok := providers.Lookup(n); !ok || q.Name != p.Name {
					t.Errorf("Lookup(%q): got %q", n, q.Name)
				}
			}
			if _, ok := p.Scheme.(verifiers.Placer); !ok {
				t.Fatal("the scheme does not say where it puts what it needs")
			}
			if !slices.Contains(verifiers.Categories, p.Category) {
				t.Errorf("%q is not a category", p.Category)
			}
			if p.Confidence != verifiers.High && p.Confidence != verifiers.Medium {
				t.Errorf("%q is not a degree of confidence", p.Confidence)
			}
			if p.Setup == "" || p.Retries == "" || len(p.Sources) == 0 {
				t.Errorf("the page lacks setup, retries or sources: %q, %q, %q", p.Setup, p.Retries, p.Sources)
			}
			if p.Title == "" || p.TypePrefix == "" || !strings.HasPrefix(p.Docs, "https://") {
				t.Errorf("title, type prefix or docs are lacking: %q, %q, %q", p.Title, p.TypePrefix, p.Docs)
			}
			if err := p.Check(); err != nil {
				t.Errorf("Check: %v", err)
			}
			for _, h := range p.Headers {
				if h != http.CanonicalHeaderKey(h) {
					t.Errorf("header %s must be written %s", h, http.CanonicalHeaderKey(h))
				}
			}
			for _, o := range p.Options {
				if o.Name == "" || !strings.HasSuffix(o.Doc, ".") {
					t.Errorf("option %q is not documented in a sentence: %q", o.Name, o.Doc)
				}
			}
			s, ok := suites[p.Name]
			if !ok {
				t.Fatal("there are no vectors")
			}
			checkFlags(t, p, s)
			checkBuild(t, p, s, valid(t, s))
		})
	}
	for n := range suites {
		if _, ok := providers.Lookup(n); !ok {
			t.Errorf("there are vectors for %s, which is not in the catalogue", n)
		}
	}
}

// family is the kind of a scheme, without the hash, which a request may choose.
func family(scheme string) string { kind, _, _ := strings.Cut(scheme, "-"); return kind }

// plain returns what can be compared of a coverage.
func plain(c verifiers.Coverage) [6]string {
	sorted := func(list []string) string { return strings.Join(slices.Sorted(slices.Values(list)), " ") }
	return [6]string{
		fmt.Sprint(c.Body, c.URL, c.Method), sorted(c.Headers), sorted(c.Query), sorted(c.Form), sorted(c.Pointers),
	}
}

func checkFlags(t *testing.T, p verifiers.Provider, s verifiertest.Suite) {
	t.Helper()
	var flags []string
	foreign := false
	for _, v := range s.Tests {
		flags = append(flags, v.Flags...)
		foreign = foreign || v.Origin != "self" && v.Want.Result == "ok"
	}
	if !foreign {
		t.Error("no accepted vector comes from anybody but us")
	}
	v := valid(t, s)
	res, err := build(t, p, v).Verify(t.Context(), request(t, v))
	if err != nil {
		t.Fatalf("the valid vector: %v", err)
	}
	if places := p.Scheme.(verifiers.Placer).Places(); plain(places.Covers) != plain(*res.Covers) || family(places.Scheme) != family(res.Scheme) {
		t.Errorf("the scheme says that it is %s and covers %+v, but the request's is %s and covers %+v",
			places.Scheme, plain(places.Covers), res.Scheme, plain(*res.Covers))
	}
	want := slices.Clone(mandatory)
	places := p.Scheme.(verifiers.Placer).Places()
	inBody := places.Signature.Whole || places.Signature.Pointer != ""
	if !inBody {
		want = append(want, mandatoryPlaced...)
	}
	if len(v.Keys) > 0 {
		want = append(want, mandatoryKeyed...)
	}
	if !res.Signed.IsZero() {
		want = append(want, mandatoryTimed...)
	}
	if !places.Timestamp.IsZero() {
		want = append(want, mandatoryStamped...)
	}
	if !res.Covers.Content() || places.Signature.Whole {
		want = slices.DeleteFunc(want, func(f string) bool { return f == "ModifiedBody" })
	}
	for _, f := range want {
		if !slices.Contains(flags, f) {
			t.Errorf("no vector has the flag %s", f)
		}
	}
}

func acceptedWithKey(v verifiertest.Vector) bool { return len(v.Keys) > 0 && v.Want.Result == "ok" }

// checkBuild checks that a verifier is built from what a deployment needs to
// configure, and from nothing less.
func checkBuild(t *testing.T, p verifiers.Provider, s verifiertest.Suite, v *verifiertest.Vector) {
	t.Helper()
	full, err := v.Config()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.New(full); err != nil {
		t.Errorf("building with all that is needed: %v", err)
	}
	if p.SecretHint == "" && len(v.Keys) > 0 || p.SecretHint != "" && !slices.ContainsFunc(s.Tests, acceptedWithKey) {
		t.Errorf("secret hint %q for %d keys", p.SecretHint, len(v.Keys))
	}
	if len(v.Keys) > 0 {
		for _, keys := range []verifiers.KeySource{nil, verifiers.Keys{}, verifiers.Keys(nil)} {
			cfg := full
			cfg.Keys = keys
			if built, err := p.New(cfg); err == nil || built != nil {
				t.Errorf("building with the keys %#v: got %v, %v, want an error", keys, built, err)
			}
		}
	} else if len(v.Certs) > 0 {
		cfg := full
		cfg.Fetcher = nil
		if built, err := p.New(cfg); !errors.Is(err, verifiers.ErrNoFetcher) || built != nil {
			t.Errorf("building without a fetcher: got %v, %v, want %v", built, err, verifiers.ErrNoFetcher)
		}
	}
	for _, o := range p.Options {
		if !o.Required {
			continue
		}
		for _, value := range []string{"", " "} {
			cfg := full
			cfg.Options = maps.Clone(full.Options)
			cfg.Options[o.Name] = value
			if built, err := p.New(cfg); !errors.Is(err, verifiers.ErrOption) || built != nil {
				t.Errorf("building with the option %s %q: got %v, %v, want %v", o.Name, value, built, err, verifiers.ErrOption)
			}
		}
	}
}

// TestProfiles checks facts on which the gateway's promises rest.
func TestProfiles(t *testing.T) {
	t.Parallel()
	for _, p := range described() {
		if p.Success.Status != 0 && p.Success.Status/100 != 2 {
			t.Errorf("%s: success is %d", p.Name, p.Success.Status)
		}
		if p.RetrySpan > 96*time.Hour {
			t.Errorf("%s: the retry span of %v is longer than events are remembered", p.Name, p.RetrySpan)
		}
		for _, h := range p.Handshakes {
			if h.Name == "" {
				t.Errorf("%s: a handshake has no name", p.Name)
			}
			asked := h.Signed && h.ConfirmOption != "" || !h.Token.IsZero() && h.TokenOption != ""
			if !h.Confirm.IsZero() && (len(h.Pin.Hosts) == 0 || !asked) {
				t.Errorf("%s: %s fetches a URL that is not pinned, or that nobody asked for", p.Name, h.Name)
			}
			if !h.Reply.Fixed() && !h.Signed && h.Token.IsZero() && len(h.When) == 0 {
				t.Errorf("%s: %s echoes whatever anybody sends", p.Name, h.Name)
			}
			if h.Reply.ContentType == "text/html" {
				t.Errorf("%s: %s answers with HTML", p.Name, h.Name)
			}
		}
	}
	if p, _ := providers.Lookup("github"); p.MaxBody != 25<<20 || !p.NeverRetries {
		t.Errorf("github: got a limit of %d and never retries %v", p.MaxBody, p.NeverRetries)
	}
}
