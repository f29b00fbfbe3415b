package natspub

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	crand "crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
)

// testSeed is the seed of an nkey that protects nothing.
const testSeed = "SUABJPORS2PCYF7MSHPO3AAWVWOM542XNW44D5B3Z6FVKZG3PEGLUKL27A"

func testAttester(t testing.TB) *Attester {
	t.Helper()
	a, err := NewAttester([]byte(testSeed))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func attesting(t *testing.T) func(*Config) {
	t.Helper()
	return func(c *Config) { claiming(c); c.Attester = testAttester(t) }
}

// vouched checks a message as the documentation says, with nothing of what makes
// the signature but the public key.
func vouched(t *testing.T, publicKey string, h nats.Header, body []byte) bool {
	t.Helper()
	der, err := base64.StdEncoding.DecodeString(publicKey)
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(der)
	parts := strings.Split(one(h, "ce-whsig"), ".")
	if len(parts) != 3 || parts[0] != "v1" || parts[1] != hex.EncodeToString(sum[:8]) {
		return false
	}
	signed := "caddy-webhooks attestation v1\n"
	for _, name := range slices.Sorted(maps.Keys(h)) {
		switch lower := strings.ToLower(name); {
		case slices.Contains([]string{"ce-whsig", "ce-dataref", "ce-whreplay", "ce-whreplayseq"}, name):
		case strings.HasPrefix(lower, "ce-"), strings.HasPrefix(lower, "wh-h-"):
			for _, v := range h[name] {
				if strings.ContainsAny(v, "\r\n") {
					return false
				}
				signed += name + ":" + v + "\n"
			}
		}
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		return false
	}
	digest := sha256.Sum256(body)
	return one(h, "ce-whsha256") == hex.EncodeToString(digest[:]) &&
		ed25519.Verify(key.(ed25519.PublicKey), []byte(signed), signature)
}

func TestAttesterKeys(t *testing.T) {
	t.Parallel()
	_, private, err := ed25519.GenerateKey(crand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	other, err := ecdsa.GenerateKey(elliptic.P256(), crand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	inPEM := func(kind string, key any) []byte {
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	}
	good := inPEM("PRIVATE KEY", private)
	curve, err := nkeys.CreateCurveKeys()
	if err != nil {
		t.Fatal(err)
	}
	curveSeed, err := curve.Seed()
	if err != nil {
		t.Fatal(err)
	}
	account, err := nkeys.CreateAccount()
	if err != nil {
		t.Fatal(err)
	}
	accountSeed, err := account.Seed()
	if err != nil {
		t.Fatal(err)
	}
	user, err := nkeys.FromSeed([]byte(testSeed))
	if err != nil {
		t.Fatal(err)
	}
	public, err := user.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		key  []byte
		want string // of the error; "" if there is none
	}{
		{"nkey of a user", []byte(testSeed), ""},
		{"nkey of an account", accountSeed, ""},
		{"nkey and a newline", []byte(testSeed + "\n"), ""},
		{"PEM", good, ""},
		{"empty", nil, "use the seed of an nkey"},
		{"public nkey", []byte(public), "use the seed of an nkey"},
		{"damaged nkey", []byte(strings.Replace(testSeed, "JPO", "JPP", 1)), "is damaged"},
		{"short nkey", []byte("SUAIBD"), "is damaged"},
		{"curve", curveSeed, "of a curve and cannot sign"},
		{"password", []byte("correct horse"), "use the seed of an nkey"},
		{"damaged PEM", bytes.Replace(good, []byte("-----END"), []byte("----END"), 1), "the PEM is damaged"},
		{"two keys", append(bytes.Clone(good), good...), "something behind the key"},
		{"encrypted", inPEM("ENCRYPTED PRIVATE KEY", private), `holds a "ENCRYPTED PRIVATE KEY"`},
		{"public key", inPEM("PUBLIC KEY", private), `holds a "PUBLIC KEY"`},
		{"no DER", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("no")}), "cannot be read"},
		{"another kind", inPEM("PRIVATE KEY", other), "of another kind"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a, err := NewAttester(tt.key)
			if tt.want == "" {
				if err != nil || len(a.KeyID()) != 16 {
					t.Errorf("got %v, want a key", err)
				}
				return
			}
			if !errors.Is(err, ErrAttestationKey) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			if len(tt.key) > 20 && strings.Contains(err.Error(), string(tt.key[5:20])) {
				t.Errorf("the error holds a part of the key: %v", err)
			}
		})
	}
}

// TestAttestation follows events on all their ways: whatever a message has gone
// through, what was verified stays provable, and nothing else is.
func TestAttestation(t *testing.T) {
	t.Parallel()
	p := ready(t, runServer(t, t.TempDir(), 0, nil).ClientURL(), attesting(t))
	public := p.cfg.Attester.PublicKey()
	publish := func(e *gateway.Event) gateway.Ack {
		t.Helper()
		ack, err := p.Publish(within(t, 20*time.Second), e)
		if err != nil || ack.Stream == "" {
			t.Fatalf("%+v, %v", ack, err)
		}
		return ack
	}
	t.Run("published", func(t *testing.T) {
		e := testEvent("plain", `{"n":1}`)
		e.Header = http.Header{"X-Two": {"b", "a"}, "X-Two-Three": {"c"}, "X-Empty": {""}, "Stripe-Signature": {"t=1,v1=ab cd"}}
		m := mustHave(t, p, publish(e), e)
		if !vouched(t, public, m.Header, m.Data) {
			t.Errorf("got no valid signature: %v", m.Header)
		}
		tampered(t, public, m.Header, m.Data)
	})
	t.Run("large", func(t *testing.T) {
		e := large(t, "large", 2<<20)
		m := mustHave(t, p, publish(e), e)
		if len(m.Data) > 0 || one(m.Header, headerDataRef) == "" || !vouched(t, public, m.Header, e.Body) {
			t.Errorf("got no valid signature: %v", m.Header)
		}
	})
	t.Run("unverified", func(t *testing.T) {
		e := testEvent("unverified", `{"n":1}`)
		e.Trust = gateway.Unverified
		if m := mustHave(t, p, publish(e), e); m.Header[headerAttestation] != nil {
			t.Errorf("got a signature of what nobody has verified: %v", m.Header)
		}
	})
	t.Run("authenticated", func(t *testing.T) {
		e := testEvent("authenticated", `{"n":1}`)
		e.Trust = gateway.Authenticated
		if m := mustHave(t, p, publish(e), e); !vouched(t, public, m.Header, m.Data) {
			t.Errorf("got no valid signature: %v", m.Header)
		}
	})
	t.Run("quarantine", func(t *testing.T) {
		e := testEvent("aside", `{"n":1}`)
		e.Schema = gateway.SchemaInvalid
		ack, err := p.Quarantine(within(t, 20*time.Second), e, gateway.Quarantine{Reason: "schema", Request: keptRequest()})
		if err != nil {
			t.Fatal(err)
		}
		if m := mustHave(t, p, ack, e); m.Header[headerAttestation] != nil {
			t.Errorf("got a signature in quarantine: %v", m.Header)
		}
		k, err := NewQuarantine(p).Get(within(t, 20*time.Second), ack.Sequence)
		if err != nil {
			t.Fatal(err)
		}
		released, err := gateway.Release(within(t, 20*time.Second), p, k.Entry, false, false)
		if err != nil {
			t.Fatal(err)
		}
		m := mustHave(t, p, released, e)
		if !vouched(t, public, m.Header, m.Data) || one(m.Header, "ce-whreleased") != "release" {
			t.Errorf("got no valid signature: %v", m.Header)
		}
	})
	t.Run("conflict of a spool", func(t *testing.T) {
		m := p.conflict(p.message(testEvent("conflict", `{}`)), spoolKey{"WEBHOOKS", "acme", "billing"})
		if m.header[headerAttestation] != nil {
			t.Errorf("got a signature in quarantine: %v", m.header)
		}
	})
	t.Run("replayed", func(t *testing.T) {
		r := newReplayer(t, p, nil)
		if _, err := r.start(within(t, 20*time.Second), ReplaySpec{Stream: "WEBHOOKS", IDs: []string{"plain", "large"}}); err != nil {
			t.Fatal(err)
		}
		list := contents(t, p, ReplayStream)
		if len(list) != 2 {
			t.Fatalf("got %d events", len(list))
		}
		for _, m := range list {
			body, err := Body(within(t, 20*time.Second), p.js, m.Header, m.Data)
			if err != nil {
				t.Fatal(err)
			}
			if one(m.Header, headerReplay) == "" || !vouched(t, public, m.Header, body) {
				t.Errorf("got no valid signature: %v", m.Header)
			}
		}
	})
}

// tampered changes each covered header, takes it away, and adds others: none may
// pass.
func tampered(t *testing.T, public string, h nats.Header, body []byte) {
	t.Helper()
	try := func(what string, change func(nats.Header)) {
		t.Helper()
		other := maps.Clone(h)
		change(other)
		if vouched(t, public, other, body) {
			t.Errorf("%s: the signature is still valid", what)
		}
	}
	for name, values := range h {
		if name == headerAttestation || !strings.HasPrefix(name, "ce-") && !strings.HasPrefix(name, "Wh-H-") {
			continue
		}
		try("without "+name, func(o nats.Header) { delete(o, name) })
		try("changed "+name, func(o nats.Header) { o[name] = []string{values[0] + "0"} })
		try("twice "+name, func(o nats.Header) { o[name] = append(slices.Clone(values), values[0]) })
	}
	try("without a signature", func(o nats.Header) { delete(o, headerAttestation) })
	try("another version", func(o nats.Header) {
		o[headerAttestation] = []string{strings.Replace(one(h, headerAttestation), "v1.", "v2.", 1)}
	})
	try("more", func(o nats.Header) { o["ce-whmore"] = []string{"x"} })
	try("more in another case", func(o nats.Header) { o["CE-Id"] = []string{"x"} })
	try("more in another case, of the request", func(o nats.Header) { o["wh-h-x-two"] = []string{"x"} })
	try("the uncovered in another case", func(o nats.Header) { o["ce-Dataref"] = []string{"x"} })
	try("another order of values", func(o nats.Header) { o["Wh-H-X-Two"] = []string{"a", "b"} })
	try("two in one", func(o nats.Header) {
		o["ce-id"] = []string{one(h, "ce-id") + "\nce-recordedtime:" + one(h, "ce-recordedtime")}
		delete(o, "ce-recordedtime")
	})
	try("a value that moved", func(o nats.Header) { o["Wh-H-X-Two"] = []string{"b"}; o["Wh-H-X-Two-Three"] = []string{"c", "a"} })
	if vouched(t, public, h, append(slices.Clone(body), ' ')) {
		t.Error("another body: the signature is still valid")
	}
	stranger, err := NewAttester([]byte("SUAA2K6WEBJSACJIYBI5OTS6QINGGQAH3GHOMB4XJIHU64H5S5NZW5OP4M"))
	if err != nil {
		t.Fatal(err)
	}
	if vouched(t, stranger.PublicKey(), h, body) {
		t.Error("another key: the signature is still valid")
	}
}

// TestAttestationOfAnyEvent: whatever a sender writes into what is handed on, what a
// consumer reads fits the signature.
func TestAttestationOfAnyEvent(t *testing.T) {
	t.Parallel()
	p := ready(t, runServer(t, t.TempDir(), 0, func(o *server.Options) { o.SyncAlways = false }).ClientURL(), attesting(t))
	random := rand.New(rand.NewPCG(1, 2))
	text := func() string {
		b := make([]byte, random.IntN(12))
		for i := range b {
			b[i] = " \t\"%:,=.é\x00\r\nabAB09"[random.IntN(19)]
		}
		return string(b)
	}
	for i := range 300 {
		body := text()
		e := testEvent(fmt.Sprintf("%d%s", i, text()), body)
		e.IngestID = fmt.Sprint("in-", i) // always the gateway's own
		e.Type, e.OrderKey, e.ContentType, e.KeyID, e.SchemaURI = text(), text(), text(), text(), text()
		e.Header = http.Header{}
		for range random.IntN(4) {
			e.Header.Add([]string{"X-A", "X-A-B", "X-Ab", "Z"}[random.IntN(4)], text())
		}
		if random.IntN(3) == 0 {
			e.Partitions = 16
		}
		if _, err := p.Publish(within(t, 20*time.Second), e); err != nil {
			t.Fatalf("%q: %v", e.ID, err)
		}
	}
	list := contents(t, p, "WEBHOOKS")
	if len(list) != 300 {
		t.Fatalf("got %d events", len(list))
	}
	for _, m := range list {
		if !vouched(t, p.cfg.Attester.PublicKey(), m.Header, m.Data) {
			t.Errorf("got no valid signature: %q", m.Header)
		}
	}
}

// TestAttestationThroughASpool: events are forwarded with the signature that they
// were kept with, also those that were kept under another id.
func TestAttestationThroughASpool(t *testing.T) {
	t.Parallel()
	l := local(t, runServer(t, t.TempDir(), 0, nil).ClientURL())
	l.cfg.Attester = testAttester(t)
	s := newSpool(t, l, nil, nil)
	mustKeep(t, s, of("a", "first", `{"n":1}`), true)
	remote := ready(t, runServer(t, t.TempDir(), 0, nil).ClientURL(), nil) // has no key
	s.SetRemote(remote)
	drained(t, s)
	again := of("a", "first", `{"n":1}`)
	again.IngestID = "in-again"
	if _, err := s.With(SpoolAlways).Publish(within(t, 20*time.Second), again); err != nil {
		t.Fatal(err)
	}
	if _, err := s.With(SpoolAlways).Publish(within(t, 20*time.Second), of("b", "second", `{"n":2}`)); err != nil {
		t.Fatal(err)
	}
	drained(t, s)
	list := contents(t, remote, "WEBHOOKS")
	if len(list) != 2 {
		t.Fatalf("got %d events", len(list))
	}
	for _, m := range list {
		if !vouched(t, l.cfg.Attester.PublicKey(), m.Header, m.Data) {
			t.Errorf("got no valid signature: %v", m.Header)
		}
	}
}

// TestAttestationInBatches: what NATS adds to a batch is not covered.
func TestAttestationInBatches(t *testing.T) {
	t.Parallel()
	p := grouping(t, func(c *Config) { c.Attester = testAttester(t) })
	list := events("batch", 300)
	together(t, p, list)
	n := 0
	for _, m := range contents(t, p, "WEBHOOKS") {
		if !vouched(t, p.cfg.Attester.PublicKey(), m.Header, m.Data) {
			t.Fatalf("got no valid signature: %v", m.Header)
		}
		if m.Header["Nats-Batch-Id"] != nil {
			n++
		}
	}
	if n == 0 {
		t.Error("nothing was in a batch")
	}
}

// BenchmarkMessage is what an event becomes before it is sent.
func BenchmarkMessage(b *testing.B) {
	nc, err := Connect(ConnectConfig{InProcess: benchServer(b)})
	if err != nil {
		b.Fatal(err)
	}
	defer nc.Close()
	for _, mode := range []struct {
		name   string
		change func(*Config, *gateway.Event)
	}{
		{"plain", func(*Config, *gateway.Event) {}},
		{"partitions", func(_ *Config, e *gateway.Event) { e.OrderKey, e.Partitions = "cus_1", 16 }},
		{"attest", func(c *Config, _ *gateway.Event) { c.Attester = testAttester(b) }},
	} {
		b.Run(mode.name, func(b *testing.B) {
			cfg, e := testStreams, testEvent("evt_1", strings.Repeat("x", 1024))
			cfg.Conn = nc
			mode.change(&cfg, e)
			p, err := New(cfg)
			if err != nil {
				b.Fatal(err)
			}
			defer p.Close()
			b.ReportAllocs()
			for b.Loop() {
				_ = p.message(e)
			}
		})
	}
}

func benchServer(b *testing.B) *server.Server {
	b.Helper()
	s, err := server.NewServer(&server.Options{DontListen: true, JetStream: true, StoreDir: b.TempDir(), NoLog: true, NoSigs: true})
	if err != nil {
		b.Fatal(err)
	}
	go s.Start()
	b.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(20 * time.Second) {
		b.Fatal("the server is not ready")
	}
	return s
}
