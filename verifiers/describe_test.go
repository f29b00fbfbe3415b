package verifiers

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestSchemeJSONRoundTrip(t *testing.T) {
	t.Parallel()
	text := Signed{
		Signature: First(Header("A-Sig").KV("v1"), Header("B-Sig").Split(" ").Trim("v1,")), Encoding: Base64,
		Content: "{id}.{timestamp}.{body}", Timestamp: JSON("/t"), Unit: Milliseconds, Tolerance: 90 * time.Second,
		ID: Join("/", Query("a"), Form("b")), Key: KeyText,
	}
	public := text
	public.Key = KeyAny
	for _, s := range []Scheme{
		HMAC{Hash: SHA512, Signed: text},
		Ed25519{public},
		ECDSA{Hash: SHA256, Raw: true, Signed: public},
		RSA{Hash: SHA256, PSS: true, Signed: public},
		JWT{
			Token: Header("Authorization").Trim("Bearer "), Algorithms: []string{"RS256"}, JWKS: "https://example.com/k",
			Pin: Pin{Hosts: []string{"example.com"}}, Issuers: []string{"i"}, Audience: "a", BodyHash: "h",
			RequireExpiry: true, Tolerance: time.Minute,
		},
		Token{Source: Query("token"), Key: KeyHex},
		Basic{},
	} {
		data, err := MarshalScheme(s)
		if err != nil {
			t.Fatal(err)
		}
		got, err := UnmarshalScheme(data)
		if err != nil {
			t.Errorf("%s: %v", data, err)
			continue
		}
		if !reflect.DeepEqual(got, s) {
			t.Errorf("got %+v, want %+v", got, s)
		}
	}
}

func TestUnmarshalScheme(t *testing.T) {
	t.Parallel()
	got, err := UnmarshalScheme([]byte(`{"scheme":"hmac","hash":"sha256","signature":{"header":"x-sig","prefix":"v0="},
		"timestamp":{"header":"x-time"},"content":"{timestamp}{body}","tolerance":"2m30s"}`))
	want := HMAC{Hash: SHA256, Signed: Signed{
		Signature: Header("X-Sig").Trim("v0="), Timestamp: Header("X-Time"), Content: "{timestamp}{body}", Tolerance: 150 * time.Second,
	}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	for name, text := range map[string]string{
		"not an object":         `[]`,
		"no name":               `{"hash":"sha256"}`,
		"unknown name":          `{"scheme":"md5"}`,
		"unknown field":         `{"scheme":"basic","user":"x"}`,
		"field in another case": `{"scheme":"token","Source":{"header":"X"}}`,
		"unknown inner field":   `{"scheme":"token","source":{"header":"X","cookie":"y"}}`,
		"tolerance is a number": `{"scheme":"hmac","hash":"sha256","signature":{"header":"X"},"content":"{body}","tolerance":300}`,
		"tolerance is no time":  `{"scheme":"hmac","hash":"sha256","signature":{"header":"X"},"content":"{body}","tolerance":"5 min"}`,
		"no hash":               `{"scheme":"hmac","signature":{"header":"X"},"content":"{body}"}`,
		"no signature":          `{"scheme":"hmac","hash":"sha256","content":"{body}"}`,
		"bad template":          `{"scheme":"hmac","hash":"sha256","signature":{"header":"X"},"content":"{bod}"}`,
		"two places":            `{"scheme":"token","source":{"header":"X","query":"y"}}`,
	} {
		if s, err := UnmarshalScheme([]byte(text)); err == nil || s != nil {
			t.Errorf("%s: got %+v, %v", name, s, err)
		}
	}
}

func TestMarshalSchemeRefuses(t *testing.T) {
	t.Parallel()
	custom := githubScheme
	custom.Custom = func(dst []byte, _ *Request) ([]byte, error) { return dst, nil }
	for _, s := range []Scheme{custom, nil, foreign{}} {
		if data, err := MarshalScheme(s); err == nil {
			t.Errorf("%T: got %s", s, data)
		}
	}
}

// foreign is a [Scheme] of another package, which knows no sender's side.
type foreign struct{}

func (foreign) Build(string, Config) (Verifier, error) { return VerifierFunc(nil), nil }

func TestProviderOptions(t *testing.T) {
	t.Parallel()
	p := Provider{
		Name: "test", Scheme: githubScheme,
		Options: []Option{{Name: "needed", Required: true}, {Name: "other"}},
	}
	for name, tt := range map[string]struct {
		options map[string]string
		want    error
	}{
		"all":     {map[string]string{"needed": "x", "other": "y"}, nil},
		"needed":  {map[string]string{"needed": "x"}, nil},
		"missing": {nil, ErrOption},
		"blank":   {map[string]string{"needed": " "}, ErrOption},
		"unknown": {map[string]string{"needed": "x", "typo": "y"}, ErrOption},
	} {
		v, err := p.New(Config{Keys: testKeys(t, "secret"), Options: tt.options})
		if !errors.Is(err, tt.want) || (v == nil) != (tt.want != nil) || err != nil && !strings.HasPrefix(err.Error(), "test: ") {
			t.Errorf("%s: got %v, %v, want %v", name, v, err, tt.want)
		}
	}
	if v, err := (Provider{Name: "test"}).New(Config{Keys: testKeys(t, "secret")}); err == nil || v != nil {
		t.Errorf("no scheme: got %v, %v", v, err)
	}
	if _, err := p.New(Config{Keys: testKeys(t, "secret"), Options: map[string]string{"needed": "x"}, Tolerance: -1}); err == nil {
		t.Error("a negative tolerance: got success")
	}
}

func TestProviderCheck(t *testing.T) {
	t.Parallel()
	good := Provider{
		Name: "test-1", Scheme: githubScheme, ID: Header("X-Id"), Headers: []string{"X-Id"}, Methods: []string{"POST"},
		Options: []Option{{Name: "token"}},
		Handshakes: []Handshake{{
			Name: "h", When: []Match{Query("a").Present()}, Token: Query("t"), TokenOption: "token", Reply: Echo(Query("c")),
		}},
	}
	if err := good.Check(); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*Provider){
		"not a provider's name":   func(p *Provider) { p.Name = "Test" },
		"there is none":           func(p *Provider) { p.Scheme = nil },
		"unknown hash":            func(p *Provider) { p.Scheme = HMAC{Hash: "crc32"} },
		`must be written "X-Id"`:  func(p *Provider) { p.ID.Header = "x-id" },
		`must be written "X-Two"`: func(p *Provider) { p.Headers = []string{"X-TWO"} },
		"more than one place":     func(p *Provider) { p.Type = Source{Query: "a", Form: "b"} },
		"not a JSON Pointer":      func(p *Provider) { p.Time = JSON("/a~2") },
		"belong to the sources":   func(p *Provider) { p.Type = First(Query("a")).Trim("x") },
		"is not a method":         func(p *Provider) { p.Methods = []string{"post"} },
		"negative":                func(p *Provider) { p.MaxBody = -1 },
		"option other is unknown": func(p *Provider) { p.Handshakes[0].TokenOption = "other" },
		"go together":             func(p *Provider) { p.Handshakes[0].TokenOption = "" },
		"not pinned":              func(p *Provider) { p.Handshakes[0].Confirm = JSON("/url") },
		"more than one body":      func(p *Provider) { p.Handshakes[0].Reply.Body = "x" },
		"it has no name":          func(p *Provider) { p.Handshakes[0].Name = "" },
		"the source is empty":     func(p *Provider) { p.Handshakes[0].When = []Match{{}} },
		"missing closing )":       func(p *Provider) { p.Handshakes[0].When = []Match{Query("a").Like("(")} },
	} {
		p := good
		p.Handshakes = []Handshake{good.Handshakes[0]}
		change(&p)
		if err := p.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
}

func TestMatch(t *testing.T) {
	t.Parallel()
	a := Query("a")
	for _, tt := range []struct {
		match Match
		query string
		want  bool
	}{
		{a.Is("x"), "a=x", true},
		{a.Is("x"), "a=X", false},
		{a.Is("x"), "", false},
		{a.Present(), "a=x", true},
		{a.Present(), "a=", false},
		{a.Present(), "a=x&a=y", false},
		{a.Absent(), "", true},
		{a.Absent(), "a=x", false},
		{a.Absent(), "a=x&a=y", false},
		{a.Like("[0-9a-f]{2,4}"), "a=0f", true},
		{a.Like("[0-9a-f]{2,4}"), "a=0", false},
		{a.Like("[0-9a-f]{2,4}"), "a=0f0f0", false},
		{a.Like("[0-9a-f]{2,4}"), "a=0f%0A", false},
		{a.Like("x|y"), "a=xz", false},
		{a.Like("x|y"), "a=y", true},
		{a.Like("("), "a=(", false},
	} {
		req := testRequest(t, "")
		req.URL.RawQuery = tt.query
		if got := tt.match.In(req); got != tt.want {
			t.Errorf("%+v in %q: got %t, want %t", tt.match, tt.query, got, tt.want)
		}
	}
}

func TestProviderSign(t *testing.T) {
	t.Parallel()
	p := Provider{Name: "test", Scheme: HMAC{Hash: SHA256, Signed: Signed{
		Signature: Header("Stripe-Signature").KV("v1"), Timestamp: Header("Stripe-Signature").KV("t"), Content: "{timestamp}.{body}",
	}}}
	cfg := Config{Keys: testKeys(t, "secret")}
	req := testRequest(t, "body", "Stripe-Signature", "t=1,v0=kept")
	if err := p.Sign(req, cfg, time.Unix(1700000000, 0)); err != nil {
		t.Fatal(err)
	}
	if got := req.Header.Get("Stripe-Signature"); !strings.HasPrefix(got, "v0=kept,t=1700000000,v1=") {
		t.Errorf("got %q", got)
	}
	p.Scheme = foreign{}
	if err := p.Sign(req, cfg, time.Now()); err == nil {
		t.Error("a scheme that cannot sign: got success")
	}
	p.Scheme = githubScheme
	if err := p.Sign(req, Config{}, time.Now()); !errors.Is(err, ErrNoKeys) {
		t.Errorf("without keys: got %v, want %v", err, ErrNoKeys)
	}
}
