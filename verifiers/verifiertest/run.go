package verifiertest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Run loads the vectors of fsys and tests with each of them the provider that
// lookup finds: the verdict and its kind; the same from two requests at once;
// the same through [verifiers.Middleware]; that the request is left as it was;
// and, if the vector has the flag Valid and the scheme is a [verifiers.Signer]
// with shared keys, that signing gives what the sender sent, byte for byte, or a
// token that is accepted.
func Run(t *testing.T, fsys fs.FS, lookup func(name string) (verifiers.Provider, bool)) {
	t.Helper()
	suites, err := Load(fsys)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range suites {
		t.Run(s.Provider, func(t *testing.T) {
			t.Parallel()
			p, ok := lookup(s.Provider)
			if !ok {
				t.Fatalf("there is no provider %q", s.Provider)
			}
			for i := range s.Tests {
				v := &s.Tests[i]
				t.Run(fmt.Sprintf("%d-%s", v.ID, v.Flags[0]), func(t *testing.T) {
					t.Parallel()
					run(t, p, v)
				})
			}
		})
	}
}

func run(t *testing.T, p verifiers.Provider, v *Vector) {
	t.Helper()
	cfg, err := v.Config()
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := p.New(cfg)
	if err != nil {
		t.Fatalf("building: %v", err)
	}
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() { verify(t, v, verifier) })
	}
	wg.Wait()
	serve(t, v, verifier)
	if v.Has("Valid") {
		sign(t, p, v, cfg)
	}
}

// newRequest is for goroutines, which must not end the test.
func newRequest(t *testing.T, v *Vector) *verifiers.Request {
	t.Helper()
	req, err := v.NewRequest()
	if err != nil {
		t.Error(err)
		return &verifiers.Request{}
	}
	return req
}

func verify(t *testing.T, v *Vector, verifier verifiers.Verifier) {
	t.Helper()
	req, before := newRequest(t, v), newRequest(t, v)
	res, err := verifier.Verify(t.Context(), req)
	check(t, v, res, err)
	if !bytes.Equal(req.Body, before.Body) || !reflect.DeepEqual(req.Header, before.Header) ||
		req.URL.String() != before.URL.String() || req.Method != before.Method {
		t.Error("verifying changed the request")
	}
}

func check(t *testing.T, v *Vector, res verifiers.Result, err error) {
	t.Helper()
	if err != nil {
		if got := verifiers.Reason(err); got != v.Want.Result {
			t.Errorf("got %s (%v), want %s: %s", got, err, v.Want.Result, v.Comment)
		}
		return
	}
	switch {
	case v.Want.Result != "ok":
		t.Errorf("got ok, want %s: %s", v.Want.Result, v.Comment)
	case v.Want.Key != "" && res.KeyID != v.Want.Key:
		t.Errorf("got key %q, want %q", res.KeyID, v.Want.Key)
	case res.Covers == nil || res.Scheme == "":
		t.Errorf("the result lacks coverage or scheme: %+v", res)
	}
}

func serve(t *testing.T, v *Vector, verifier verifiers.Verifier) {
	t.Helper()
	req := newRequest(t, v)
	called := false
	next := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		called = true
		res, ok := verifiers.FromContext(r.Context())
		if !ok {
			t.Error("there is no result in the context")
		}
		check(t, v, res, nil)
		if body, err := io.ReadAll(r.Body); err != nil || !bytes.Equal(body, req.Body) {
			t.Errorf("the handler's body differs from the request's (%v)", err)
		}
		w.WriteHeader(http.StatusNoContent)
	})
	w := httptest.NewRecorder()
	r := (&http.Request{
		Method: req.Method, URL: req.URL, Host: req.URL.Host, Header: req.Header,
		Body: io.NopCloser(bytes.NewReader(req.Body)), ContentLength: int64(len(req.Body)),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}).WithContext(t.Context())
	verifiers.Middleware(verifier, int64(len(req.Body))+1, next).ServeHTTP(w, r)
	want := http.StatusUnauthorized
	switch v.Want.Result {
	case "ok":
		want = http.StatusNoContent
	case "unavailable":
		want = http.StatusServiceUnavailable
	}
	if w.Code != want || called != (v.Want.Result == "ok") {
		t.Errorf("middleware: got %d, want %d", w.Code, want)
	}
}

// sign plays the sender at the time at which the vector was signed.
func sign(t *testing.T, p verifiers.Provider, v *Vector, cfg verifiers.Config) {
	t.Helper()
	if _, ok := p.Scheme.(verifiers.Signer); !ok {
		return
	}
	verifier, err := p.New(cfg)
	if err != nil {
		t.Fatalf("building: %v", err)
	}
	want := newRequest(t, v)
	res, err := verifier.Verify(t.Context(), want)
	if err != nil {
		t.Fatalf("a vector with the flag Valid is refused: %v", err)
	}
	at := res.Signed
	if at.IsZero() {
		at = v.Now
	}
	got := newRequest(t, v)
	for _, name := range SignatureHeaders(p) {
		got.Header.Del(name)
	}
	if placer, ok := p.Scheme.(verifiers.Placer); ok && inBody(placer.Places().Signature) && !placer.Places().Signature.Whole {
		if err := placer.Places().Signature.Put(got, "another"); err != nil {
			t.Fatalf("writing another signature: %v", err)
		}
	}
	err = p.Sign(got, cfg, at)
	switch {
	case errors.Is(err, verifiers.ErrKeyFormat) || errors.Is(err, verifiers.ErrNoKeys):
		return // the vector's keys are public, or served
	case err != nil:
		t.Fatalf("signing: %v", err)
	}
	if strings.HasPrefix(res.Scheme, "jwt-") {
		if _, err := verifier.Verify(t.Context(), got); err != nil {
			t.Errorf("a token that was made here is refused: %v", err)
		}
		return // it may have an id of its own
	}
	if !reflect.DeepEqual(got.Header, want.Header) || got.URL.String() != want.URL.String() || !bytes.Equal(got.Body, want.Body) {
		t.Errorf("signed:\n%v %v\n%s\nthe sender's:\n%v %v\n%s", got.URL, got.Header, got.Body, want.URL, want.Header, want.Body)
	}
}

// inBody reports whether a source, or the first of several, is a part of the body.
func inBody(s verifiers.Source) bool {
	if len(s.First) > 0 {
		s = s.First[0]
	}
	return s.Form != "" || s.Pointer != "" || s.Whole
}

// SignatureHeaders lists the headers in which p's sender puts signature,
// timestamp or token, as far as the scheme is one of package verifiers.
func SignatureHeaders(p verifiers.Provider) []string {
	var names []string
	add := func(sources ...verifiers.Source) {
		for _, s := range sources {
			for _, part := range append([]verifiers.Source{s}, s.First...) {
				if part.Header != "" {
					names = append(names, part.Header)
				}
			}
		}
	}
	switch s := p.Scheme.(type) {
	case verifiers.HMAC:
		add(s.Signature, s.Timestamp)
	case verifiers.Ed25519:
		add(s.Signature, s.Timestamp)
	case verifiers.ECDSA:
		add(s.Signature, s.Timestamp)
	case verifiers.RSA:
		add(s.Signature, s.Timestamp)
	case verifiers.Token:
		add(s.Source)
	case verifiers.Basic:
		names = append(names, "Authorization")
	}
	return names
}
