package verifiers

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestNewKeyRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		secret string
		want   error
	}{
		{"", ErrEmptyKey},
		{" \t\r\n", ErrEmptyKey},
		{"secret\n", ErrKeyFormat},
		{" secret", ErrKeyFormat},
	} {
		if k, err := NewKey("id", []byte(tt.secret)); !errors.Is(err, tt.want) || k != nil {
			t.Errorf("%q: got %v, %v, want %v", tt.secret, k, err, tt.want)
		}
	}
	weak, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, pub := range []crypto.PublicKey{nil, "text", ed25519.PublicKey("short"), &weak.PublicKey, (*rsa.PublicKey)(nil)} {
		if k, err := NewPublicKey("id", pub); !errors.Is(err, ErrKeyFormat) || k != nil {
			t.Errorf("%T: got %v, %v, want %v", pub, k, err, ErrKeyFormat)
		}
	}
}

func TestKeyShowsNothing(t *testing.T) {
	t.Parallel()
	const secret = "s3cr3t-material"
	k, err := NewKey("2026-09", []byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	k.material(SHA256, KeyText)
	encoded, err := json.Marshal(map[string]any{"pointer": k, "value": *k, "list": Keys{k}})
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "key", k, "value", *k, "list", Keys{k})
	texts := []string{string(encoded), log.String()}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T"} {
		for _, v := range []any{k, *k, Keys{k}, Config{Keys: Keys{k}}, struct{ K Key }{*k}} {
			texts = append(texts, fmt.Sprintf(verb, v))
		}
	}
	forms := []string{
		secret, hex.EncodeToString([]byte(secret)), strings.ToUpper(hex.EncodeToString([]byte(secret))),
		base64.StdEncoding.EncodeToString([]byte(secret)), strings.Trim(fmt.Sprint(string([]byte(secret))), "[]"),
		strings.TrimSuffix(strings.TrimPrefix(fmt.Sprintf("%#v", []byte(secret)), "[]byte{"), "}"),
	}
	for _, text := range texts {
		for _, form := range forms {
			if strings.Contains(text, form) {
				t.Errorf("%q shows the secret", text)
			}
		}
	}
	if want := "key(2026-09)"; k.String() != want || !strings.Contains(log.String(), want) {
		t.Errorf("got %s and %s, want %s", k, log.String(), want)
	}
}

func TestNoKeysNoVerifier(t *testing.T) {
	t.Parallel()
	text := Signed{Signature: Header("X-Sig"), Content: "{body}"}
	schemes := []Scheme{
		githubScheme,
		Ed25519{text},
		ECDSA{Hash: SHA256, Signed: text},
		RSA{Hash: SHA256, Signed: text},
		Token{Source: Header("X-Token")},
		Basic{},
		JWT{Token: Header("X-Jwt"), Algorithms: []string{"HS256"}},
		JWT{Token: Header("X-Jwt"), Algorithms: []string{"ES256"}},
	}
	for _, s := range schemes {
		for _, keys := range []KeySource{nil, Keys(nil), Keys{}, Keys{nil}} {
			if v, err := s.Build("test", Config{Keys: keys}); !errors.Is(err, ErrNoKeys) || v != nil {
				t.Errorf("%T with %#v: got %v, %v, want %v", s, keys, v, err, ErrNoKeys)
			}
		}
		if v, err := s.Build("test", Config{Keys: Keys{&Key{}}}); err == nil || v != nil {
			t.Errorf("%T with the zero key: got %v, %v", s, v, err)
		}
	}
}

func TestSecretFormats(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		format KeyFormat
		text   string
		want   error
	}{
		{KeyHex, "abc", ErrKeyFormat},
		{KeyHex, "zz", ErrKeyFormat},
		{KeyBase64, "YQ", ErrKeyFormat},
		{KeyBase64, "YR==", ErrKeyFormat},
		{KeyBase64, "YWFh\nYWFh", ErrKeyFormat},
		{KeyBase64URL, "Y+==", ErrKeyFormat},
		{KeyWhsec, "whsec_", ErrEmptyKey},
		{KeyWhsec, "whsec_!", ErrKeyFormat},
		{KeyWhsec, "v1,whsec_!", ErrKeyFormat},
		{KeyWhsec, "v1,whsec_", ErrEmptyKey},
		{KeyWhsec, "v1,whsec_YWFh", nil},
		{KeyWhsec, "whsec_YWFh", nil},
		{"rot13", "a", ErrKeyFormat},
	} {
		k := testKeys(t, tt.text)
		s := githubScheme
		s.Key = tt.format
		_, err := s.Build("test", Config{Keys: k})
		if !errors.Is(err, tt.want) || err != nil && strings.Contains(err.Error(), tt.text+":") {
			t.Errorf("%s %q: got %v, want %v", tt.format, tt.text, err, tt.want)
		}
	}
}

// broken is a [KeySource] for what may go wrong.
type broken struct {
	keys Keys
	err  error
}

func (b broken) Keys(context.Context, string) ([]*Key, error) { return b.keys, b.err }

func TestKeySourceTrouble(t *testing.T) {
	t.Parallel()
	req := testRequest(t, githubBody, "X-Hub-Signature-256", "sha256="+githubSum)
	token := testRequest(t, "", "X-Token", "x")
	whsec := githubScheme
	whsec.Key = KeyWhsec
	for _, tt := range []struct {
		name   string
		scheme Scheme
		source broken
		req    *Request
		kind   error
	}{
		{"no answer", githubScheme, broken{err: errors.New("down: " + githubSecret)}, req, ErrUnavailable},
		{"no keys", githubScheme, broken{}, req, ErrMismatch},
		{"a nil key", githubScheme, broken{keys: Keys{nil}}, req, ErrMismatch},
		{"a key that cannot be decoded", whsec, broken{keys: testKeys(t, "whsec_!")}, req, ErrUnavailable},
		{"no token", Token{Source: Header("X-Token")}, broken{}, token, ErrMismatch},
		{"no answer for a token", Token{Source: Header("X-Token")}, broken{err: context.Canceled}, token, ErrUnavailable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := testBuild(t, tt.scheme, Config{Keys: tt.source}).Verify(t.Context(), tt.req)
			wantErr(t, err, tt.kind, githubSecret, "whsec_!")
		})
	}
}

func TestPublicKeyForms(t *testing.T) {
	t.Parallel()
	pub, _, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	point, err := ec.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	der := func(pub any) []byte {
		b, err := x509.MarshalPKIXPublicKey(pub)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	b64, b64url := base64.StdEncoding.EncodeToString, base64.RawURLEncoding.EncodeToString
	block := func(kind string, b []byte) string {
		return strings.TrimSpace(string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b})))
	}
	tests := []struct {
		name, text string
		format     KeyFormat
		want       any
	}{
		{"hex", hex.EncodeToString(pub), KeyAny, pub},
		{"base64", b64(pub), KeyAny, pub},
		{"whpk", "whpk_" + b64(pub), KeyWhpk, pub},
		{"whpk by itself", "whpk_" + b64(pub), KeyAny, pub},
		{"DER in base64", b64(der(pub)), KeyAny, pub},
		{"DER in hex", hex.EncodeToString(der(pub)), KeyAny, pub},
		{"PEM", block("PUBLIC KEY", der(pub)), KeyPEM, pub},
		{"EC in base64", b64(der(&ec.PublicKey)), KeyAny, &ec.PublicKey},
		{"EC point", hex.EncodeToString(point), KeyAny, &ec.PublicKey},
		{"EC in PEM", block("PUBLIC KEY", der(&ec.PublicKey)), KeyAny, &ec.PublicKey},
		{"JWK", `{"kty":"OKP","crv":"Ed25519","kid":"1","x":"` + b64url(pub) + `"}`, KeyAny, pub},
		{"JWK of a secret", `{"kty":"oct","k":"c2VjcmV0"}`, KeyAny, nil},
		{"JWK that ends early", `{"kty":"OKP",`, KeyAny, nil},
		{"JWK where PEM is due", `{"kty":"OKP","crv":"Ed25519","x":"` + b64url(pub) + `"}`, KeyPEM, nil},
		{"PEM in base64", b64([]byte(block("PUBLIC KEY", der(pub)))), KeyAny, pub},
		{"PEM in one line", strings.ReplaceAll(block("PUBLIC KEY", der(pub)), "\n", ""), KeyAny, pub},
		{"two blocks", block("PUBLIC KEY", der(pub)) + "\n" + block("PUBLIC KEY", der(pub)), KeyAny, nil},
		{"private block", block("PRIVATE KEY", der(pub)), KeyAny, nil},
		{"not PEM", b64(pub), KeyPEM, nil},
		{"one byte short", hex.EncodeToString(pub[:31]), KeyAny, nil},
		{"text", "hello", KeyAny, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m := testKeys(t, tt.text)[0].material("", tt.format)
			if tt.want == nil {
				if !errors.Is(m.err, ErrKeyFormat) {
					t.Errorf("got %v, want %v", m.err, ErrKeyFormat)
				}
				return
			}
			equal, ok := m.public.(interface{ Equal(crypto.PublicKey) bool })
			if m.err != nil || !ok || !equal.Equal(tt.want) {
				t.Errorf("got %v, %v, want %v", m.public, m.err, tt.want)
			}
		})
	}
}

func TestKeysHint(t *testing.T) {
	t.Parallel()
	const one, two, plain = `{"kid":"one"}`, `{"kid":"two"}`, "secret"
	keys := testKeys(t, one, two, plain)
	for _, tt := range []struct {
		hint string
		want []int
	}{{"", []int{0, 1, 2}}, {"one", []int{0, 2}}, {"two", []int{1, 2}}, {"three", []int{2}}} {
		got, err := keys.Keys(t.Context(), tt.hint)
		if err != nil || len(got) != len(tt.want) {
			t.Fatalf("%q: got %v, %v, want %v", tt.hint, got, err, tt.want)
		}
		for i, k := range got {
			if k != keys[tt.want[i]] {
				t.Errorf("%q: got key %v at %d", tt.hint, k, i)
			}
		}
	}
}

func TestKeyNFKD(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ text, want string }{
		{"secret", "secret"}, {"s\u00e9cret", "se\u0301cret"}, {"\ufb01n\u00b2", "fin2"},
	} {
		if m := testKeys(t, tt.text)[0].material("", KeyNFKD); m.err != nil || string(m.secret) != tt.want {
			t.Errorf("%q: got %q, %v, want %q", tt.text, m.secret, m.err, tt.want)
		}
	}
}
