package verifiers

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestToken(t *testing.T) {
	t.Parallel()
	v := testBuild(t, Token{Source: Header("X-Gitlab-Token")}, Config{Keys: testKeys(t, "new", "old")})
	for _, tt := range []struct {
		name, value string
		index       int
		kind        error
	}{
		{"newest", "new", 0, nil},
		{"older", "old", 1, nil},
		{"other", "hostile", 0, ErrMismatch},
		{"prefix of the secret", "ne", 0, ErrMismatch},
		{"more than the secret", "new1", 0, ErrMismatch},
		{"other case", "NEW", 0, ErrMismatch},
		{"empty", "", 0, ErrMissing},
		{"very long", strings.Repeat("n", maxToken+1), 0, ErrMalformed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			res, err := v.Verify(t.Context(), testRequest(t, "body", "X-Gitlab-Token", tt.value))
			wantErr(t, err, tt.kind, "hostile")
			if err == nil && (res.KeyIndex != tt.index || !res.Covers.None() || res.Scheme != "token") {
				t.Errorf("got %+v", res)
			}
		})
	}
	_, err := v.Verify(t.Context(), testRequest(t, "body"))
	wantErr(t, err, ErrMissing)
	_, err = v.Verify(t.Context(), testRequest(t, "body", "X-Gitlab-Token", "new", "X-Gitlab-Token", "new"))
	wantErr(t, err, ErrMalformed)
}

func TestBasic(t *testing.T) {
	t.Parallel()
	v := testBuild(t, Basic{}, Config{Keys: testKeys(t, "Aladdin:open sesame")})
	for _, tt := range []struct {
		name, value string
		kind        error
	}{
		{"RFC 7617", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", nil},
		{"scheme in lower case", "basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", nil},
		{"other password", "Basic QWxhZGRpbjpvcGVu", ErrMismatch},
		{"unpadded", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ", ErrMalformed},
		{"other scheme", "Bearer QWxhZGRpbjpvcGVuIHNlc2FtZQ==", ErrMalformed},
		{"no credentials", "Basic", ErrMalformed},
		{"empty", "", ErrMissing},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := v.Verify(t.Context(), testRequest(t, "", "Authorization", tt.value))
			wantErr(t, err, tt.kind, "sesame")
		})
	}
	for _, secret := range []string{"user", "user:"} {
		if v, err := (Basic{}).Build("test", Config{Keys: testKeys(t, secret)}); !errors.Is(err, ErrKeyFormat) || v != nil {
			t.Errorf("%q: got %v, %v, want %v", secret, v, err, ErrKeyFormat)
		}
	}
}

func TestSignTokenAndBasic(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]Signer{
		"header": Token{Source: Header("Authorization").Trim("Bearer ")}, "query": Token{Source: Query("key")}, "basic": Basic{},
	} {
		cfg := Config{Keys: testKeys(t, "user:p&ss=word")}
		req := testRequest(t, "body")
		if err := s.Sign(req, cfg); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, err := testBuild(t, s, cfg).Verify(t.Context(), req); err != nil {
			t.Errorf("%s: got %v", name, err)
		}
		if req.URL.Query().Get("a") != "1" {
			t.Errorf("%s: the query was lost: %s", name, req.URL)
		}
	}
	if err := (Token{Source: JSON("/a/token")}).Sign(testRequest(t, "{}"), Config{Keys: testKeys(t, "x")}); !errors.Is(err, errPlace) {
		t.Errorf("a token in what the body lacks: got %v, want %v", err, errPlace)
	}
}

func TestHandshakeAnswer(t *testing.T) {
	t.Parallel()
	h := Handshake{
		Name: "subscribe", Method: "GET", When: []Match{Query("hub.mode").Is("subscribe")},
		Token: Query("hub.verify_token"), TokenOption: "verify_token", Reply: Echo(Query("hub.challenge")),
	}
	for _, tt := range []struct {
		name, token, challenge, option string
		kind                           error
	}{
		{"good", "t0ken", "1158201444", "t0ken", nil},
		{"longest", "t0ken", strings.Repeat("1", 1024), "t0ken", nil},
		{"too long", "t0ken", strings.Repeat("1", 1025), "t0ken", ErrMalformed},
		{"script", "t0ken", "%3Cscript%3E", "t0ken", ErrMalformed},
		{"quote", "t0ken", "a%22b", "t0ken", ErrMalformed},
		{"control", "t0ken", "a%0Ab", "t0ken", ErrMalformed},
		{"non-ASCII", "t0ken", "%C3%A9", "t0ken", ErrMalformed},
		{"no challenge", "t0ken", "", "t0ken", ErrMissing},
		{"other token", "other", "1", "t0ken", ErrMismatch},
		{"no token", "", "1", "t0ken", ErrMissing},
		{"token not configured", "t0ken", "1", "", ErrMismatch},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			req := testRequest(t, "")
			req.Method = "GET"
			req.URL.RawQuery = "hub.mode=subscribe&hub.verify_token=" + tt.token + "&hub.challenge=" + tt.challenge
			if !h.Matches(req) {
				t.Fatal("the handshake is not recognised")
			}
			a, err := h.Answer(t.Context(), req, Config{Options: map[string]string{"verify_token": tt.option}})
			if !errors.Is(err, tt.kind) {
				t.Fatalf("got %v, want %v", err, tt.kind)
			}
			if typed := (*Error)(nil); err != nil && !errors.As(err, &typed) {
				t.Errorf("got %T, want *Error", err)
			}
			if err == nil && (string(a.Body) != tt.challenge || a.Status != 200 || a.ContentType != "text/plain; charset=utf-8") {
				t.Errorf("got %+v", a)
			}
		})
	}
}

func TestReplyDefaults(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		reply Reply
		want  Answer
	}{
		{"zero", Reply{}, Answer{Status: 200}},
		{"status", Reply{Status: 204, ContentType: "text/xml"}, Answer{Status: 204}},
		{"body", Reply{Body: "ok"}, Answer{Status: 200, ContentType: textType, Body: []byte("ok")}},
		{"type", Reply{Body: "{}", ContentType: "application/json"}, Answer{Status: 200, ContentType: "application/json", Body: []byte("{}")}},
	} {
		got, err := tt.reply.Render(t.Context(), testRequest(t, ""), Config{})
		if err != nil || got.Status != tt.want.Status || got.ContentType != tt.want.ContentType || string(got.Body) != string(tt.want.Body) {
			t.Errorf("%s: got %+v, %v, want %+v", tt.name, got, err, tt.want)
		}
	}
}

func TestConfirmURL(t *testing.T) {
	t.Parallel()
	const good = "https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription"
	h := Handshake{
		Confirm: JSON("/SubscribeURL"), ConfirmOption: "confirm", Pin: Pin{Hosts: []string{"sns.*.amazonaws.com"}},
	}
	for _, tt := range []struct {
		name, body, option, want string
		kind                     error
	}{
		{"on", `{"SubscribeURL":"` + good + `"}`, "on", good, nil},
		{"off", `{"SubscribeURL":"` + good + `"}`, "", "", nil},
		{"elsewhere", `{"SubscribeURL":"https://hostile.example.com/"}`, "on", "", ErrUntrusted},
		{"absent", `{}`, "on", "", ErrMissing},
	} {
		got, err := h.ConfirmURL(testRequest(t, tt.body), map[string]string{"confirm": tt.option})
		if got != tt.want || !errors.Is(err, tt.kind) || err != nil && strings.Contains(err.Error(), "hostile") {
			t.Errorf("%s: got %q, %v, want %q, %v", tt.name, got, err, tt.want, tt.kind)
		}
	}
	if got, err := (&Handshake{}).ConfirmURL(testRequest(t, ""), nil); got != "" || err != nil {
		t.Errorf("without a source: got %q, %v", got, err)
	}
}

func TestPin(t *testing.T) {
	t.Parallel()
	p := Pin{Hosts: []string{"sns.*.amazonaws.com", "keys.example.com"}, PathSuffix: ".pem"}
	for rawURL, want := range map[string]bool{
		"https://sns.us-east-1.amazonaws.com/a.pem":                      true,
		"https://SNS.us-east-1.AMAZONAWS.com:443/a.pem?v=1":              true,
		"https://keys.example.com/a.pem":                                 true,
		"http://keys.example.com/a.pem":                                  false,
		"https://keys.example.com:8443/a.pem":                            false,
		"https://keys.example.com:/a.pem":                                false,
		"https://user@keys.example.com/a.pem":                            false,
		"https://keys.example.com/a.txt":                                 false,
		"https://keys.example.com.evil.test/a.pem":                       false,
		"https://evil.test/keys.example.com/a.pem":                       false,
		"https://evil.test#keys.example.com/a.pem":                       false,
		"https://sns..amazonaws.com/a.pem":                               false,
		"https://sns.a.b.amazonaws.com/a.pem":                            false,
		"https://sns.a.amazonaws.com.evil.test/a.pem":                    false,
		"https://sns.evil.test/.amazonaws.com/a.pem":                     false,
		"https://sns.a_b.amazonaws.com/a.pem":                            false,
		"https://keys.example.com./a.pem":                                false,
		"https://keys.example.com\\@evil.test/a.pem":                     false,
		"https://evil.test\\.keys.example.com/a.pem":                     false,
		"https:keys.example.com/a.pem":                                   false,
		"//keys.example.com/a.pem":                                       false,
		"https://keys.example.com/a.pem ":                                false,
		"https://kеys.example.com/a.pem":                                 false, // Cyrillic
		"https://[::1]/a.pem":                                            false,
		"":                                                               false,
		"https://keys.example.com/" + strings.Repeat("a", 2048) + ".pem": false,
	} {
		err := p.Check(rawURL)
		if (err == nil) != want || err != nil && (!errors.Is(err, ErrUntrusted) || rawURL != "" && strings.Contains(err.Error(), rawURL)) {
			t.Errorf("%s: got %v, want permitted %t", rawURL, err, want)
		}
	}
	if err := (Pin{}).Check("https://example.com/"); !errors.Is(err, ErrUntrusted) {
		t.Errorf("no hosts: got %v, want %v", err, ErrUntrusted)
	}
	for _, tt := range []struct {
		pattern, host string
		want          bool
	}{
		{"a*c*e.x", "abbccdde.x", true},
		{"a*c*e.x", "abc.x", false},
		{"*", "localhost", true},
		{"*", "a.b", false},
		{"*.x", ".x", false},
	} {
		if got := matchHost(tt.pattern, tt.host); got != tt.want {
			t.Errorf("%s for %s: got %t, want %t", tt.pattern, tt.host, got, tt.want)
		}
	}
}

func TestPinPathPrefix(t *testing.T) {
	t.Parallel()
	p := Pin{Hosts: []string{"keys.example.com"}, PathPrefix: "/keys/"}
	for rawURL, want := range map[string]bool{
		"https://keys.example.com/keys/a.pem":               true,
		"https://keys.example.com/keys/a/b.pem?v=1":         true,
		"https://keys.example.com/a.pem":                    false,
		"https://keys.example.com/keys":                     false,
		"https://keys.example.com/Keys/a.pem":               false,
		"https://keys.example.com/keys/../a.pem":            false,
		"https://keys.example.com/keys/./a.pem":             false,
		"https://keys.example.com/keys//a.pem":              false,
		"https://keys.example.com/keys/%2e%2e/a.pem":        false,
		"https://keys.example.com/keys/..%2fa.pem":          false,
		"https://keys.example.com/other/keys/a.pem":         false,
		"https://other.example.com/keys/a.pem":              false,
		"https://keys.example.com/?/keys/a.pem":             false,
		"https://keys.example.com/other#/keys/a.pem":        false,
		"https://other.example.com/keys/@keys.example.com/": false,
	} {
		if err := p.Check(rawURL); (err == nil) != want {
			t.Errorf("%s: got %v, want permitted %t", rawURL, err, want)
		}
	}
}

func TestMiddleware(t *testing.T) {
	t.Parallel()
	v := testBuild(t, githubScheme, Config{Keys: testKeys(t, githubSecret)})
	down := testBuild(t, githubScheme, Config{Keys: broken{err: errors.New("down")}})
	next := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		res, ok := FromContext(r.Context())
		if err != nil || string(body) != githubBody || r.ContentLength != int64(len(body)) || !ok || res.KeyID != "a" {
			t.Errorf("got body %q (%v), result %+v, %t", body, err, res, ok)
		}
		w.WriteHeader(http.StatusAccepted)
	})
	signature := "sha256=" + githubSum
	tests := []struct {
		name, signature string
		v               Verifier
		max             int64
		body            io.Reader
		status          int
	}{
		{"authentic", signature, v, 13, strings.NewReader(githubBody), http.StatusAccepted},
		{"authentic and chunked", signature, v, 13, io.MultiReader(strings.NewReader(githubBody)), http.StatusAccepted},
		{"too long", signature, v, 12, strings.NewReader(githubBody), http.StatusRequestEntityTooLarge},
		{"too long and chunked", signature, v, 12, io.MultiReader(strings.NewReader(githubBody)), http.StatusRequestEntityTooLarge},
		{"broken body", signature, v, 100, io.MultiReader(strings.NewReader("x"), failing{}), http.StatusBadRequest},
		{"forged", "sha256=00", v, 13, strings.NewReader(githubBody), http.StatusUnauthorized},
		{"unsigned", "", v, 13, strings.NewReader(githubBody), http.StatusUnauthorized},
		{"undecidable", signature, down, 13, strings.NewReader(githubBody), http.StatusServiceUnavailable},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", tt.body)
			if tt.signature != "" {
				r.Header.Set("X-Hub-Signature-256", tt.signature)
			}
			w := httptest.NewRecorder()
			Middleware(tt.v, tt.max, next).ServeHTTP(w, r)
			if w.Code != tt.status || (w.Header().Get("Retry-After") != "") != (tt.status == http.StatusServiceUnavailable) {
				t.Errorf("got %d %v, want %d", w.Code, w.Header(), tt.status)
			}
			if want := http.StatusText(tt.status); w.Code != http.StatusAccepted && strings.TrimSpace(w.Body.String()) != want {
				t.Errorf("got body %q, want %q", w.Body, want)
			}
		})
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// TestMiddlewareURL checks which URL a scheme gets to see that signs it.
func TestMiddlewareURL(t *testing.T) {
	t.Parallel()
	s := HMAC{Hash: SHA256, Signed: Signed{Signature: Header("X-Sig"), Content: "{url}"}}
	cfg := Config{Keys: testKeys(t, "secret")}
	srv := httptest.NewServer(Middleware(testBuild(t, s, cfg), 1, http.NotFoundHandler()))
	t.Cleanup(srv.Close)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL+"/a%2Fb?c=d", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Sign(&Request{Method: "GET", URL: r.URL, Header: r.Header}, cfg); err != nil {
		t.Fatal(err)
	}
	resp, err := srv.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusNotFound {
		t.Errorf("got %d, want the handler's %d", resp.StatusCode, http.StatusNotFound)
	}
}
