package verifiers

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// testKey returns keys made of the secrets, named by their position.
func testKeys(t testing.TB, secrets ...string) Keys {
	t.Helper()
	var keys Keys
	for i, s := range secrets {
		k, err := NewKey(string(rune('a'+i)), []byte(s))
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, k)
	}
	return keys
}

func testRequest(t testing.TB, body string, header ...string) *Request {
	t.Helper()
	u, err := url.Parse("https://hooks.example.com/in?a=1&b=2")
	if err != nil {
		t.Fatal(err)
	}
	h := http.Header{}
	for i := 0; i < len(header); i += 2 {
		h.Add(header[i], header[i+1])
	}
	return &Request{Method: "POST", URL: u, Header: h, Body: []byte(body)}
}

func testBuild(t testing.TB, s Scheme, cfg Config) Verifier {
	t.Helper()
	v, err := s.Build("test", cfg)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func at(unix int64) func() time.Time {
	return func() time.Time { return time.Unix(unix, 0) }
}

// wantErr checks that err is an *Error of this kind, and that none of the
// secrets is in its text.
func wantErr(t testing.TB, err, kind error, secrets ...string) {
	t.Helper()
	var typed *Error
	if kind == nil {
		if err != nil {
			t.Errorf("got %v, want success", err)
		}
		return
	}
	if !errors.Is(err, kind) || !errors.As(err, &typed) || typed.Provider != "test" {
		t.Errorf("got %v, want an *Error of provider test: %v", err, kind)
		return
	}
	for _, s := range secrets {
		if strings.Contains(err.Error(), s) {
			t.Errorf("the error %q shows %q", err, s)
		}
	}
}

const (
	githubSecret = "It's a Secret to Everybody"
	githubBody   = "Hello, World!"
	githubSum    = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"

	standardSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	standardBody   = `{"test": 2432232314}`
	standardID     = "msg_p5jXN8AQM9LWM0D4loKWxJek"
	standardSum    = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
)

var githubScheme = HMAC{Hash: SHA256, Signed: Signed{
	Signature: Header("X-Hub-Signature-256").Trim("sha256="), Content: "{body}",
}}

func TestHMACDocumentedExamples(t *testing.T) {
	t.Parallel()
	slack := HMAC{Hash: SHA256, Signed: Signed{
		Signature: Header("X-Slack-Signature").Trim("v0="), Timestamp: Header("X-Slack-Request-Timestamp"),
		Content: "v0:{timestamp}:{body}",
	}}
	tests := []struct {
		name   string
		scheme HMAC
		secret string
		now    int64
		req    *Request
		signed int64
		covers Coverage
	}{
		{
			"github", githubScheme, githubSecret, 0,
			testRequest(t, githubBody, "X-Hub-Signature-256", "sha256="+githubSum), 0,
			Coverage{Body: true},
		},
		{
			"github in upper case", githubScheme, githubSecret, 0,
			testRequest(t, githubBody, "X-Hub-Signature-256", "sha256="+strings.ToUpper(githubSum)), 0,
			Coverage{Body: true},
		},
		{
			"standard webhooks", StandardWebhooks("svix", "webhook"), standardSecret, 1614265330,
			testRequest(t, standardBody, "Webhook-Id", standardID, "Webhook-Timestamp", "1614265330",
				"Webhook-Signature", "v2,AAAA v1,"+strings.Repeat("A", 43)+"= "+standardSum+", v1a,AAAA"), 1614265330,
			Coverage{Body: true},
		},
		{
			"slack", slack, "8f742231b10e8888abcd99yyyzzz85a5", 1531420618,
			testRequest(t, "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c",
				"X-Slack-Request-Timestamp", "1531420618",
				"X-Slack-Signature", "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"), 1531420618,
			Coverage{Body: true, Headers: []string{"X-Slack-Request-Timestamp"}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			v := testBuild(t, tt.scheme, Config{Keys: testKeys(t, tt.secret), Time: at(tt.now)})
			res, err := v.Verify(t.Context(), tt.req)
			if err != nil {
				t.Fatal(err)
			}
			if res.KeyID != "a" || res.KeyIndex != 0 || res.Scheme != "hmac-sha256" {
				t.Errorf("got %+v", res)
			}
			if tt.signed != 0 && res.Signed.Unix() != tt.signed || tt.signed == 0 && !res.Signed.IsZero() {
				t.Errorf("signed: got %v, want %d", res.Signed, tt.signed)
			}
			if res.Covers.Body != tt.covers.Body || strings.Join(res.Covers.Headers, " ") != strings.Join(tt.covers.Headers, " ") {
				t.Errorf("covers: got %+v, want %+v", res.Covers, tt.covers)
			}
		})
	}
}

func TestHMACRefuses(t *testing.T) {
	t.Parallel()
	const hostile = "hostile\r\nvalue"
	tests := []struct {
		name   string
		values []string
		kind   error
	}{
		{"none", nil, ErrMissing},
		{"empty", []string{""}, ErrMissing},
		{"only the prefix", []string{"sha256="}, ErrMissing},
		{"no prefix", []string{githubSum}, ErrMalformed},
		{"other prefix", []string{"sha1=" + githubSum}, ErrMalformed},
		{"twice", []string{"sha256=" + githubSum, "sha256=" + githubSum}, ErrMalformed},
		{"truncated", []string{"sha256=" + githubSum[:62]}, ErrMalformed},
		{"too long", []string{"sha256=" + githubSum + "00"}, ErrMalformed},
		{"much too long", []string{"sha256=" + strings.Repeat("0", 1<<20)}, ErrMalformed},
		{"not hex", []string{"sha256=" + hostile}, ErrMalformed},
		{"space after", []string{"sha256=" + githubSum + " "}, ErrMalformed},
		{"other", []string{"sha256=" + strings.Repeat("00", 32)}, ErrMismatch},
	}
	v := testBuild(t, githubScheme, Config{Keys: testKeys(t, githubSecret)})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			req := testRequest(t, githubBody)
			if tt.values != nil {
				req.Header["X-Hub-Signature-256"] = tt.values
			}
			_, err := v.Verify(t.Context(), req)
			wantErr(t, err, tt.kind, githubSecret, githubSum, hostile)
		})
	}
}

func TestHMACHashesAndEncodings(t *testing.T) {
	t.Parallel()
	for _, h := range []Hash{SHA1, SHA256, SHA384, SHA512} {
		for _, e := range []Encoding{Hex, Base64, Base64URL} {
			for _, f := range []struct {
				format KeyFormat
				secret string
			}{
				{KeyText, "736563726574"},
				{KeyHex, "736563726574"},
				{KeyBase64, "c2VjcmV0IQ=="},
				{KeyBase64URL, "c2VjcmV0IQ"},
				{KeyWhsec, "whsec_c2VjcmV0IQ=="},
			} {
				s := HMAC{Hash: h, Signed: Signed{
					Signature: Header("X-Sig"), Encoding: e, Content: "{body}", Key: f.format,
				}}
				cfg := Config{Keys: testKeys(t, f.secret)}
				req := testRequest(t, "body")
				if err := s.Sign(req, cfg); err != nil {
					t.Fatal(err)
				}
				v := testBuild(t, s, cfg)
				if res, err := v.Verify(t.Context(), req); err != nil || res.Scheme != "hmac-"+string(h) {
					t.Errorf("%s %s %s: got %+v, %v", h, e, f.format, res, err)
				}
				req.Body[0] ^= 1
				_, err := v.Verify(t.Context(), req)
				wantErr(t, err, ErrMismatch)
			}
		}
	}
}

func TestReplayWindow(t *testing.T) {
	t.Parallel()
	const now = 1700000000
	s := HMAC{Hash: SHA256, Signed: Signed{
		Signature: Header("X-Sig").KV("v1"), Timestamp: Header("X-Sig").KV("t"), Content: "{timestamp}.{body}",
	}}
	tests := []struct {
		name      string
		age       int64
		tolerance time.Duration
		kind      error
	}{
		{"now", 0, 0, nil},
		{"as old as allowed", 300, 0, nil},
		{"a second too old", 301, 0, ErrStale},
		{"as far ahead as allowed", -300, 0, nil},
		{"a second too far ahead", -301, 0, ErrFuture},
		{"the deployment allows more", 3000, time.Hour, nil},
		{"the deployment allows less", 2, time.Second, ErrStale},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			cfg := Config{Keys: testKeys(t, "secret"), Time: at(now - tt.age)}
			req := testRequest(t, "body")
			if err := s.Sign(req, cfg); err != nil {
				t.Fatal(err)
			}
			cfg.Time, cfg.Tolerance = at(now), tt.tolerance
			v := testBuild(t, s, cfg)
			_, err := v.Verify(t.Context(), req)
			wantErr(t, err, tt.kind)

			// A forged request is a mismatch, however old it claims to be.
			req.Body = []byte("other")
			_, err = v.Verify(t.Context(), req)
			wantErr(t, err, ErrMismatch)
		})
	}
}

func TestTimestamps(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text string
		unit TimeUnit
		want int64 // Unix nanoseconds, -1 for malformed
	}{
		{"0", Seconds, 0},
		{"1700000000", Seconds, 1700000000e9},
		{"1700000000123", Milliseconds, 1700000000123e6},
		{"1700000000123456", Microseconds, 1700000000123456e3},
		{"1700000000123456789", Nanoseconds, 1700000000123456789},
		{"2023-11-14T22:13:20Z", RFC3339, 1700000000e9},
		{"2023-11-14T23:13:20.5+01:00", RFC3339, 17000000005e8},
		{"", Seconds, -1},
		{"-1", Seconds, -1},
		{"+1", Seconds, -1},
		{"01", Seconds, -1},
		{" 1", Seconds, -1},
		{"1.0", Seconds, -1},
		{"1e9", Seconds, -1},
		{"0x10", Seconds, -1},
		{"1_0", Seconds, -1},
		{"١", Seconds, -1},
		{"253402300800", Seconds, -1},
		{"9223372036854775807", Seconds, -1},
		{"9999999999999999999", Nanoseconds, -1},
		{"18446744073709551616", Nanoseconds, -1},
		{"yesterday", RFC3339, -1},
		{"Tue, 14 Nov 2023 22:13:20 GMT", HTTPDate, 1700000000e9},
		{"Tuesday, 14-Nov-23 22:13:20 GMT", HTTPDate, 1700000000e9},
		{"Tue Nov 14 22:13:20 2023", HTTPDate, 1700000000e9},
		{"2023-11-14T22:13:20Z", HTTPDate, -1},
		{"1700000000", HTTPDate, -1},
		{"Tue, 14 Nov 2023 22:13:20 +0100", HTTPDate, -1},
	}
	for _, tt := range tests {
		t.Run(string(tt.unit)+" "+tt.text, func(t *testing.T) {
			t.Parallel()
			got, err := parseTime(tt.text, tt.unit)
			if (err != nil) != (tt.want < 0) || err == nil && got.UnixNano() != tt.want {
				t.Errorf("got %v, %v, want %d", got, err, tt.want)
			}
			if err != nil && !errors.Is(err, ErrMalformed) {
				t.Errorf("got %v, want %v", err, ErrMalformed)
			}
		})
	}
}

func TestRotation(t *testing.T) {
	t.Parallel()
	keys := testKeys(t, "new", "old", "older")
	keys[2] = keys[2].Until(time.Unix(1000, 0))
	sign := func(i int) *Request {
		req := testRequest(t, "body")
		if err := githubScheme.Sign(req, Config{Keys: keys[i : i+1]}); err != nil {
			t.Fatal(err)
		}
		return req
	}
	tests := []struct {
		name string
		key  int
		now  int64
		kind error
	}{
		{"the newest", 0, 1000, nil},
		{"the one before", 1, 2000, nil},
		{"one that ends now", 2, 1000, nil},
		{"one that has ended", 2, 1001, ErrMismatch},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			v := testBuild(t, githubScheme, Config{Keys: keys, Time: at(tt.now)})
			res, err := v.Verify(t.Context(), sign(tt.key))
			wantErr(t, err, tt.kind)
			if err == nil && (res.KeyIndex != tt.key || res.KeyID != keys[tt.key].ID()) {
				t.Errorf("got key %d %q, want %d", res.KeyIndex, res.KeyID, tt.key)
			}
		})
	}
}

func TestSeveralSignatures(t *testing.T) {
	t.Parallel()
	s := HMAC{Hash: SHA256, Signed: Signed{Signature: Header("X-Sig").KV("v1"), Content: "{body}"}}
	v := testBuild(t, s, Config{Keys: testKeys(t, githubSecret)})
	other := strings.Repeat("00", 32)
	tests := []struct {
		name, value string
		kind        error
	}{
		{"the second fits", "v1=" + other + ",v1=" + githubSum, nil},
		{"one is malformed, one fits", "v1=xx,v1=" + githubSum, nil},
		{"spaces around items", "v0=1, v1=" + githubSum, ErrMissing},
		{"all malformed", "v1=xx,v1=yy", ErrMalformed},
		{"none fits", "v1=" + other + ",v1=" + other, ErrMismatch},
		{"another version only", "v0=" + githubSum, ErrMissing},
		{"an empty one", "v1=,v1=" + githubSum, ErrMalformed},
		{"as many as allowed", strings.Repeat("v1="+other+",", 15) + "v1=" + githubSum, nil},
		{"too many", strings.Repeat("v1="+other+",", 16) + "v1=" + githubSum, ErrMalformed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := v.Verify(t.Context(), testRequest(t, githubBody, "X-Sig", tt.value))
			wantErr(t, err, tt.kind)
		})
	}
}
