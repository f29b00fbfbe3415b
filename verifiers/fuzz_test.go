package verifiers

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func FuzzTemplate(f *testing.F) {
	for _, s := range []string{
		"{body}", "v0:{timestamp}:{body}", "{id}.{timestamp}.{body}", "{{x}}", "{", "}", "{header:X-A}{query:b}{form:c}{json:/d}",
		"{req:method}{req:path}{req:host}{req:query}", "{option:a}{md5:body}{base64:body}{proof}", "{secret}{sha256:body}{custom}", "{header:", "{json:/~}",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		tmpl, err := parseTemplate(text)
		if err != nil {
			return
		}
		for i := range tmpl {
			if tmpl[i].kind == segLiteral && i > 0 && tmpl[i-1].kind == segLiteral {
				t.Errorf("two literals in a row: %q", text)
			}
			if tmpl[i].kind == segSource && tmpl[i].source.check() != nil {
				t.Errorf("a source that is none: %+v", tmpl[i].source)
			}
		}
		if !strings.ContainsAny(text, "{}") && text != "" && (len(tmpl) != 1 || tmpl[0].text != text) {
			t.Errorf("got %+v for the literal %q", tmpl, text)
		}
	})
}

func FuzzSource(f *testing.F) {
	f.Add("t=1,v1=abc,v1=def", "v1", ",", "")
	f.Add("v1,a v1a,b", "", " ", "v1,")
	f.Add("sha256=abc", "", "", "sha256=")
	f.Add("a=1 , b = 2", "b", ",", "")
	f.Add("", "", "", "")
	f.Fuzz(func(t *testing.T, value, pair, sep, prefix string) {
		s := Source{Header: "X-Sig", Pair: pair, Sep: sep, Prefix: prefix}
		req := testRequest(t, "", "X-Sig", value)
		var l items
		err := s.collect(req, &l)
		for _, v := range l.list() {
			if v == "" || !strings.Contains(value, v) {
				t.Errorf("got %q, which is not in %q", v, value)
			}
		}
		one, oneErr := s.Lookup(req)
		switch {
		case err != nil && !errors.Is(err, ErrMissing) && !errors.Is(err, ErrMalformed):
			t.Errorf("got %v", err)
		case (err == nil && l.n == 1) != (oneErr == nil):
			t.Errorf("collect: %q, %v; Lookup: %q, %v", l.list(), err, one, oneErr)
		case oneErr == nil && one != l.list()[0]:
			t.Errorf("got %q and %q", one, l.list())
		case err == nil && l.n == 0:
			t.Error("no value and no error")
		}
	})
}

func FuzzVerifyHMAC(f *testing.F) {
	f.Add([]byte(`{"a":1}`), uint(0), byte(1), "v1=00")
	f.Add([]byte("x"), uint(7), byte(0x80), "t=1700000000,v1=")
	f.Add([]byte{}, uint(3), byte(0x20), "t=,v1=zz,v1")
	s := HMAC{Hash: SHA256, Signed: Signed{
		Signature: Header("X-Sig").KV("v1"), Timestamp: Header("X-Sig").KV("t"), Content: "{timestamp}.{req:path}.{header:X-H}.{body}",
	}}
	cfg := Config{Keys: testKeys(f, "secret"), Time: at(1700000000)}
	v, err := s.Build("test", cfg)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte, at uint, flip byte, forged string) {
		req := testRequest(t, string(body), "X-H", "header")
		req.Header.Set("X-Sig", forged)
		if _, err := v.Verify(t.Context(), req); err == nil {
			t.Fatalf("accepted the forged %q", forged)
		}
		req.Header.Del("X-Sig")
		if err := s.Sign(req, cfg); err != nil {
			t.Fatal(err)
		}
		if _, err := v.Verify(t.Context(), req); err != nil {
			t.Fatalf("refused its own signature: %v", err)
		}
		if flip == 0 {
			return
		}
		if i := at % uint(len(body)+6); i < uint(len(body)) {
			req.Body = slices.Clone(req.Body)
			req.Body[i] ^= flip
		} else {
			h := []byte("header")
			h[i-uint(len(body))] ^= flip
			req.Header["X-H"] = []string{string(h)}
		}
		_, err := v.Verify(t.Context(), req)
		wantErr(t, err, ErrMismatch)
	})
}

func FuzzJWT(f *testing.F) {
	f.Add(jwtText(`{"alg":"HS256"}`, `{"exp":60}`, "secret"))
	f.Add(jwtText(`{"alg":"none"}`, `{"exp":60}`, ""))
	f.Add(jwtText(`{"alg":"HS256","crit":[]}`, `{"iat":1e400}`, "other"))
	f.Add("..")
	f.Add("e30.e30.AA")
	cfg := Config{Keys: testKeys(f, "secret"), Time: at(0)}
	v, err := JWT{Token: Header("X-Jwt"), Algorithms: []string{"HS256"}}.Build("test", cfg)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		req := testRequest(t, "body", "X-Jwt", text)
		_, err := v.Verify(t.Context(), req)
		if err != nil {
			if Reason(err) == "internal" || len(text) > 20 && strings.Contains(err.Error(), text) {
				t.Errorf("got %v", err)
			}
			return
		}
		// What is accepted has to be what we would have signed ourselves.
		i := strings.LastIndexByte(text, '.')
		m := cfg.Keys.(Keys)[0].material(SHA256, KeyText)
		if got := text[:i+1] + encode(m.sumString(text[:i]), Base64URL); got != text {
			t.Errorf("accepted %q, which was not signed", text)
		}
	})
}
