package cli

import (
	"bytes"
	"context"
	"crypto/elliptic"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/providers"
)

// TestFaultsOfAll makes each fault for each provider that can be signed for. A
// receiver refuses it for the reason that it should; or the fault is refused because
// nobody could notice.
func TestFaultsOfAll(t *testing.T) {
	t.Parallel()
	faults := map[string]struct {
		Faults
		reason error
		least  int // as many providers have it
	}{
		"stale":     {Faults{Stale: Auto}, verifiers.ErrStale, 60},
		"future":    {Faults{Future: Auto}, verifiers.ErrFuture, 60},
		"wrong key": {Faults{WrongKey: true}, verifiers.ErrMismatch, 250},
		"body":      {Faults{Tamper: TamperBody}, verifiers.ErrMismatch, 200},
		"signature": {Faults{Tamper: TamperSignature}, verifiers.ErrMismatch, 250},
		"url":       {Faults{Tamper: TamperURL}, verifiers.ErrMismatch, 10},
		"header":    {Faults{Tamper: TamperHeader}, verifiers.ErrMismatch, 50},
	}
	made := map[string]int{}
	for _, p := range providers.All() {
		if p.Name == "hmac" || signable(p) != nil || cannotSign[p.Name] != "" {
			continue
		}
		key, err := knownKey(p)
		if err != nil {
			t.Errorf("%s: %v", p.Name, err)
			continue
		}
		for name, f := range faults {
			s := &sender{
				provider: p, options: &SendOptions{Faults: f.Faults}, header: http.Header{},
				config: verifiers.Config{Keys: verifiers.Keys{key}, Options: exampleOptions(p)},
				target: &url.URL{Scheme: "https", Host: "hooks.example.com", Path: "/x"},
			}
			s.signed = s.target
			err := s.newVerifier(key)
			if err == nil {
				err = s.verdict()
			}
			if err != nil {
				t.Errorf("%s: without a fault: %v", p.Name, err)
				break
			}
			err = s.prepareFault(key)
			if errors.Is(err, ErrUsage) {
				continue
			}
			if err != nil {
				t.Errorf("%s, %s: %v", p.Name, name, err)
				continue
			}
			made[name]++
			if err := s.verdict(); !errors.Is(err, f.reason) && !alike(err, f.reason) {
				t.Errorf("%s, %s: the receiver says %v, want %v", p.Name, name, err, f.reason)
			}
		}
	}
	for name, f := range faults {
		if made[name] < f.least {
			t.Errorf("%s: made for %d providers, want %d at least", name, made[name], f.least)
		}
	}
	t.Logf("made for so many providers: %v", made)
}

// knownKey is a key of the kind of the provider's, made once for all.
func knownKey(p verifiers.Provider) (*verifiers.Key, error) {
	i := -1
	switch t := keyTypeOf(p); {
	case t.ed25519:
		i = 0
	case t.curve == elliptic.P256():
		i = 1
	case t.curve == elliptic.P521():
		i = 2
	case t.rsa:
		i = 3
	}
	if i < 0 {
		return freshKey(p)
	}
	return signingKey(testSigners()[i])
}

// alike reports whether a receiver may as well say this about a signature that does
// not fit: that it is none, or that it is for something else.
func alike(got, want error) bool {
	return want == verifiers.ErrMismatch && //nolint:errorlint // it is one of the table
		(errors.Is(got, verifiers.ErrUntrusted) || errors.Is(got, verifiers.ErrMalformed) || errors.Is(got, verifiers.ErrUnknownKey))
}

func TestFaultsCheck(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		f    Faults
		want string
	}{
		"none":            {Faults{}, ""},
		"with others":     {Faults{Stale: Auto, Duplicate: 2, Slow: time.Second}, ""},
		"two reasons":     {Faults{Stale: time.Hour, WrongKey: true}, "--stale and --wrong-key together"},
		"both ways":       {Faults{Stale: Auto, Future: Auto}, "--stale and --future together"},
		"what to tamper":  {Faults{Tamper: "all"}, "choose one of body, signature, url, header"},
		"negative amount": {Faults{Future: -time.Hour}, "no negative one"},
	} {
		err := tc.f.check()
		if tc.want == "" && err != nil || tc.want != "" && (!errors.Is(err, ErrUsage) || !strings.Contains(err.Error(), tc.want)) {
			t.Errorf("%s: got %v, want %q", name, err, tc.want)
		}
	}
}

func TestLeaves(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"a":"xy","b":[1,{"c":"z"}],"d":true,"e":""}`: "y1z",
		`["a","\n",{"k":"\u0041b","l":-1.5}]`:          "a5", // not what has an escape
		`"a"`:                                          "a",
		`{"a":{"b":{}},"c":[[2]]}`:                     "2",
		`{"a":1} {"b":2}`:                              "12",
		`no json`:                                      "",
		`{"a":"x`:                                      "",
		``:                                             "",
	} {
		got := ""
		for _, i := range leaves([]byte(body)) {
			changed := replaceAt([]byte(body), i, another(body[i]))
			if json.Valid([]byte(body)) && !json.Valid(changed) {
				t.Errorf("%s became %s, which is no JSON", body, changed)
			}
			got += body[i : i+1]
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", body, got, want)
		}
	}
}

func TestFlipped(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"0", "f", "abcdef0123456789", "+M9bAtoxr8k+WuEY0HPJSLBz3jU=", "a.b.c", "==", ""} {
		got := flipped(text)
		if got == text || len(text) > 2 && len(got) != len(text) {
			t.Errorf("%q became %q", text, got)
		}
	}
	for c := range 256 {
		b := byte(c)
		n := another(b)
		hex := func(c byte) bool { return strings.IndexByte("0123456789abcdefABCDEF", c) >= 0 }
		if hex(b) != hex(n) || (n == b) != !isAlphanumeric(b) {
			t.Errorf("%q became %q", b, n)
		}
	}
}

func isAlphanumeric(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

func TestDribble(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		body := bytes.Repeat([]byte("x"), 1234)
		start := time.Now()
		d := &dribble{ctx: t.Context(), body: body, whole: 10 * time.Second}
		half := make([]byte, len(body)/2)
		if _, err := io.ReadFull(d, half); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took < 4900*time.Millisecond || took > 5200*time.Millisecond {
			t.Errorf("half of it took %v, want 5s", took)
		}
		rest, err := io.ReadAll(d)
		if err != nil || len(rest)+len(half) != len(body) {
			t.Errorf("got %d bytes, %v", len(rest)+len(half), err)
		}
		if took := time.Since(start); took != 10*time.Second {
			t.Errorf("it took %v, want 10s", took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := io.ReadAll(&dribble{ctx: ctx, body: body, whole: time.Hour}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want the end of the context", err)
		}
	})
}
