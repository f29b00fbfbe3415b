package verifiers

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestProve(t *testing.T) {
	t.Parallel()
	sig := Header("X-Sig")
	at := time.Unix(1767323045, 0)
	stamped := Signed{Signature: sig.KV("v1"), Content: "{timestamp}.{body}", Timestamp: sig.KV("t")}
	for _, tt := range []struct {
		name   string
		scheme Scheme
		golden Golden
		want   string // "" if it proves
	}{
		{
			"body",
			HMAC{Hash: SHA256, Signed: Signed{Signature: sig.Trim("sha256="), Content: "{body}"}},
			Golden{Secret: "s3cret", Body: []byte("hello"), Header: map[string]string{"x-sig": "sha256=" + sum256("s3cret", "hello")}},
			"",
		},
		{
			"timestamp and two signatures",
			HMAC{Hash: SHA256, Signed: stamped},
			Golden{
				Secret: "s3cret", Body: []byte("hello"), At: at,
				Header: map[string]string{"X-Sig": "t=1767323045,v1=" + sum256("old", "x") + ",v1=" + sum256("s3cret", "1767323045.hello")},
			},
			"",
		},
		{
			"URL and method",
			HMAC{Hash: SHA256, Signed: Signed{Signature: Query("sig"), Content: "{req:method}{req:path}{body}"}},
			Golden{Secret: "s3cret", Method: "PUT", URL: "https://h.example.com/in?sig=" + sum256("s3cret", "PUT/inhello"), Body: []byte("hello")},
			"",
		},
		{
			"header",
			HMAC{Hash: SHA256, Signed: Signed{Signature: sig, Content: "{header:X-Id}.{body}"}},
			Golden{Secret: "s3cret", Body: []byte("hello"), Header: map[string]string{"X-Sig": sum256("s3cret", "i-1.hello"), "X-Id": "i-1"}},
			"",
		},
		{"token", Token{Source: Header("X-Token")}, Golden{Secret: "s3cret", Header: map[string]string{"X-Token": "s3cret"}}, ""},
		{
			"another secret",
			HMAC{Hash: SHA256, Signed: Signed{Signature: sig, Content: "{body}"}},
			Golden{Secret: "0ther", Body: []byte("hello"), Header: map[string]string{"X-Sig": sum256("s3cret", "hello")}},
			"the example is refused: test: header X-Sig: mismatch (wrong_secret",
		},
		{
			"another hash",
			HMAC{Hash: SHA256, Signed: Signed{Signature: sig, Content: "{body}"}},
			Golden{Secret: "s3cret", Body: []byte("hello"), Header: map[string]string{"X-Sig": sum1("s3cret", "hello")}},
			"(algorithm_mismatch: the hash is sha1 where sha256 is due)",
		},
		{
			"a newline too many",
			HMAC{Hash: SHA256, Signed: Signed{Signature: sig, Content: "{body}"}},
			Golden{Secret: "s3cret", Body: []byte("hello\n"), Header: map[string]string{"X-Sig": sum256("s3cret", "hello")}},
			"(body_modified: a newline was added at the end)",
		},
		{
			"no clock",
			HMAC{Hash: SHA256, Signed: stamped},
			Golden{Secret: "s3cret", Body: []byte("hello"), Header: map[string]string{"X-Sig": "t=1767323045,v1=" + sum256("s3cret", "1767323045.hello")}},
			"the example is refused: test: header X-Sig: future",
		},
		{"no secret", HMAC{Hash: SHA256, Signed: Signed{Signature: sig, Content: "{body}"}}, Golden{}, "no key"},
		{"relative URL", Token{Source: Header("X-Token")}, Golden{Secret: "s", URL: "/in"}, "not absolute"},
		{
			"header twice",
			Token{Source: Header("X-Token")},
			Golden{Secret: "s", Header: map[string]string{"x-token": "s", "X-Token": "s"}},
			"header X-Token is there twice",
		},
		{
			"nothing of the body although it is said",
			HMAC{Hash: SHA256, Signed: Signed{
				Signature: sig, Content: "{custom}", CustomCovers: Coverage{Body: true},
				Custom: func(dst []byte, _ *Request) ([]byte, error) { return append(dst, "fixed"...), nil },
			}},
			Golden{Secret: "s3cret", Body: []byte("hello"), Header: map[string]string{"X-Sig": sum256("s3cret", "fixed")}},
			"the example is accepted after a bit of the body was flipped",
		},
		{
			"a scheme that checks nothing",
			trusting{},
			Golden{Secret: "s3cret", Header: map[string]string{"X-Sig": "abc"}},
			"the example is accepted after a bit of the signature was flipped",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := Provider{Name: "test", Scheme: tt.scheme}.Prove(t.Context(), tt.golden)
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("got %v, want success", err)
			case tt.want != "" && (!errors.Is(err, ErrGolden) || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("got %v, want an error with %q", err, tt.want)
			}
		})
	}
}

// trusting is a scheme that accepts whatever has a signature.
type trusting struct{}

func (trusting) Build(string, Config) (Verifier, error) { return trustingVerifier{}, nil }
func (trusting) Places() Places                         { return Places{Signature: Header("X-Sig")} }

// TestProveOfKeysFromTheNetwork proves a scheme with the key set that an example
// holds.
func TestProveOfKeysFromTheNetwork(t *testing.T) {
	t.Parallel()
	const where = "https://acme.example/keys"
	p := Provider{Name: "test", Scheme: JWT{
		Token: Header("Authorization").Trim("Bearer "), Algorithms: []string{"ES256"}, JWKS: where,
	}}
	private, err := NewPrivateKey("p256", testSigners()["p256"])
	if err != nil {
		t.Fatal(err)
	}
	req := testRequest(t, "")
	if err := p.Sign(req, Config{Keys: Keys{private}}, time.Unix(1700000000, 0)); err != nil {
		t.Fatal(err)
	}
	g := Golden{
		At: time.Unix(1700000000, 0), Header: map[string]string{"Authorization": req.Header.Get("Authorization")},
		Documents: map[string]string{where: string(keySetOf(t))},
	}
	if err := p.Prove(t.Context(), g); err != nil {
		t.Errorf("got %v, want success", err)
	}
	g.Documents = nil
	if err := p.Prove(t.Context(), g); !errors.Is(err, ErrGolden) || !errors.Is(err, ErrUnavailable) {
		t.Errorf("without the key set: got %v, want %v", err, ErrUnavailable)
	}
}

type trustingVerifier struct{}

func (trustingVerifier) Verify(_ context.Context, r *Request) (Result, error) {
	if r.Header.Get("X-Sig") == "" {
		return Result{}, &Error{Provider: "test", Err: ErrMissing}
	}
	return Result{Scheme: "trust", Covers: &Coverage{}}, nil
}
