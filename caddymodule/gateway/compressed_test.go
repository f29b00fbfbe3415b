package gateway_test

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway/gatewaytest"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

func pack(t testing.TB, text string, level int) string {
	t.Helper()
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, level)
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(w, text)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// packed is a request with a compressed body over which it is signed.
func packed(t testing.TB, id, body string) *http.Request {
	t.Helper()
	r := newRequest(t, "https://example.com/hook", id, body)
	r.Header.Set("Content-Encoding", "gzip")
	return r
}

const decompressed = 1 << 20

func decompresses(c *gateway.Config) { c.MaxDecompressed = decompressed }

func signsUncompressed(c *gateway.Config) {
	decompresses(c)
	c.Provider.SignsUncompressed = true
}

// TestCompressed: what is compressed with gzip, and with nothing else, is taken if
// the route says so, and consumers get what came out.
func TestCompressed(t *testing.T) {
	t.Parallel()
	plain := payload("1")
	good := pack(t, plain, gzip.BestCompression)
	broken := func(change func(b []byte)) string {
		b := []byte(good)
		change(b)
		return string(b)
	}
	coding := func(values ...string) func(*http.Request) {
		return func(r *http.Request) { r.Header["Content-Encoding"] = values }
	}
	noise := make([]byte, 1000) // so that nothing is over the ratio
	for i := range noise {
		noise[i] = 'a' + byte(rand.IntN(26))
	}
	sized := func(n int) string {
		text := strings.Repeat(string(noise), n/len(noise))
		return `{"a":"` + text + strings.Repeat("x", n-len(text)-len(`{"a":""}`)) + `"}`
	}
	for _, tt := range []struct {
		name   string
		body   string
		config func(*gateway.Config)
		send   func(*http.Request)
		want   gateway.Outcome
		accept string // header Accept-Encoding of the answer
	}{
		{name: "without the option", body: good, want: gateway.UnsupportedMediaType, accept: "identity"},
		{name: "gzip", body: good, config: decompresses},
		{name: "in capitals", body: good, config: decompresses, send: coding("GZIP")},
		{name: "by its old name", body: good, config: decompresses, send: coding("x-gzip")},
		{name: "with identity", body: good, config: decompresses, send: coding("identity, gzip", "")},
		{name: "in chunks", body: good, config: decompresses, send: func(r *http.Request) { chunked(r) }},
		{name: "not compressed at all", body: plain, config: decompresses, send: coding("identity")},
		{name: "without compression inside", body: pack(t, plain, gzip.NoCompression), config: decompresses},
		{name: "twice", body: pack(t, good, 9), config: decompresses, send: coding("gzip, gzip"), want: gateway.UnsupportedMediaType, accept: "gzip"},
		{name: "twice in two headers", body: pack(t, good, 9), config: decompresses, send: coding("gzip", "gzip"), want: gateway.UnsupportedMediaType, accept: "gzip"},
		{name: "two codings", body: good, config: decompresses, send: coding("gzip, br"), want: gateway.UnsupportedMediaType, accept: "gzip"},
		{name: "deflate", body: good, config: decompresses, send: coding("deflate"), want: gateway.UnsupportedMediaType, accept: "gzip"},
		{name: "zstd", body: good, config: decompresses, send: coding("zstd"), want: gateway.UnsupportedMediaType, accept: "gzip"},
		{name: "another content type", body: good, config: decompresses, send: func(r *http.Request) {
			r.Header.Set("Content-Type", "text/xml")
		}, want: gateway.UnsupportedMediaType},

		{name: "the uncompressed is signed, and nobody said so", body: good, config: decompresses, send: func(r *http.Request) {
			r.Header.Set("X-Hub-Signature-256", sign(plain))
		}, want: gateway.BadSignature},
		{name: "the uncompressed is signed", body: good, config: signsUncompressed, send: func(r *http.Request) {
			r.Header.Set("X-Hub-Signature-256", sign(plain))
		}},
		{name: "the compressed is signed where the uncompressed should be", body: good, config: signsUncompressed, want: gateway.BadSignature},

		{name: "two members", body: pack(t, plain[:20], 9) + pack(t, plain[20:], 1), config: decompresses},
		{name: "an empty member", body: pack(t, "", 9) + good + pack(t, "", 9), config: decompresses},
		{name: "as many members as permitted", body: good + strings.Repeat(pack(t, "", 9), 1023), config: decompresses},
		{name: "too many members", body: good + strings.Repeat(pack(t, "", 9), 1024), config: decompresses, want: gateway.BodyNotGzip},
		{name: "something after the end", body: good + "x", config: decompresses, want: gateway.BodyNotGzip},
		{name: "zeros after the end", body: good + strings.Repeat("\x00", 100), config: decompresses, want: gateway.BodyNotGzip},
		{name: "half a member after the end", body: good + good[:20], config: decompresses, want: gateway.BodyNotGzip},
		{name: "cut", body: good[:len(good)-1], config: decompresses, want: gateway.BodyNotGzip},
		{name: "cut in the data", body: good[:len(good)/2], config: decompresses, want: gateway.BodyNotGzip},
		{name: "cut in the header", body: good[:5], config: decompresses, want: gateway.BodyNotGzip},
		{name: "one byte", body: "\x1f", config: decompresses, want: gateway.BodyNotGzip},
		{name: "wrong checksum", body: broken(func(b []byte) { b[len(b)-5]++ }), config: decompresses, want: gateway.BodyNotGzip},
		{name: "wrong length", body: broken(func(b []byte) { b[len(b)-1]++ }), config: decompresses, want: gateway.BodyNotGzip},
		{name: "wrong data", body: broken(func(b []byte) { b[len(b)/2] ^= 0xff }), config: decompresses, want: gateway.BodyNotGzip},
		{name: "not gzip", body: plain, config: decompresses, want: gateway.BodyNotGzip},
		{name: "not gzip, signed uncompressed", body: plain, config: signsUncompressed, want: gateway.BodyNotGzip},
		{name: "no JSON inside", body: pack(t, "{", 9), config: decompressesAny, want: gateway.BodyNotJSON},
		{name: "nothing inside", body: pack(t, "", 9), config: decompressesAny, want: gateway.BodyNotJSON},
		{name: "nothing", body: "", config: decompressesAny, want: gateway.BodyNotJSON},

		{name: "as large as permitted", body: pack(t, sized(decompressed), 6), config: func(c *gateway.Config) {
			decompresses(c)
			c.MaxRatio = 1000
		}},
		{name: "too large", body: pack(t, sized(decompressed+1), 6), config: func(c *gateway.Config) {
			decompresses(c)
			c.MaxRatio = 1000
		}, want: gateway.BodyTooLarge},
		{name: "too large as sent", body: good, config: func(c *gateway.Config) {
			decompresses(c)
			c.MaxBody = int64(len(good) - 1)
		}, want: gateway.BodyTooLarge},
		{name: "over the ratio", body: pack(t, strings.Repeat(" ", 200_000)+plain, 9), config: decompresses, want: gateway.BodyTooLarge},
		{name: "over the ratio but for the option", body: pack(t, strings.Repeat(" ", 200_000)+plain, 9), config: func(c *gateway.Config) {
			decompresses(c)
			c.MaxRatio = 1000
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			rt, pub, _ := newRoute(t, tt.config)
			r := packed(t, "d1", tt.body)
			if tt.send != nil {
				tt.send(r)
			}
			res := handle(rt, r)
			if res.Outcome != tt.want || res.Header.Get("Accept-Encoding") != tt.accept {
				t.Fatalf("got %v (%v) with Accept-Encoding %q, want %v with %q", res.Outcome, res.Err, res.Header.Get("Accept-Encoding"), tt.want, tt.accept)
			}
			if res.Err != nil && strings.Contains(res.Err.Error(), marker) {
				t.Errorf("the error holds the payload: %v", res.Err)
			}
			if res.RequestBody != nil && string(res.RequestBody) != tt.body {
				t.Error("got another body to hand on than was sent")
			}
			events := pub.Events()
			if tt.want != gateway.Accepted {
				if len(events)+len(pub.Quarantined()) != 0 {
					t.Error("got an event of what was refused")
				}
				return
			}
			if len(events) != 1 {
				t.Fatalf("got %d events, want 1", len(events))
			}
			e := events[0]
			if !bytes.Contains(e.Body, []byte(`"`)) || e.Digest != sha256.Sum256(e.Body) || !json.Valid(e.Body) {
				t.Errorf("got a payload of %d bytes and its digest: %v, want the decompressed JSON", len(e.Body), e.Digest == sha256.Sum256(e.Body))
			}
			if tt.body == plain {
				if e.Sent != nil {
					t.Errorf("got %v of a body that was not compressed", e.Sent)
				}
				return
			}
			want := gateway.Sent{Encoding: "gzip", Digest: sha256.Sum256([]byte(tt.body)), Size: len(tt.body)}
			if e.Sent == nil || *e.Sent != want || res.Size != len(tt.body) {
				t.Errorf("got %v and the size %d, want %v", e.Sent, res.Size, want)
			}
		})
	}
}

// bomb is gzip data of so many MiB of zeros. It is put together from one piece, since
// to compress them would take longer than to refuse them.
func bomb(t testing.TB, mib int) string {
	t.Helper()
	var piece bytes.Buffer
	w, err := flate.NewWriter(&piece, flate.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	w.Write(make([]byte, 1<<20))
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	head := []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255}
	// It says that it is small, and its checksum is that of nothing.
	return string(head) + strings.Repeat(piece.String(), mib) + "\x01\x00\x00\xff\xff" + "\x00\x00\x00\x00" + "\x10\x00\x00\x00"
}

// TestBomb: 10 MB that would become 10 GiB cost little, whoever sends them, and
// nothing at all where the signature is looked at first.
func TestBomb(t *testing.T) {
	const mib = 10 << 10
	body := bomb(t, mib)
	if len(body) < 8<<20 || len(body) > 12<<20 {
		t.Fatalf("the bomb has %d bytes", len(body))
	}
	budget := gateway.NewBudget(10, 64<<20)
	large := func(c *gateway.Config) {
		c.MaxBody, c.Budgets = 16<<20, []*gateway.Budget{budget}
	}
	for _, tt := range []struct {
		name   string
		config func(*gateway.Config)
		signed bool
		want   gateway.Outcome
		most   int64 // bytes allocated, besides those for the body as sent
	}{
		{"over the limit", decompresses, true, gateway.BodyTooLarge, 4 << 20},
		{"over a large limit", func(c *gateway.Config) { c.MaxDecompressed = 32 << 20 }, true, gateway.BodyTooLarge, 70 << 20},
		{"over the ratio", func(c *gateway.Config) { c.MaxDecompressed, c.MaxRatio = 1<<30, 2 }, true, gateway.BodyTooLarge, 60 << 20},
		{"over the budget", func(c *gateway.Config) { c.MaxDecompressed = 1 << 30 }, true, gateway.Overloaded, 140 << 20},
		{"not signed", decompresses, false, gateway.BadSignature, 1 << 20},
		{"not signed, where that is only seen in the end", signsUncompressed, false, gateway.BodyTooLarge, 4 << 20},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rt, pub, _ := newRoute(t, func(c *gateway.Config) {
				tt.config(c)
				large(c)
			})
			r := packed(t, "d1", body)
			if !tt.signed {
				r.Header.Set("X-Hub-Signature-256", sign("another"))
			}
			reading := newRequest(t, "https://example.com/hook", "d1", body)
			reading.Header.Set("X-Hub-Signature-256", sign("another"))
			_, base, _ := measured(rt, reading)
			res, used, took := measured(rt, r)
			if res.Outcome != tt.want || pub.Calls() != 0 {
				t.Errorf("got %v (%v), want %v", res.Outcome, res.Err, tt.want)
			}
			if used -= base; used > tt.most {
				t.Errorf("got %d bytes allocated, want at most %d", used, tt.most)
			}
			if took > 15*time.Second { // all of it takes longer
				t.Errorf("it took %v", took)
			}
			if requests, bytes := budget.InUse(); requests != 0 || bytes != 0 {
				t.Errorf("got %d requests and %d bytes still in use", requests, bytes)
			}
		})
	}
}

// measured returns what a request allocates and how long it takes.
func measured(rt *gateway.Route, r *http.Request) (gateway.Result, int64, time.Duration) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	res := handle(rt, r)
	took := time.Since(start)
	runtime.ReadMemStats(&after)
	return res, int64(after.TotalAlloc - before.TotalAlloc), took
}

// TestDecompressedMemory: what comes out counts in the budget beside what was sent,
// and a budget of what is said to be needed suffices.
func TestDecompressedMemory(t *testing.T) {
	t.Parallel()
	plain := `{"a":"` + strings.Repeat("0123456789", 50_000) + `"}`
	body := pack(t, plain, 1)
	for _, tt := range []struct {
		name string
		room int64
		want gateway.Outcome
	}{
		{"enough", int64(len(body)) + gateway.DecompressedMemory(decompressed), gateway.Accepted},
		{"too little", int64(len(body) + len(plain)), gateway.Overloaded},
		{"only for what is sent", int64(len(body)) + 1, gateway.Overloaded},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			budget := gateway.NewBudget(0, tt.room)
			var held int64
			rt, _, _ := newRoute(t, func(c *gateway.Config) {
				decompresses(c)
				c.MaxRatio, c.Budgets = 1000, []*gateway.Budget{budget}
				c.Validator = gatewaytest.ValidatorFunc(func(string, any) (string, error) {
					_, held = budget.InUse()
					return "", nil
				})
			})
			if res := handle(rt, packed(t, "d1", body)); res.Outcome != tt.want {
				t.Errorf("got %v (%v), want %v", res.Outcome, res.Err, tt.want)
			}
			if tt.want == gateway.Accepted && held < int64(len(body)+len(plain)) {
				t.Errorf("got %d bytes held, want at least %d", held, len(body)+len(plain))
			}
			if requests, bytes := budget.InUse(); requests != 0 || bytes != 0 {
				t.Errorf("got %d requests and %d bytes still in use", requests, bytes)
			}
		})
	}
}

// TestRatio: a ratio is exact, and one that is larger than any body is none.
func TestRatio(t *testing.T) {
	t.Parallel()
	plain := `{"a":"` + strings.Repeat("x", 100_000) + `"}`
	body := pack(t, plain, 9)
	exact := (len(plain) + len(body) - 1) / len(body)
	for _, tt := range []struct {
		ratio int
		want  gateway.Outcome
	}{
		{exact, gateway.Accepted},
		{exact - 1, gateway.BodyTooLarge},
		{decompressed, gateway.Accepted},
		{math.MaxInt / 2, gateway.Accepted},
		{math.MaxInt/len(body) + 1, gateway.Accepted},
		{math.MaxInt, gateway.Accepted},
	} {
		t.Run(fmt.Sprint(tt.ratio), func(t *testing.T) {
			t.Parallel()
			rt, _, _ := newRoute(t, func(c *gateway.Config) { decompresses(c); c.MaxRatio = tt.ratio })
			if res := handle(rt, packed(t, "d1", body)); res.Outcome != tt.want {
				t.Errorf("got %v (%v), want %v", res.Outcome, res.Err, tt.want)
			}
		})
	}
}

// TestCompressedDuplicate: one event that is compressed in two ways is one event.
func TestCompressedDuplicate(t *testing.T) {
	t.Parallel()
	rt, pub, _ := newRoute(t, decompresses)
	bodies := []string{pack(t, payload("1"), 9), pack(t, payload("1"), 0), payload("1")}
	for i, body := range bodies {
		r := packed(t, "d1", body)
		if i == 2 {
			r.Header.Del("Content-Encoding")
		}
		want := gateway.Duplicate
		if i == 0 {
			want = gateway.Accepted
		}
		if res := handle(rt, r); res.Outcome != want || res.Compared != sha256.Sum256([]byte(payload("1"))) {
			t.Errorf("delivery %d: got %v, want %v", i+1, res.Outcome, want)
		}
	}
	if len(pub.Events()) != 1 || len(pub.Quarantined()) != 0 {
		t.Error("want one event")
	}
}

// TestCompressedHandshakes: a handshake is known by its body, whatever its coding.
func TestCompressedHandshakes(t *testing.T) {
	t.Parallel()
	text := `{"type":"url_verification","challenge":"abc"}`
	for name, change := range map[string]func(*gateway.Config){
		"signed": decompresses,
		"nobody signs it": func(c *gateway.Config) {
			decompresses(c)
			c.Provider.Handshakes = []verifiers.Handshake{{
				Name:  "url_verification",
				When:  []verifiers.Match{verifiers.JSON("/type").Is("url_verification")},
				Reply: verifiers.Echo(verifiers.JSON("/challenge")),
			}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rt, _, _ := newRoute(t, change)
			if res := handle(rt, packed(t, "d1", pack(t, text, 9))); res.Outcome != gateway.Handshaken || string(res.Body) != "abc" {
				t.Errorf("got %v with %q, want the challenge", res.Outcome, res.Body)
			}
			// An event beside it is still verified over what was sent.
			body := pack(t, payload("1"), 9)
			if res := handle(rt, packed(t, "d2", body)); res.Outcome != gateway.Accepted {
				t.Errorf("an event: got %v (%v), want %v", res.Outcome, res.Err, gateway.Accepted)
			}
			forged := packed(t, "d3", body)
			forged.Header.Set("X-Hub-Signature-256", sign(payload("1")))
			if res := handle(rt, forged); res.Outcome != gateway.BadSignature {
				t.Errorf("a forged event: got %v, want %v", res.Outcome, gateway.BadSignature)
			}
		})
	}
}

// TestCompressedBatch: the events of a compressed batch say how it was sent.
func TestCompressedBatch(t *testing.T) {
	t.Parallel()
	rt, pub, _ := newRoute(t, func(c *gateway.Config) {
		batches(c)
		decompresses(c)
	})
	body := pack(t, `[{"id":"a"},{"id":"b"}]`, 9)
	if res := handle(rt, packed(t, "d1", body)); res.Outcome != gateway.Accepted {
		t.Fatalf("got %v (%v), want %v", res.Outcome, res.Err, gateway.Accepted)
	}
	events := pub.Events()
	if len(events) != 2 {
		t.Fatalf("got %d events, want 2", len(events))
	}
	for _, e := range events {
		if want := `{"id":"` + e.ID + `"}`; string(e.Body) != want || e.Sent == nil || e.Sent.Size != len(body) {
			t.Errorf("got %s, sent as %v, want %s", e.Body, e.Sent, want)
		}
	}
}

// TestCompressedQuarantine: what came compressed can be tried again, whether it was
// decompressed before it was put aside or not.
func TestCompressedQuarantine(t *testing.T) {
	t.Parallel()
	body := pack(t, payload("1"), 9)
	for name, config := range map[string]func(*gateway.Config){"signed as sent": decompresses, "signed uncompressed": signsUncompressed} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			refuse, samples := true, &sampler{}
			rt, pub, _ := newRoute(t, func(c *gateway.Config) {
				config(c)
				c.Sampler = samples
				c.VerifierAt = func(time.Time) (verifiers.Verifier, error) { return newVerifier(t, hub), nil }
				c.Validator = gatewaytest.ValidatorFunc(func(string, any) (string, error) {
					if refuse {
						return "a.json", errors.New("/: never")
					}
					return "a.json", nil
				})
			})
			signed := func(id string) *http.Request {
				r := packed(t, id, body)
				if rt.Config().Provider.SignsUncompressed {
					r.Header.Set("X-Hub-Signature-256", sign(payload("1")))
				}
				return r
			}
			if res := handle(rt, signed("d1")); res.Outcome != gateway.Quarantined {
				t.Fatalf("got %v (%v), want %v", res.Outcome, res.Err, gateway.Quarantined)
			}
			refuse = false
			kept := pub.Quarantined()[0]
			if string(kept.Body) != payload("1") || kept.Why.Request.Encoding != "" || kept.Sent == nil {
				t.Fatalf("got %q in the coding %q, want what came out", kept.Body, kept.Why.Request.Encoding)
			}
			if res := rt.Retry(t.Context(), &gateway.Entry{Event: kept.Event, Quarantine: kept.Why}, false); res.Outcome != gateway.Accepted {
				t.Errorf("got %v (%v), want %v", res.Outcome, res.Err, gateway.Accepted)
			}

			// A request that another secret has signed, when this one is configured.
			other, _, _ := newRoute(t, func(c *gateway.Config) {
				config(c)
				c.Sampler, c.Publisher = samples, pub
				c.Verifier = verifiers.VerifierFunc(func(_ context.Context, _ *verifiers.Request) (verifiers.Result, error) {
					return verifiers.Result{}, &verifiers.Error{Provider: "hub", Err: verifiers.ErrMismatch}
				})
			})
			if res := handle(other, signed("d2")); res.Outcome != gateway.BadSignature {
				t.Fatalf("got %v, want %v", res.Outcome, gateway.BadSignature)
			}
			sample := samples.all()[0]
			if res := rt.Retry(t.Context(), &sample, false); res.Outcome != gateway.Accepted {
				t.Errorf("the sample: got %v (%v), want %v", res.Outcome, res.Err, gateway.Accepted)
			}
			for _, e := range pub.Events() {
				if string(e.Body) != payload("1") || e.Sent == nil || e.Sent.Size != len(body) {
					t.Errorf("%s: got %q, sent as %v, want what came out", e.ID, e.Body, e.Sent)
				}
			}
			if n := len(pub.Events()); n != 2 {
				t.Errorf("got %d events, want 2", n)
			}
			if sample.Request.Encoding != "" {
				if _, err := gateway.Release(t.Context(), pub, &sample, false, true); !errors.Is(err, gateway.ErrCompressed) {
					t.Errorf("releasing the sample: got %v, want %v", err, gateway.ErrCompressed)
				}
			}
			// A route that decompresses no more.
			plain, _, _ := newRoute(t, func(c *gateway.Config) {
				c.VerifierAt = func(time.Time) (verifiers.Verifier, error) { return newVerifier(t, hub), nil }
			})
			if res := plain.Retry(t.Context(), &sample, true); sample.Request.Encoding != "" && res.Outcome != gateway.UnsupportedMediaType {
				t.Errorf("a route that decompresses nothing: got %v, want %v", res.Outcome, gateway.UnsupportedMediaType)
			}
		})
	}
}

// TestCompressedDiagnosis: where the wrong one of the two was signed, operators are told.
func TestCompressedDiagnosis(t *testing.T) {
	t.Parallel()
	rt, _, _ := newRoute(t, func(c *gateway.Config) {
		decompresses(c)
		key, err := verifiers.NewKey("k1", []byte(secret))
		if err != nil {
			t.Fatal(err)
		}
		c.Diagnose = func(ctx context.Context, req *verifiers.Request, err error) verifiers.Diagnosis {
			return hub.Diagnose(ctx, verifiers.Config{Keys: verifiers.Keys{key}, Options: c.Options}, req, err)
		}
	})
	r := packed(t, "d1", pack(t, payload("1"), 9))
	r.Header.Set("X-Hub-Signature-256", sign(payload("1")))
	if res := handle(rt, r); res.Outcome != gateway.BadSignature || !strings.Contains(fmt.Sprint(res.Diagnosis), "compressed") {
		t.Errorf("got %v because of %v, want it to be said that the body was compressed", res.Outcome, res.Diagnosis)
	}
}

// TestPassThroughCompressed: whoever is handed the request gets it as it came.
func TestPassThroughCompressed(t *testing.T) {
	t.Parallel()
	rt, _, _ := newRoute(t, func(c *gateway.Config) {
		decompresses(c)
		c.NoPublish, c.Publisher = true, nil
	})
	body := pack(t, payload("1"), 9)
	res := rt.Handle(httptest.NewRecorder(), gateway.Request{Request: packed(t, "d1", body)})
	if res.Outcome != gateway.PassedThrough || string(res.RequestBody) != body {
		t.Errorf("got %v and %d bytes to hand on, want the %d that came", res.Outcome, len(res.RequestBody), len(body))
	}
}

// FuzzDecompress compares with the standard library: what is accepted is what that
// reads, and what that reads is accepted within the limits.
func FuzzDecompress(f *testing.F) {
	for _, text := range []string{"", "{}", payload("1"), strings.Repeat("a", 70_000)} {
		f.Add([]byte(pack(f, text, 9)))
		f.Add([]byte(pack(f, text, 0) + pack(f, text, 1)))
		f.Add([]byte(pack(f, text, 9) + "\x00"))
	}
	f.Add([]byte(bomb(f, 2)))
	pub := &lastEvent{}
	rt, _, _ := newRoute(f, func(c *gateway.Config) {
		decompresses(c)
		c.Verifier, c.Unverified, c.Publisher, c.Observer = nil, true, pub, nil
		c.Provider.NeedsJSON, c.NoDedupe, c.StrictJSON = false, true, gateway.StrictOff
		c.Provider.Handshakes, c.Provider.Time = nil, verifiers.Source{}
	})
	f.Fuzz(func(t *testing.T, body []byte) {
		want, err := readGzip(body)
		res := handle(rt, packed(t, "d1", string(body)))
		switch {
		case len(body) == 0:
		case len(want) > decompressed || len(want) > 100*len(body):
			if res.Outcome != gateway.BodyTooLarge {
				t.Errorf("got %v, want %v", res.Outcome, gateway.BodyTooLarge)
			}
		case err != nil:
			if res.Outcome != gateway.BodyNotGzip {
				t.Errorf("got %v, want %v because of %v", res.Outcome, gateway.BodyNotGzip, err)
			}
		case res.Outcome == gateway.Accepted:
			if !bytes.Equal(pub.body, want) {
				t.Errorf("got %d bytes, want %d others", len(pub.body), len(want))
			}
		default:
			t.Errorf("got %v (%v), want %v", res.Outcome, res.Err, gateway.Accepted)
		}
	})
}

// lastEvent remembers the payload of the last event.
type lastEvent struct{ body []byte }

func (p *lastEvent) Publish(_ context.Context, e *gateway.Event) (gateway.Ack, error) {
	p.body = e.Body
	return gateway.Ack{Stream: "WEBHOOKS", Sequence: 1}, nil
}

func (p *lastEvent) Quarantine(context.Context, *gateway.Event, gateway.Quarantine) (gateway.Ack, error) {
	return gateway.Ack{}, gateway.ErrRefused
}

// readGzip reads as much as may be accepted and a little more.
func readGzip(body []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(z, decompressed+1000))
}

// decompressesAny is decompresses where JSON need not be strict, and what is none is
// refused.
func decompressesAny(c *gateway.Config) {
	decompresses(c)
	c.StrictJSON = gateway.StrictOff
}
