package verifiers

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"strings"
	"testing"
)

var jwtAlgorithms = map[string]string{
	"RS256": "rsa", "RS384": "rsa", "RS512": "rsa", "PS256": "rsa", "PS384": "rsa", "PS512": "rsa",
	"ES256": "p256", "ES384": "p384", "ES512": "p521", "EdDSA": "ed25519",
}

func TestJWTAlgorithms(t *testing.T) {
	t.Parallel()
	algorithms := map[string]string{"HS256": "", "HS384": "", "HS512": ""}
	maps.Copy(algorithms, jwtAlgorithms)
	for alg, key := range algorithms {
		t.Run(alg, func(t *testing.T) {
			t.Parallel()
			s := JWT{
				Token: Header("Authorization").Trim("Bearer "), Algorithms: []string{alg},
				Issuers: []string{"sender"}, Audience: "{url}", BodyHash: "body_hash", RequireExpiry: true,
			}
			private := testKeys(t, "a secret for HMAC")
			public := private
			if key != "" {
				private, public = testPair(t, key)
			}
			req := testRequest(t, "body")
			if err := s.Sign(req, Config{Keys: private, Time: at(1700000000)}); err != nil {
				t.Fatal(err)
			}
			v := testBuild(t, s, Config{Keys: public, Time: at(1700000000)})
			res, err := v.Verify(t.Context(), req)
			if err != nil || res.Scheme != "jwt-"+strings.ToLower(alg) || !res.Covers.Body || !res.Covers.URL || res.KeyID != "a" {
				t.Fatalf("got %+v, %v", res, err)
			}
			req.Body = []byte("bodY")
			_, err = v.Verify(t.Context(), req)
			wantErr(t, err, ErrMismatch)
		})
	}
}

// jwtText returns a token with this header and these claims, signed with
// HS256.
func jwtText(header, claims, secret string) string {
	text := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(claims))
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(text))
	return text + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func TestJWTClaims(t *testing.T) {
	t.Parallel()
	const now = 1700000000
	const hs = `{"alg":"HS256","typ":"JWT"}`
	tests := []struct {
		name           string
		header, claims string
		change         func(*JWT)
		kind           error
	}{
		{"exp", hs, fmt.Sprintf(`{"exp":%d}`, now+60), nil, nil},
		{"exp with decimals", hs, fmt.Sprintf(`{"exp":%d.5}`, now+60), nil, nil},
		{"exp at the edge", hs, fmt.Sprintf(`{"exp":%d}`, now-300), nil, nil},
		{"expired", hs, fmt.Sprintf(`{"exp":%d}`, now-301), nil, ErrStale},
		{"iat alone", hs, fmt.Sprintf(`{"iat":%d}`, now-300), nil, nil},
		{"iat alone, old", hs, fmt.Sprintf(`{"iat":%d}`, now-301), nil, ErrStale},
		{"iat alone where exp is required", hs, fmt.Sprintf(`{"iat":%d}`, now), func(j *JWT) { j.RequireExpiry = true }, ErrMissing},
		{"no kid where one is required", hs, fmt.Sprintf(`{"exp":%d}`, now+60), func(j *JWT) { j.RequireKeyID = true }, ErrUnknownKey},
		{"iat in the future", hs, fmt.Sprintf(`{"iat":%d,"exp":%d}`, now+301, now+900), nil, ErrFuture},
		{"nbf in the future", hs, fmt.Sprintf(`{"nbf":%d,"exp":%d}`, now+301, now+900), nil, ErrFuture},
		{"old iat and valid exp", hs, fmt.Sprintf(`{"iat":%d,"exp":%d}`, now-9000, now+60), nil, nil},
		{"no time at all", hs, `{}`, nil, ErrMissing},
		{"exp is text", hs, `{"exp":"1800000000"}`, nil, ErrMalformed},
		{"exp in another case", hs, `{"EXP":1800000000}`, nil, ErrMissing},
		{"issuer", hs, `{"exp":1700000060,"iss":"b"}`, func(j *JWT) { j.Issuers = []string{"a", "b"} }, nil},
		{"another issuer", hs, `{"exp":1700000060,"iss":"c"}`, func(j *JWT) { j.Issuers = []string{"a", "b"} }, ErrUntrusted},
		{"no issuer", hs, `{"exp":1700000060}`, func(j *JWT) { j.Issuers = []string{"a"} }, ErrMissing},
		{"audience in a list", hs, `{"exp":1700000060,"aud":["x","me"]}`, func(j *JWT) { j.Audience = "me" }, nil},
		{"another audience", hs, `{"exp":1700000060,"aud":"you"}`, func(j *JWT) { j.Audience = "me" }, ErrUntrusted},
		{"no audience", hs, `{"exp":1700000060}`, func(j *JWT) { j.Audience = "me" }, ErrMissing},
		{"audience is a number", hs, `{"exp":1700000060,"aud":1}`, func(j *JWT) { j.Audience = "me" }, ErrMalformed},
		{"no body hash", hs, `{"exp":1700000060}`, func(j *JWT) { j.BodyHash = "h" }, ErrMissing},
		{"short body hash", hs, `{"exp":1700000060,"h":"ab"}`, func(j *JWT) { j.BodyHash = "h" }, ErrMalformed},
		{"alg none", `{"alg":"none"}`, `{"exp":1700000060}`, nil, ErrUntrusted},
		{"alg not permitted", `{"alg":"HS512"}`, `{"exp":1700000060}`, nil, ErrUntrusted},
		{"alg in another case", `{"alg":"hs256"}`, `{"exp":1700000060}`, nil, ErrUntrusted},
		{"no alg", `{"ALG":"HS256"}`, `{"exp":1700000060}`, nil, ErrMalformed},
		{"crit", `{"alg":"HS256","crit":["b64"],"b64":false}`, `{"exp":1700000060}`, nil, ErrUntrusted},
		{"kid is a number", `{"alg":"HS256","kid":1}`, `{"exp":1700000060}`, nil, ErrMalformed},
		{"header is a list", `[]`, `{"exp":1700000060}`, nil, ErrMalformed},
		{"claims are text", hs, `"x"`, nil, ErrMalformed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := JWT{Token: Header("X-Jwt"), Algorithms: []string{"HS256"}}
			if tt.change != nil {
				tt.change(&s)
			}
			v := testBuild(t, s, Config{Keys: testKeys(t, "secret"), Time: at(now)})
			text := jwtText(tt.header, tt.claims, "secret")
			_, err := v.Verify(t.Context(), testRequest(t, "body", "X-Jwt", text))
			wantErr(t, err, tt.kind, "secret", text)
		})
	}
}

func TestJWTForms(t *testing.T) {
	t.Parallel()
	v := testBuild(t, JWT{Token: Header("X-Jwt"), Algorithms: []string{"HS256"}}, Config{Keys: testKeys(t, "secret"), Time: at(0)})
	good := jwtText(`{"alg":"HS256"}`, `{"exp":60}`, "secret")
	parts := strings.Split(good, ".")
	for _, tt := range []struct {
		name, text string
		kind       error
	}{
		{"good", good, nil},
		{"no signature", parts[0] + "." + parts[1] + ".", ErrMalformed},
		{"two parts", parts[0] + "." + parts[1], ErrMalformed},
		{"four parts", good + "." + parts[2], ErrMalformed},
		{"padded", good + "=", ErrMalformed},
		{"line break", good + "\n", ErrMalformed},
		{"too long", good + strings.Repeat("A", maxJWT), ErrMalformed},
		{"other secret", jwtText(`{"alg":"HS256"}`, `{"exp":60}`, "other"), ErrMismatch},
		{"empty secret", jwtText(`{"alg":"HS256"}`, `{"exp":60}`, ""), ErrMismatch},
		{"none", "", ErrMissing},
	} {
		_, err := v.Verify(t.Context(), testRequest(t, "", "X-Jwt", tt.text))
		if !errors.Is(err, tt.kind) {
			t.Errorf("%s: got %v, want %v", tt.name, err, tt.kind)
		}
	}
}

// TestJWTIsBody takes tokens of any length where they are the body: the events
// of some senders are longer than a header ever is.
func TestJWTIsBody(t *testing.T) {
	t.Parallel()
	text := jwtText(`{"alg":"HS256"}`, `{"exp":60,"data":"`+strings.Repeat("x", maxJWT)+`"}`, "secret")
	s := JWT{Token: Body(), Algorithms: []string{"HS256"}}
	v := testBuild(t, s, Config{Keys: testKeys(t, "secret"), Time: at(0)})
	if _, err := v.Verify(t.Context(), testRequest(t, text)); err != nil {
		t.Errorf("got %v for a long token", err)
	}
	_, err := v.Verify(t.Context(), testRequest(t, text+"A"))
	wantErr(t, err, ErrMismatch)
	s.Token = Header("X-Jwt")
	v = testBuild(t, s, Config{Keys: testKeys(t, "secret"), Time: at(0)})
	_, err = v.Verify(t.Context(), testRequest(t, "", "X-Jwt", text))
	wantErr(t, err, ErrMalformed)
}

// TestJWTConfusion signs with HS256 and the text of the public key as a secret.
func TestJWTConfusion(t *testing.T) {
	t.Parallel()
	der, err := x509.MarshalPKIXPublicKey(testSigners()["rsa"].Public())
	if err != nil {
		t.Fatal(err)
	}
	public := strings.TrimSpace(string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})))
	keys := testKeys(t, public)
	s := JWT{Token: Header("X-Jwt"), Algorithms: []string{"RS256", "HS256"}}
	if v, err := s.Build("test", Config{Keys: keys}); err == nil {
		t.Fatalf("got %v for secrets and public keys in one scheme", v)
	}
	s.Algorithms = []string{"RS256"}
	v := testBuild(t, s, Config{Keys: keys, Time: at(0)})
	_, err = v.Verify(t.Context(), testRequest(t, "", "X-Jwt", jwtText(`{"alg":"HS256"}`, `{"exp":60}`, public)))
	wantErr(t, err, ErrUntrusted)
}

func TestJWTBuildErrors(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]JWT{
		"no algorithm":      {Token: Header("X")},
		"none":              {Token: Header("X"), Algorithms: []string{"none"}},
		"unknown":           {Token: Header("X"), Algorithms: []string{"XX256"}},
		"unknown hash":      {Token: Header("X"), Algorithms: []string{"RS111"}},
		"no token":          {Algorithms: []string{"RS256"}},
		"JWKS for a secret": {Token: Header("X"), Algorithms: []string{"HS256"}, JWKS: "https://example.com/keys"},
		"JWKS not HTTPS":    {Token: Header("X"), Algorithms: []string{"RS256"}, JWKS: "http://example.com/keys"},
		"JWKS not pinned":   {Token: Header("X"), Algorithms: []string{"RS256"}, JWKS: "https://example.com/keys", Pin: Pin{Hosts: []string{"example.org"}}},
		"no audience":       {Token: Header("X"), Algorithms: []string{"RS256"}, AudienceOption: "audience"},
	} {
		_, public := testPair(t, "rsa")
		if v, err := s.Build("test", Config{Keys: public, Fetcher: documents{}}); err == nil {
			t.Errorf("%s: got %v", name, v)
		}
	}
	s := JWT{Token: Header("X"), Algorithms: []string{"RS256"}, JWKS: "https://example.com/keys"}
	if _, err := s.Build("test", Config{}); !errors.Is(err, ErrNoFetcher) {
		t.Errorf("without a fetcher: got %v, want %v", err, ErrNoFetcher)
	}
}

// documents are what a [Fetcher] serves, by URL.
type documents map[string][]byte

func (d documents) Fetch(_ context.Context, pin Pin, rawURL string) ([]byte, error) {
	if err := pin.Check(rawURL); err != nil {
		return nil, err
	}
	if doc, ok := d[rawURL]; ok {
		return doc, nil
	}
	return nil, errors.New("no answer")
}

// keySetOf writes the public halves of the test keys as a JSON Web Key Set,
// among keys that nobody knows or that are for something else.
func keySetOf(t testing.TB) []byte {
	t.Helper()
	b64 := base64.RawURLEncoding.EncodeToString
	keys := []map[string]any{
		{"kty": "oct", "kid": "symmetric", "k": "c2VjcmV0"},
		{"kty": "RSA", "kid": "bad", "n": "!", "e": "AQAB"},
	}
	for name, signer := range testSigners() {
		switch pub := signer.Public().(type) {
		case ed25519.PublicKey:
			keys = append(keys, map[string]any{"kty": "OKP", "crv": "Ed25519", "kid": name, "x": b64(pub)})
		case *ecdsa.PublicKey:
			point, err := pub.Bytes()
			if err != nil {
				t.Fatal(err)
			}
			half := len(point) / 2
			keys = append(keys, map[string]any{
				"kty": "EC", "crv": pub.Params().Name, "kid": name, "x": b64(point[1 : 1+half]), "y": b64(point[1+half:]),
			})
		case *rsa.PublicKey:
			key := map[string]any{"kty": "RSA", "kid": name, "n": b64(pub.N.Bytes()), "e": b64(big.NewInt(int64(pub.E)).Bytes())}
			keys = append(keys, key)
			keys = append(keys, map[string]any{"kty": "RSA", "kid": "encryption", "use": "enc", "n": key["n"], "e": key["e"]})
			keys = append(keys, map[string]any{"kty": "RSA", "kid": "only-ps256", "alg": "PS256", "n": key["n"], "e": key["e"]})
		}
	}
	doc, err := json.Marshal(map[string]any{"keys": keys})
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestJWKS(t *testing.T) {
	t.Parallel()
	const where = "https://keys.example.com/set"
	fetcher := documents{where: keySetOf(t)}
	s := JWT{Token: Header("X-Jwt"), JWKS: where}
	for alg := range jwtAlgorithms {
		s.Algorithms = append(s.Algorithms, alg)
	}
	v := testBuild(t, s, Config{Fetcher: fetcher, Time: at(1700000000)})
	token := func(alg, key, kid string) *Request {
		private, err := NewPrivateKey(kid, testSigners()[key])
		if err != nil {
			t.Fatal(err)
		}
		req := testRequest(t, "body")
		one := JWT{Token: s.Token, Algorithms: []string{alg}}
		if err := one.Sign(req, Config{Keys: Keys{private}, Time: at(1700000000)}); err != nil {
			t.Fatal(err)
		}
		return req
	}
	for alg, key := range jwtAlgorithms {
		if res, err := v.Verify(t.Context(), token(alg, key, key)); err != nil || res.KeyID != key {
			t.Errorf("%s: got %+v, %v", alg, res, err)
		}
	}
	for _, tt := range []struct {
		name, alg, key, kid string
		kind                error
	}{
		{"no kid", "ES256", "p256", "", nil},
		{"unknown kid", "ES256", "p256", "hostile", ErrUnknownKey},
		{"kid of another key", "ES256", "p256", "p384", ErrMismatch},
		{"kid of a symmetric key", "ES256", "p256", "symmetric", ErrUnknownKey},
		{"kid of a key for encryption", "RS256", "rsa", "encryption", ErrUnknownKey},
		{"key that is for this alg", "PS256", "rsa", "only-ps256", nil},
		{"key that is for another alg", "RS256", "rsa", "only-ps256", ErrMismatch},
	} {
		_, err := v.Verify(t.Context(), token(tt.alg, tt.key, tt.kid))
		if !errors.Is(err, tt.kind) || err != nil && strings.Contains(err.Error(), "hostile") {
			t.Errorf("%s: got %v, want %v", tt.name, err, tt.kind)
		}
	}
	req := token("ES256", "p256", "p256")
	for name, doc := range map[string]string{"not JSON": "<html>", "no keys": "{}"} {
		fetcher[where] = []byte(doc)
		_, err := v.Verify(t.Context(), req)
		if !errors.Is(err, ErrUnavailable) {
			t.Errorf("%s: got %v, want %v", name, err, ErrUnavailable)
		}
	}
	delete(fetcher, where)
	_, err := v.Verify(t.Context(), req)
	wantErr(t, err, ErrUnavailable)
	fetcher[where] = keySetOf(t)
	if _, err := v.Verify(t.Context(), req); err != nil {
		t.Errorf("after the key server came back: got %v", err)
	}
}

func TestJWTTimeless(t *testing.T) {
	t.Parallel()
	const now = 1700000000
	sum := sha256.Sum256([]byte("a body"))
	token := func(times string) string {
		return jwtText(`{"alg":"HS256"}`, `{"h":"`+hex.EncodeToString(sum[:])+`"`+times+`}`, "secret")
	}
	scheme := JWT{Token: Header("X-Jwt"), Algorithms: []string{"HS256"}, BodyHash: "h", Timeless: true}
	v := testBuild(t, scheme, Config{Keys: testKeys(t, "secret"), Time: at(now)})
	for _, tt := range []struct {
		name, times string
		want        error
	}{
		{"no time", "", nil},
		{"an old iat", `,"iat":1`, nil},
		{"expired", `,"exp":1`, ErrStale},
		{"iat in the future", `,"iat":1900000000`, ErrFuture},
		{"nbf in the future", `,"nbf":1900000000`, ErrFuture},
	} {
		if _, err := v.Verify(t.Context(), testRequest(t, "a body", "X-Jwt", token(tt.times))); !errors.Is(err, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.name, err, tt.want)
		}
	}
	if _, err := v.Verify(t.Context(), testRequest(t, "another", "X-Jwt", token(""))); !errors.Is(err, ErrMismatch) {
		t.Errorf("another body: got %v", err)
	}
	for _, bad := range []JWT{
		{Token: Header("X-Jwt"), Algorithms: []string{"HS256"}, Timeless: true},
		{Token: Header("X-Jwt"), Algorithms: []string{"HS256"}, BodyHash: "h", Timeless: true, RequireExpiry: true},
	} {
		if _, err := bad.Build("test", Config{Keys: testKeys(t, "secret")}); err == nil {
			t.Errorf("built: %+v", bad)
		}
	}
}
