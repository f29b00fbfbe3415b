package cli

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/schemas"
	"github.com/caddy-webhooks/caddy-webhooks/schemas/bundled"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/providers"
)

// cannotSign are the providers that nobody but the sender can play, and why.
var cannotSign = map[string]string{
	"connectwise-psa": "the secret is at a URL of the sender, and nobody knows it",
	"ramp-network":    "it signs on the curve secp256k1, for which no private keys are read",
}

// lacking says what samples lack because the senders do.
var lacking = map[string][]string{
	"kontent-ai": {"id"}, // only the older form has one
}

var testSigners = sync.OnceValue(func() []crypto.Signer {
	_, ed, err1 := ed25519.GenerateKey(rand.Reader)
	p256, err2 := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	p521, err3 := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	rs, err4 := rsa.GenerateKey(rand.Reader, 2048)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		panic(err)
	}
	return []crypto.Signer{ed, p256, p521, rs}
})

// documents is a [verifiers.Fetcher] of texts.
type documents map[string]string

func (d documents) Fetch(_ context.Context, pin verifiers.Pin, url string) ([]byte, error) {
	if err := pin.Check(url); err != nil {
		return nil, err
	}
	text, ok := d[url]
	if !ok {
		return nil, errors.New("there is no such document")
	}
	return []byte(text), nil
}

// played is a provider with a sender's key and a receiver's configuration for it.
type played struct {
	provider         verifiers.Provider
	sender, receiver verifiers.Config
}

// play finds a key with which the provider can be played: one that its receivers
// take and that signs what they accept.
func play(t *testing.T, p verifiers.Provider) (played, *verifiers.Request) {
	t.Helper()
	options := SampleOptions(p.Name)
	var keys []*verifiers.Key
	for _, signer := range testSigners() {
		key, err := verifiers.NewPrivateKey("test", signer)
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key)
	}
	for _, secret := range []string{strings.Repeat("6f0c4ed2b8a1937d", 4), "hooks:" + strings.Repeat("6f0c4ed2b8a1937d", 4)} {
		key, err := verifiers.NewKey("test", []byte(secret))
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key)
	}
	u, now := endpoint(t, p), time.Now()
	var problems []error
	for _, key := range keys {
		pl := played{provider: p, sender: verifiers.Config{Keys: verifiers.Keys{key}, Options: options}}
		pl.receiver = pl.sender
		if server, ok := p.Scheme.(verifiers.KeyServer); ok {
			served, err := server.Serve(key, options)
			if err != nil {
				problems = append(problems, err)
				continue
			}
			if len(served.Documents)+len(served.Options) > 0 {
				pl.receiver.Fetcher = documents(served.Documents)
				pl.receiver.Options = maps.Clone(options)
				maps.Copy(pl.receiver.Options, served.Options)
				if len(served.Documents) > 0 {
					pl.receiver.Keys = nil
				}
			}
		}
		if _, err := p.New(pl.receiver); err != nil {
			problems = append(problems, err)
			continue
		}
		req, err := Draft(p, DraftOptions{URL: u, At: now})
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Sign(req, pl.sender, now); err != nil {
			problems = append(problems, err)
			continue
		}
		return pl, req
	}
	t.Fatalf("no key will do: %v", errors.Join(problems...))
	return played{}, nil
}

func endpoint(t *testing.T, p verifiers.Provider) *url.URL {
	t.Helper()
	u, err := url.Parse("https://hooks.example.com/" + p.Name)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// again is the request as a receiver sees it.
func again(req *verifiers.Request) *verifiers.Request {
	return &verifiers.Request{Method: req.Method, URL: req.URL, Header: req.Header.Clone(), Body: req.Body}
}

// Every provider of the catalogue can be played, but for the few that are listed:
// its sample is signed, accepted by what verifies, and has id, type and time where
// the profile says; with another key it is refused; and the next has another id.
func TestSamples(t *testing.T) {
	t.Parallel()
	n := 0
	for _, p := range providers.All() {
		if p.Name == providers.HMAC.Name || cannotSign[p.Name] != "" {
			continue // the first is whatever the operator describes
		}
		n++
		t.Run(p.Name, func(t *testing.T) {
			t.Parallel()
			pl, signed := play(t, p)
			v, err := p.New(pl.receiver)
			if err != nil {
				t.Fatal(err)
			}
			req := again(signed)
			if _, err := v.Verify(t.Context(), req); err != nil {
				t.Fatalf("it is refused: %v\n%s %s\n%v\n%s", err, req.Method, req.URL, req.Header, req.Body)
			}
			checkPlaces(t, p, req)
			checkLimits(t, p, req)
			second, err := Draft(p, DraftOptions{URL: endpoint(t, p)})
			if err != nil {
				t.Fatal(err)
			}
			if err := p.Sign(second, pl.sender, time.Now()); err != nil {
				t.Fatal(err)
			}
			if id, err := p.ID.Lookup(req); err == nil {
				if other, _ := p.ID.Lookup(again(second)); other == id {
					t.Errorf("two events have the id %s", id)
				}
			}
			otherKey(t, pl)
		})
	}
	t.Logf("%d of %d providers can be played", n, len(providers.All()))
}

// checkPlaces wants id, type and time where the profile says that they are.
func checkPlaces(t *testing.T, p verifiers.Provider, req *verifiers.Request) {
	t.Helper()
	for name, s := range map[string]verifiers.Source{"id": p.ID, "type": p.Type, "time": p.Time} {
		if s.IsZero() || slices.Contains(lacking[p.Name], name) {
			continue
		}
		value, err := s.Lookup(req)
		switch {
		case err != nil || value == "":
			t.Errorf("%s, in %s: %v", name, s, err)
		case name == "time":
			form := timeForm(value)
			if form == nil {
				t.Errorf("the time %q is in no form that is known", value)
			} else if now := form(time.Now()); now[:4] != value[:4] {
				t.Errorf("the time is %s, want one about %s", value, now)
			}
		}
	}
	if p.Batch != nil {
		elements, err := p.Batch.Split(req)
		if err != nil || elements != nil && elements.Len() != 1 {
			t.Errorf("want one event in the request (%v)", err)
		}
	}
}

// checkLimits wants a method and a media type that the profile accepts.
func checkLimits(t *testing.T, p verifiers.Provider, req *verifiers.Request) {
	t.Helper()
	methods := p.Methods
	if len(methods) == 0 {
		methods = []string{http.MethodPost}
	}
	media, _, _ := strings.Cut(req.Header.Get("Content-Type"), ";")
	switch {
	case !slices.Contains(methods, req.Method):
		t.Errorf("the method is %s, want one of %v", req.Method, methods)
	case len(p.ContentTypes) > 0 && !slices.Contains(p.ContentTypes, media):
		t.Errorf("the media type is %q, want one of %v", media, p.ContentTypes)
	case p.NeedsJSON && !json.Valid(req.Body):
		t.Errorf("the body is no JSON: %s", req.Body)
	}
	for _, h := range p.Handshakes {
		if h.Method != "" && h.Method != req.Method || len(h.When) == 0 {
			continue
		}
		if !slices.ContainsFunc(h.When, func(m verifiers.Match) bool { return !m.In(req) }) {
			t.Errorf("it is taken for the handshake %s", h.Name)
		}
	}
}

// otherKey wants the event refused that was signed with another key.
func otherKey(t *testing.T, pl played) {
	t.Helper()
	p := pl.provider
	receiver := pl.receiver
	key := pl.sender.Keys.(verifiers.Keys)[0] //nolint:forcetypeassert // play made it
	other, err := verifiers.NewKey("test", []byte(strings.Repeat("0123456789abcdef", 4)))
	if _, buildErr := p.New(verifiers.Config{Keys: verifiers.Keys{other}, Options: receiver.Options, Fetcher: receiver.Fetcher}); buildErr != nil {
		other, err = verifiers.NewKey("test", []byte("hooks:"+strings.Repeat("0123456789abcdef", 4)))
	}
	if public := key.Public(); public != nil {
		var private crypto.Signer
		switch public := public.(type) {
		case *ecdsa.PublicKey:
			private, err = ecdsa.GenerateKey(public.Curve, rand.Reader)
		case ed25519.PublicKey:
			_, private, err = ed25519.GenerateKey(rand.Reader)
		default:
			private, err = rsa.GenerateKey(rand.Reader, 2048)
		}
		if err == nil {
			other, err = verifiers.NewPrivateKey("test", private)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	req, err := Draft(p, DraftOptions{URL: endpoint(t, p)})
	if err == nil {
		err = p.Sign(req, verifiers.Config{Keys: verifiers.Keys{other}, Options: pl.sender.Options}, time.Now())
	}
	if err != nil {
		t.Fatalf("signing with another key: %v", err)
	}
	v, err := p.New(receiver)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.Verify(t.Context(), again(req)); err == nil {
		t.Error("an event that was signed with another key is accepted")
	}
}

// A type of which there is no sample has the payload of the nearest one.
func TestSampleOfAType(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ provider, kind, pointer, want string }{
		{"github", "issues.opened", "/issue/number", "42"},
		{"github", "issues.transferred", "/issue/number", "42"},
		{"github", "ping", "/zen", "Keep it logically awesome."},
		{"github", "of_tomorrow", "/ref", "refs/heads/main"},
		{"stripe", "charge.refunded", "/data/object/object", "charge"},
		{"stripe", "charge.dispute.created", "/data/object/object", "dispute"},
		{"shopify", "customers/enable", "/email", "someone@example.com"},
		{"mailgun", "opened", "/event-data/event", "opened"},
	} {
		p, ok := providers.Lookup(tt.provider)
		if !ok {
			t.Fatalf("there is no %s", tt.provider)
		}
		req, err := Draft(p, DraftOptions{URL: endpoint(t, p), Type: tt.kind})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := verifiers.JSON(tt.pointer).Lookup(req); err != nil || got != tt.want {
			t.Errorf("%s, %s: %s is %q (%v), want %q: %s", tt.provider, tt.kind, tt.pointer, got, err, tt.want, req.Body)
		}
		if got, err := p.Type.Lookup(req); err != nil || got != tt.kind {
			t.Errorf("%s: the type is %q (%v), want %s", tt.provider, got, err, tt.kind)
		}
	}
}

// Options that a receiver must have are those of the sample if nobody names others.
func TestSampleOptionsAreThePreset(t *testing.T) {
	t.Parallel()
	p, ok := providers.Lookup("braintree")
	if !ok {
		t.Fatal("there is no such provider")
	}
	var notes bytes.Buffer
	o := SendOptions{Provider: p.Name, Notes: &notes, Getenv: func(string) string { return "" }}
	options, err := o.parseOptions(p)
	if err != nil || options["public_key"] != SampleOptions(p.Name)["public_key"] || options["public_key"] == "" {
		t.Errorf("got %v, %v", options, err)
	}
	if !strings.Contains(notes.String(), "option public_key "+options["public_key"]+": name another with --option") {
		t.Errorf("the note is %q", notes.String())
	}
	o.Options = []string{"public_key=mine"}
	if options, err := o.parseOptions(p); err != nil || options["public_key"] != "mine" {
		t.Errorf("got %v, %v", options, err)
	}
}

// A draft, and what was signed, may be changed: nothing of what they were is kept.
func TestDraftMayBeChanged(t *testing.T) {
	t.Parallel()
	p, ok := providers.Lookup("slack")
	if !ok {
		t.Fatal("there is no such provider")
	}
	key, err := verifiers.NewKey("k", []byte("secret"))
	if err != nil {
		t.Fatal(err)
	}
	req, err := Draft(p, DraftOptions{URL: endpoint(t, p)})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"Ev1", "Ev2"} {
		req.Body = []byte(`{"event_id":"` + id + `"}`)
		if got, err := verifiers.JSON("/event_id").Lookup(req); err != nil || got != id {
			t.Errorf("the id is %q (%v), want %s", got, err, id)
		}
		if err := p.Sign(req, verifiers.Config{Keys: verifiers.Keys{key}}, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
}

// What a receiver may keep and refuse when it comes again is new each time.
func TestSampleNonces(t *testing.T) {
	t.Parallel()
	for name, place := range map[string]verifiers.Source{
		"mailgun": verifiers.JSON("/signature/token"), "moov": verifiers.Header("X-Nonce"), "wechat-official": verifiers.Query("nonce"),
		"rapyd": verifiers.Header("Salt"), "linq": verifiers.Header("Webhook-Id"), "paypal": verifiers.Header("Paypal-Transmission-Id"),
	} {
		p, ok := providers.Lookup(name)
		if !ok {
			t.Fatalf("there is no %s", name)
		}
		values := map[string]bool{}
		for range 2 {
			req, err := Draft(p, DraftOptions{URL: endpoint(t, p)})
			if err != nil {
				t.Fatal(err)
			}
			value, err := place.Lookup(req)
			if err != nil {
				t.Errorf("%s: %s: %v", name, place, err)
			}
			values[value] = true
		}
		if len(values) != 2 {
			t.Errorf("%s: %s came twice: %v", name, place, values)
		}
	}
}

// Every sample belongs to a provider, and every provider has one.
func TestSampleFiles(t *testing.T) {
	t.Parallel()
	entries, err := samples.ReadDir("samples")
	if err != nil {
		t.Fatal(err)
	}
	have := map[string]bool{}
	for _, e := range entries {
		name, isFile := strings.CutSuffix(e.Name(), ".json")
		if !isFile {
			continue
		}
		have[name] = true
		p, ok := providers.Lookup(name)
		if !ok || p.Name != name {
			t.Errorf("samples/%s: there is no such provider", e.Name())
		}
		text, err := samples.ReadFile("samples/" + e.Name())
		if err != nil {
			t.Fatal(err)
		}
		var s sample
		dec := json.NewDecoder(bytes.NewReader(text))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&s); err != nil {
			t.Errorf("samples/%s: %v", e.Name(), err)
		}
	}
	for _, p := range providers.All() {
		if !have[p.Name] && p.Name != providers.HMAC.Name {
			t.Errorf("there is no samples/%s.json", p.Name)
		}
	}
}

// Samples fit the schemas that come with the program, those of other types too, so
// that a route with them can be tried out.
func TestSamplesFitBundledSchemas(t *testing.T) {
	t.Parallel()
	u := &url.URL{Scheme: "https", Host: "hooks.example.com", Path: "/"}
	n := 0
	inType := strings.NewReplacer("+", "/", "=", ":")
	for _, name := range bundled.Providers() {
		p, ok := providers.Lookup(name)
		if !ok {
			continue
		}
		fsys, _ := bundled.FS(name)
		set, err := schemas.Load(schemas.Config{FS: fsys, Name: "bundled/" + name})
		if err != nil {
			t.Fatal(err)
		}
		kinds := []string{""}
		entries, _ := samples.ReadDir("samples/types/" + name) // most have none
		for _, e := range entries {
			kinds = append(kinds, inType.Replace(strings.TrimSuffix(strings.TrimSuffix(e.Name(), ".json"), ".form")))
		}
		for _, kind := range kinds {
			n++
			req, err := Draft(p, DraftOptions{URL: u, Type: kind})
			if err != nil {
				t.Fatal(err)
			}
			checkSchema(t, p, set, kind, req)
		}
	}
	if n < 250 {
		t.Errorf("%d samples were looked at, want 250 or more", n)
	}
}

// checkSchema wants every event of the request to fit.
func checkSchema(t *testing.T, p verifiers.Provider, set *schemas.Set, kind string, req *verifiers.Request) {
	t.Helper()
	got, err := p.Type.Lookup(req)
	if err != nil && !p.Type.IsZero() {
		t.Errorf("%s, %s: the type: %v", p.Name, kind, err)
		return
	}
	bodies := [][]byte{req.Body}
	if p.Batch != nil {
		elements, err := p.Batch.Split(req)
		if err != nil {
			t.Fatalf("%s, %s: %v", p.Name, kind, err)
		}
		if elements != nil {
			bodies = nil
			for i := range elements.Len() {
				bodies = append(bodies, elements.Request(i).Body)
				if own, err := p.Batch.Type.Lookup(elements.Request(i)); err == nil {
					got = own
				}
			}
		}
	}
	if kind != "" && got != kind {
		t.Errorf("%s: the type is %q, want %q", p.Name, got, kind)
	}
	for _, body := range bodies {
		payload := payloadOf(t, req, body)
		if name, err := set.Validate(got, payload); err != nil {
			t.Errorf("%s, %s: %s: %v", p.Name, got, name, err)
		}
	}
}

// payloadOf is what a gateway hands to a schema.
func payloadOf(t *testing.T, req *verifiers.Request, body []byte) any {
	t.Helper()
	if req.Header.Get("Content-Type") == mediaForm {
		fields, err := req.Form()
		if err != nil {
			t.Fatal(err)
		}
		object := map[string]any{}
		for name := range fields {
			object[name] = fields.Get(name)
		}
		return object
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	return v
}
