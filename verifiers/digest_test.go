package verifiers

import (
	"errors"
	"strings"
	"testing"
)

// TestSignedForms verifies what Python's hmac and hashlib made.
func TestSignedForms(t *testing.T) {
	t.Parallel()
	sig := Header("X-Sig")
	for _, tt := range []struct {
		name   string
		scheme Signer
		body   string
		sum    string
		word   string
	}{
		{
			"MD5 digest",
			Digest{Hash: MD5, Signed: Signed{Signature: sig, Content: "{secret}{body}"}},
			`{"a":1}`, "204ca2e533003092cd1dce175110a05d", "digest-md5",
		},
		{
			"SHA-512 digest",
			Digest{Hash: SHA512, Signed: Signed{Signature: sig, Content: "{json:/o}{option:sep}{secret}"}},
			`{"o":"order1"}`, "50c33e8647e7b779bdfa66d28362849cdb82bc0cacbb5395e3b009e8f6b1c74de3281afdcd03969ad1abcd6e22f19c9bb5cc27f9beb8ed05f555a11e7d1451de", "digest-sha512",
		},
		{
			"hash of the secret as key",
			HMAC{Hash: SHA1, KeyHash: SHA1, Signed: Signed{Signature: sig, Content: "{body}"}},
			"payload", "2e1d8ace1dc1dfc984926388371e9e302da5d0a7", "hmac-sha1",
		},
		{
			"HMAC-MD5",
			HMAC{Hash: MD5, Signed: Signed{Signature: sig, Content: "{body}"}},
			"payload1", "6d0f783ae6b34d7055611b2330e845d0", "hmac-md5",
		},
		{
			"option",
			HMAC{Hash: SHA256, Signed: Signed{Signature: sig, Content: "{option:url}{body}"}},
			`{"a":1}`, "51e83c4b3e59d6c59412c87480bfca5c02ff58267f1f026a296ac75af40d116e", "hmac-sha256",
		},
		{
			"SHA-1 of the body",
			HMAC{Hash: SHA256, Signed: Signed{Signature: sig, Content: "{sha1:body}"}},
			`{"a":1}`, "24d254d9db1d33dc6abf161aea26babb816f8ce0488e1a63e5e588c8c7447efa", "hmac-sha256",
		},
		{
			"SHA-512 of the body",
			HMAC{Hash: SHA256, Signed: Signed{Signature: sig, Content: "x{sha512:body}"}},
			`{"a":1}`, "07e7f743120b8b031f8a5bf8f6c734f042c93525a717e15638fa8074946365fd", "hmac-sha256",
		},
		{
			"base64 of the body",
			HMAC{Hash: SHA256, Signed: Signed{Signature: sig, Content: "{base64:body}"}},
			`{"a":1}`, "8fcbdedd8cfc78a54ab482c06f7f2389de0ba5da20da0a8210d9ff7477e193e2", "hmac-sha256",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			cfg := Config{
				Keys: testKeys(t, "other", "s3cret"), Time: at(0),
				Options: map[string]string{"url": "https://cb.example.com", "sep": ":"},
			}
			v := testBuild(t, tt.scheme, cfg)
			res, err := v.Verify(t.Context(), testRequest(t, tt.body, "X-Sig", tt.sum))
			wantErr(t, err, nil)
			if res.KeyID != "b" || res.Scheme != tt.word || !res.Covers.Content() {
				t.Errorf("got %+v", res)
			}
			_, err = v.Verify(t.Context(), testRequest(t, strings.Replace(tt.body, "1", "2", 1)+" ", "X-Sig", "00"+tt.sum[2:]))
			wantErr(t, err, ErrMismatch, tt.sum, "s3cret")
			_, err = v.Verify(t.Context(), testRequest(t, tt.body, "X-Sig", tt.sum[2:]))
			wantErr(t, err, ErrMalformed)

			req := testRequest(t, tt.body)
			cfg.Keys = testKeys(t, "s3cret")
			if err := tt.scheme.Sign(req, cfg); err != nil || req.Header.Get("X-Sig") != tt.sum {
				t.Errorf("signing: got %s, %v, want %s", req.Header.Get("X-Sig"), err, tt.sum)
			}
			data, err := MarshalScheme(tt.scheme)
			if err != nil {
				t.Fatal(err)
			}
			again, err := UnmarshalScheme(data)
			if err != nil {
				t.Fatal(err)
			}
			_, err = testBuild(t, again, cfg).Verify(t.Context(), testRequest(t, tt.body, "X-Sig", tt.sum))
			wantErr(t, err, nil)
		})
	}
}

func TestOptionsAreRequired(t *testing.T) {
	t.Parallel()
	sig := Header("X-Sig")
	for name, s := range map[string]Scheme{
		"hmac":   HMAC{Hash: SHA256, Signed: Signed{Signature: sig, Content: "{option:url}{body}"}},
		"digest": Digest{Hash: SHA256, Signed: Signed{Signature: sig, Content: "{option:url}{body}{secret}"}},
		"jwt":    JWT{Token: sig, Algorithms: []string{"HS256"}, Issuers: []string{"{option:issuer}"}},
		"jwks":   JWT{Token: sig, Algorithms: []string{"RS256"}, JWKS: "https://{option:domain}/jwks"},
	} {
		if _, err := s.Build("test", Config{Keys: testKeys(t, "k")}); !errors.Is(err, ErrOption) {
			t.Errorf("%s: got %v, want %v", name, err, ErrOption)
		}
	}
	p := Provider{Name: "p", Scheme: HMAC{Hash: SHA256, Signed: Signed{Signature: sig, Content: "{option:url}{body}"}}}
	if err := p.Check(); !errors.Is(err, ErrOption) {
		t.Errorf("an option that the provider does not have: got %v, want %v", err, ErrOption)
	}
}

func TestSchemesThatAreRefused(t *testing.T) {
	t.Parallel()
	sig := Header("X-Sig")
	for _, tt := range []struct {
		name   string
		scheme Scheme
		want   string
	}{
		{"digest without a secret", Digest{Hash: SHA256, Signed: Signed{Signature: sig, Content: "{body}"}}, "{secret}"},
		{"digest with a public key", Digest{Hash: SHA256, Signed: Signed{Signature: sig, Content: "{body}{secret}", Key: KeyPEM}}, "public keys"},
		{"HMAC with CRC", HMAC{Hash: "crc32", Signed: Signed{Signature: sig, Content: "{body}"}}, "unknown hash"},
		{"key hashed with MD5", HMAC{Hash: SHA1, KeyHash: MD5, Signed: Signed{Signature: sig, Content: "{body}"}}, "unknown hash"},
		{"RSA with MD5", RSA{Hash: MD5, Signed: Signed{Signature: sig, Content: "{body}"}}, "unknown hash"},
		{"two hashes of the body", HMAC{Hash: SHA1, Signed: Signed{Signature: sig, Content: "{sha1:body}{md5:body}"}}, "two different hashes"},
		{"proof", HMAC{Hash: SHA1, Signed: Signed{Signature: sig, Content: "{body}{proof}"}}, "answers only"},
		{"only an option", HMAC{Hash: SHA1, Signed: Signed{Signature: sig, Content: "{option:x}"}}, "nothing of the request"},
	} {
		_, err := tt.scheme.Build("test", Config{Keys: testKeys(t, "k"), Options: map[string]string{"x": "y"}})
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want an error with %q", tt.name, err, tt.want)
		}
	}
}

func TestSteps(t *testing.T) {
	t.Parallel()
	// {"event":{"type":"made","data":"{\"id\":7,\"nested\":{}}"},"n":null}
	const claims = "eyJldmVudCI6eyJ0eXBlIjoibWFkZSIsImRhdGEiOiJ7XCJpZFwiOjcsXCJuZXN0ZWRcIjp7fX0ifSwibiI6bnVsbH0"
	const token = "eyJhbGciOiJIUzI1NiJ9." + claims + ".c2ln"
	for _, tt := range []struct {
		name   string
		source Source
		body   string
		form   bool
		want   string
		kind   error
	}{
		{name: "claim", source: Body().Claim("/event/type"), body: token, want: "made"},
		{name: "JSON in a claim", source: Body().Claim("/event/data").Inner("/id"), body: token, want: "7"},
		{name: "no such claim", source: Body().Claim("/event/name"), body: token, kind: ErrMissing},
		{name: "claim that is null", source: Body().Claim("/n"), body: token, kind: ErrMissing},
		{name: "claim that is no text", source: Body().Claim("/event"), body: token, kind: ErrMalformed},
		{name: "step into no JSON", source: Body().Claim("/event/type").Inner("/id"), body: token, kind: ErrMalformed},
		{name: "no token", source: Body().Claim("/event"), body: "a.b", kind: ErrMalformed},
		{name: "two lines", source: Body(), body: "a\nb", kind: ErrMalformed},
		{name: "no body", source: Body(), kind: ErrMissing},
		{name: "form", source: Form("payload").Inner("/type"), body: "payload=%7B%22type%22%3A%22block_actions%22%7D", form: true, want: "block_actions"},
		{name: "base64", source: JSON("/message/data").Base64("/x"), body: `{"message":{"data":"eyJ4Ijp0cnVlfQ=="}}`, want: "true"},
		{name: "base64url", source: JSON("/message/data").Base64("/x"), body: `{"message":{"data":"eyJ4Ijp0cnVlfQ"}}`, want: "true"},
		{name: "not base64", source: JSON("/message/data").Base64("/x"), body: `{"message":{"data":"{}"}}`, kind: ErrMalformed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			req := testRequest(t, tt.body)
			if tt.form {
				req.Header.Set("Content-Type", mediaForm)
			}
			if err := tt.source.check(); err != nil {
				t.Fatal(err)
			}
			got, err := tt.source.Lookup(req)
			if got != tt.want || !errors.Is(err, tt.kind) {
				t.Errorf("got %q, %v, want %q, %v", got, err, tt.want, tt.kind)
			}
			c := Coverage{Body: true}
			if !c.Covers(tt.source) {
				t.Error("what is inside the body is covered with it")
			}
		})
	}
	for _, s := range []Source{
		{Header: "A", Within: []Step{{As: "xml", Pointer: "/a"}}},
		{Header: "A", Within: []Step{{As: AsJSON, Pointer: "a"}}},
		Header("A").KV("b").Inner("/c"), First(Header("A")).Inner("/c"),
	} {
		if s.check() == nil {
			t.Errorf("%+v passes", s)
		}
	}
}
