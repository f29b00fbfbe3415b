package verifiers

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"strings"
	"testing"
	"time"
)

func sum256(key, text string) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(text))
	return hex.EncodeToString(mac.Sum(nil))
}

func sum1(key, text string) string {
	mac := hmac.New(sha1.New, []byte(key))
	mac.Write([]byte(text))
	return hex.EncodeToString(mac.Sum(nil))
}

func diagnose(t *testing.T, p Provider, cfg Config, req *Request) Diagnosis {
	t.Helper()
	v, err := p.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	_, err = v.Verify(t.Context(), req)
	if err == nil {
		t.Fatal("the request is accepted: there is nothing to diagnose")
	}
	d := p.Diagnose(t.Context(), cfg, req, err)
	if strings.Contains(d.String(), "s3cret") || strings.Contains(d.String(), "whsec_") {
		t.Errorf("the diagnosis shows the secret: %s", d)
	}
	return d
}

func gzipped(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestDiagnoseBody(t *testing.T) {
	t.Parallel()
	p := Provider{Name: "test", Scheme: HMAC{Hash: SHA256, Signed: Signed{Signature: Header("X-Sig"), Content: "{body}"}}}
	for _, tt := range []struct{ sent, received, want string }{
		{`{"a":1}`, "\ufeff" + `{"a":1}`, "body_modified: a byte order mark was added"},
		{"\ufeff" + `{"a":1}`, `{"a":1}`, "body_modified: a byte order mark was removed"},
		{`{"a":1}`, `{"a":1}` + "\n", "body_modified: a newline was added at the end"},
		{`{"a":1}`, `{"a":1}` + "\r\n", "body_modified: CRLF was added at the end"},
		{`{"a":1}` + "\n", `{"a":1}`, "body_modified: the newline at the end was removed"},
		{`[{"a":1}]` + "\r\n", `[{"a":1}]`, "body_modified: the CRLF at the end was removed"},
		{"{\n}\n", "{\r\n}\r\n", "body_modified: LF became CRLF"},
		{"{\r\n}\r\n", "{\n}\n", "body_modified: CRLF became LF"},
		{`{"a":1,"b":"x: y"}`, `{"a": 1, "b": "x: y"}`, "body_modified: JSON was indented"},
		{`{"a": 1, "b": "x:\"y,z"}`, `{"a":1,"b":"x:\"y,z"}`, "body_modified: JSON was written without spaces"},
		{`{"a":"\u00e9\ud83d\ude00"}`, `{"a":"é😀"}`, "body_modified: JSON was written without escaping non-ASCII characters"},
		{`{"a":"\/x"}`, `{"a":"/x"}`, "body_modified: JSON was written without escaping slashes"},
		{`{"a":"\/\u00e9"}`, `{"a":"/é"}`, "body_modified: JSON was written without escaping slashes and non-ASCII characters"},
		{`{"a":"<b>&"}`, `{"a":"\u003cb\u003e\u0026"}`, "body_modified: JSON was written with escaped <, > and &"},
		{`{"a":1}`, gzipped(t, `{"a":1}`), "body_modified: it was compressed, or not unpacked"},
		{`{"a":1}`, `"{\"a\":1}"`, "body_modified: it was put into quotes as a JSON string"},
		{"", `{"a":1}`, "body_modified: it was removed"},
		{`{"a":1}`, `{"a":2}`, "wrong_secret: no variant of body, URL and algorithm fits any of the keys"},
	} {
		req := testRequest(t, tt.received, "X-Sig", sum256("s3cret", tt.sent))
		if got := diagnose(t, p, Config{Keys: testKeys(t, "other", "s3cret")}, req); got.String() != tt.want {
			t.Errorf("sent %q, received %q:\ngot  %s\nwant %s", tt.sent, tt.received, got, tt.want)
		}
	}
}

func TestDiagnoseURL(t *testing.T) {
	t.Parallel()
	p := Provider{Name: "test", Scheme: HMAC{Hash: SHA256, Signed: Signed{Signature: Header("X-Sig"), Content: "{url}{body}"}}}
	for _, tt := range []struct{ sent, received, forwarded, want string }{
		{"https://h.example.com/in", "http://h.example.com/in", "", "the scheme is https"},
		{"https://h.example.com/in", "https://h.example.com:443/in", "", "the host is h.example.com"},
		{"https://h.example.com:443/in", "https://h.example.com/in", "", "the host is h.example.com:443"},
		{"https://h.example.com/in/", "https://h.example.com/in", "", "the path ends in a slash"},
		{"https://h.example.com/in", "https://h.example.com/in/", "", "the path does not end in a slash"},
		{"https://h.example.com/in", "https://h.example.com/in?a=1", "", "there is no query"},
		{"https://h.example.com/in?a=1", "http://10.0.0.1:8080/in?a=1", "h.example.com", "the host is h.example.com, the scheme is https"},
		{"https://h.example.com/in", "http://h.example.com:8080/in/?a=1", "", "the scheme is https, the host is h.example.com, the path does not end in a slash, there is no query"},
	} {
		u, err := url.Parse(tt.received)
		if err != nil {
			t.Fatal(err)
		}
		req := testRequest(t, "x", "X-Sig", sum256("s3cret", tt.sent+"x"))
		req.URL = u
		if tt.forwarded != "" {
			req.Header.Set("X-Forwarded-Host", tt.forwarded)
		}
		got := diagnose(t, p, Config{Keys: testKeys(t, "s3cret")}, req)
		if want := "url_mismatch: " + tt.want; got.String() != want {
			t.Errorf("sent %s, received %s:\ngot  %s\nwant %s", tt.sent, tt.received, got, want)
		}
		if req.URL.String() != tt.received {
			t.Errorf("the request was changed to %s", req.URL)
		}
	}
}

func TestDiagnoseScheme(t *testing.T) {
	t.Parallel()
	const secret = "czNjcmV0LXMzY3JldA==" // base64 of text
	mac := hmac.New(sha256.New, []byte("s3cret"))
	mac.Write([]byte("x"))
	in64 := base64.StdEncoding.EncodeToString(mac.Sum(nil))
	plain := HMAC{Hash: SHA256, Signed: Signed{Signature: Header("X-Sig-256").Trim("sha256="), Content: "{body}"}}
	stamped := HMAC{Hash: SHA256, Signed: Signed{
		Signature: Header("X-Sig"), Content: "{timestamp}{body}", Timestamp: Header("X-Time"),
	}}
	raw, err := base64.StdEncoding.DecodeString(secret)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		scheme Scheme
		secret string
		header []string
		want   string
	}{
		{"sha1 in place of sha256", plain, "s3cret", []string{"X-Sig-256", "sha1=" + sum1("s3cret", "x")}, "algorithm_mismatch: the hash is sha1 where sha256 is due"},
		{"base64 in place of hex", plain, "s3cret", []string{"X-Sig-256", "sha256=" + in64}, "algorithm_mismatch: the signature is written as base64"},
		{"secret to be decoded", plain, secret, []string{"X-Sig-256", "sha256=" + sum256(string(raw), "x")}, "algorithm_mismatch: the secret is used as whsec"},
		{"the twin of a header", plain, "s3cret", []string{"X-Sig", "sha1=" + sum1("s3cret", "x")}, "missing: header X-Sig-256; the request has X-Sig in its place"},
		{"no header", plain, "s3cret", nil, "missing: header X-Sig-256"},
		{"no signature", plain, "s3cret", []string{"X-Sig-256", "sha256=zz"}, "malformed: header X-Sig-256"},
		{"another secret", plain, "s3cret", []string{"X-Sig-256", "sha256=" + sum256("0ther", "x")}, "wrong_secret: no variant of body, URL and algorithm fits any of the keys"},
		{"old", stamped, "s3cret", []string{"X-Time", "1000", "X-Sig", sum256("s3cret", "1000x")}, "too_old: signed 1h40m0s ago"},
		{"from the future", stamped, "s3cret", []string{"X-Time", "8000", "X-Sig", sum256("s3cret", "8000x")}, "in_the_future: signed 16m40s ahead of our clock"},
		{"old and modified", stamped, "s3cret", []string{"X-Time", "1000", "X-Sig", sum256("s3cret", "1000x\n")}, "body_modified: the newline at the end was removed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := Provider{Name: "test", Scheme: tt.scheme}
			cfg := Config{Keys: testKeys(t, tt.secret), Time: at(7000)}
			if got := diagnose(t, p, cfg, testRequest(t, "x", tt.header...)); got.String() != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestDiagnoseKinds(t *testing.T) {
	t.Parallel()
	p := Provider{Name: "test", Scheme: Basic{}}
	for err, want := range map[error]Cause{
		ErrUntrusted: CauseUntrusted, ErrUnknownKey: CauseUnknownKey, ErrUnavailable: CauseUnavailable,
		ErrMalformed: CauseMalformed, ErrMismatch: CauseWrongSecret, context.Canceled: CauseInternal, nil: "",
	} {
		wrapped := err
		if err != nil {
			wrapped = &Error{Provider: "test", Field: "claim iss", Err: err}
		}
		got := p.Diagnose(t.Context(), Config{Keys: testKeys(t, "a:b")}, testRequest(t, "x"), wrapped)
		if got.Cause != want {
			t.Errorf("%v: got %s, want %s", err, got, want)
		}
	}
}

// TestDiagnoseIsBounded checks that no request makes it do much more work than
// verifying some forty times.
func TestDiagnoseIsBounded(t *testing.T) {
	t.Parallel()
	p := Provider{Name: "test", Scheme: HMAC{Hash: SHA256, Signed: Signed{Signature: Header("X-Sig"), Content: "{url}{body}"}}}
	cfg := Config{Keys: testKeys(t, "s3cret")}
	calls := 0
	counted := p
	counted.Scheme = countingScheme{p.Scheme, &calls}
	req := testRequest(t, strings.Repeat("x", 2*maxDiagnosed), "X-Sig", sum256("0ther", "x"), "X-Forwarded-Host", "a.example.com")
	if d := counted.Diagnose(t.Context(), cfg, req, ErrMismatch); d.Cause != CauseWrongSecret || calls > 40 {
		t.Errorf("got %s after %d verifications", d, calls)
	}
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	calls = 0
	if d := counted.Diagnose(ctx, cfg, req, ErrMismatch); d.Cause != CauseWrongSecret || calls != 0 {
		t.Errorf("after the deadline: got %s after %d verifications", d, calls)
	}
}

type countingScheme struct {
	Scheme
	calls *int
}

func (s countingScheme) Build(provider string, cfg Config) (Verifier, error) {
	v, err := s.Scheme.Build(provider, cfg)
	return VerifierFunc(func(ctx context.Context, r *Request) (Result, error) {
		*s.calls++
		return v.Verify(ctx, r)
	}), err
}
