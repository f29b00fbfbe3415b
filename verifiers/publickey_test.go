package verifiers

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"sync"
	"testing"
)

// testSigners are private keys of each kind, made once.
var testSigners = sync.OnceValue(func() map[string]crypto.Signer {
	_, ed, err1 := ed25519.GenerateKey(rand.Reader)
	p256, err2 := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	p384, err3 := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	p521, err4 := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	rsa2048, err5 := rsa.GenerateKey(rand.Reader, 2048)
	if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
		panic(err)
	}
	return map[string]crypto.Signer{"ed25519": ed, "p256": p256, "p384": p384, "p521": p521, "rsa": rsa2048}
})

// testPair returns a key that signs and the public half of it.
func testPair(t testing.TB, name string) (private, public Keys) {
	t.Helper()
	signer := testSigners()[name]
	a, err := NewPrivateKey("a", signer)
	if err != nil {
		t.Fatal(err)
	}
	b, err := NewPublicKey("a", signer.Public())
	if err != nil {
		t.Fatal(err)
	}
	return Keys{a}, Keys{b}
}

func TestPublicKeySchemes(t *testing.T) {
	t.Parallel()
	text := Signed{
		Signature: Header("X-Sig"), Encoding: Base64, Timestamp: Header("X-Time"), Content: "{timestamp}{body}",
	}
	tests := []struct {
		word, key string
		scheme    Signer
	}{
		{"ed25519", "ed25519", Ed25519{text}},
		{"ecdsa-sha256", "p256", ECDSA{Hash: SHA256, Signed: text}},
		{"ecdsa-sha384", "p384", ECDSA{Hash: SHA384, Signed: text}},
		{"ecdsa-sha256", "p256", ECDSA{Hash: SHA256, Raw: true, Signed: text}},
		{"ecdsa-sha512", "p521", ECDSA{Hash: SHA512, Raw: true, Signed: text}},
		{"rsa-sha256", "rsa", RSA{Hash: SHA256, Signed: text}},
		{"rsa-sha1", "rsa", RSA{Hash: SHA1, Signed: text}},
		{"rsa-pss-sha256", "rsa", RSA{Hash: SHA256, PSS: true, Signed: text}},
	}
	for _, tt := range tests {
		t.Run(tt.word+" "+tt.key, func(t *testing.T) {
			t.Parallel()
			private, public := testPair(t, tt.key)
			cfg := Config{Keys: private, Time: at(1700000000)}
			req := testRequest(t, "body")
			if err := tt.scheme.Sign(req, cfg); err != nil {
				t.Fatal(err)
			}
			cfg.Keys = public
			v := testBuild(t, tt.scheme, cfg)
			res, err := v.Verify(t.Context(), req)
			if err != nil || res.Scheme != tt.word || res.KeyID != "a" || !res.Covers.Body {
				t.Fatalf("got %+v, %v", res, err)
			}
			if err := tt.scheme.Sign(testRequest(t, "body"), cfg); !errors.Is(err, ErrKeyFormat) {
				t.Errorf("signing with a public key: got %v, want %v", err, ErrKeyFormat)
			}
			good := req.Header.Get("X-Sig")
			for _, change := range []struct {
				name   string
				change func()
				kind   error
			}{
				{"body", func() { req.Body = []byte("bodY") }, ErrMismatch},
				{"timestamp", func() { req.Body = []byte("body"); req.Header.Set("X-Time", "1700000001") }, ErrMismatch},
				{"half a signature", func() { req.Header.Set("X-Sig", good[:len(good)/8*4]) }, ErrMalformed},
				{"line break", func() { req.Header.Set("X-Sig", good[:4]+"\n"+good[4:]) }, ErrMalformed},
				{"none", func() { req.Header.Del("X-Sig") }, ErrMissing},
			} {
				change.change()
				_, err := v.Verify(t.Context(), req)
				if !errors.Is(err, change.kind) {
					t.Errorf("%s: got %v, want %v", change.name, err, change.kind)
				}
			}
		})
	}
}

func TestPublicKeyOfAnotherKind(t *testing.T) {
	t.Parallel()
	text := Signed{Signature: Header("X-Sig"), Content: "{body}"}
	kinds := map[string]Scheme{
		"ed25519": Ed25519{text}, "p256": ECDSA{Hash: SHA256, Signed: text}, "rsa": RSA{Hash: SHA256, Signed: text},
	}
	for scheme, s := range kinds {
		for key := range kinds {
			_, public := testPair(t, key)
			if v, err := s.Build("test", Config{Keys: public}); (err == nil) != (key == scheme) || err != nil && !errors.Is(err, ErrKeyFormat) {
				t.Errorf("%s with a key of %s: got %v, %v", scheme, key, v, err)
			}
		}
	}
	_, public := testPair(t, "p256")
	if v, err := githubScheme.Build("test", Config{Keys: public}); !errors.Is(err, ErrKeyFormat) || v != nil {
		t.Errorf("HMAC with a public key: got %v, %v, want %v", v, err, ErrKeyFormat)
	}
	withSecret := Ed25519{Signed{Signature: Header("X-Sig"), Content: "{secret}{body}"}}
	_, public = testPair(t, "ed25519")
	if v, err := withSecret.Build("test", Config{Keys: public}); err == nil || v != nil {
		t.Errorf("a public key as {secret}: got %v, %v", v, err)
	}
}
