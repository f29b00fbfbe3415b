package natspub

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
)

func keptRequest() *gateway.Kept {
	return &gateway.Kept{
		Method: "POST", URL: "https://hooks.example.com/billing?a=%20b",
		Header:   http.Header{"X-Signature": {"t=1,v1=ab", "ü \x01\""}, "Content-Type": {"application/json"}},
		Redacted: []string{"Authorization", "Cookie"},
		Remote:   netip.MustParseAddr("192.0.2.7"),
	}
}

// fullEvent has every attribute that an event can have.
func fullEvent() *gateway.Event {
	e := testEvent("evt 1/ü", `{"a":1}`)
	e.HasID, e.OrderKey, e.KeyID, e.Scheme = true, "cus 1", "2026-11", "hmac-sha256"
	e.Unsigned = []string{"id", "type"}
	e.Header = http.Header{"X-Signature": {"t=1,v1=ab"}}
	e.Time = time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)
	e.Received = time.Date(2026, 1, 2, 3, 4, 6, 7, time.UTC)
	e.Digest, e.Same = sha256.Sum256(e.Body), sha256.Sum256([]byte("same"))
	e.ContentType, e.SchemaURI, e.Schema = "application/json; charset=utf-8", "a b.json", gateway.SchemaInvalid
	e.CESource = "https://hooks.example.com/acme/billing"
	e.Part = &gateway.Part{Batch: "b 1", Index: 3, Size: 5}
	e.Sent = &gateway.Sent{Encoding: "gzip", Digest: sha256.Sum256([]byte("sent")), Size: 42}
	return e
}

func TestQuarantineKeepsAllOfAnEvent(t *testing.T) {
	t.Parallel()
	s := runServer(t, t.TempDir(), 0, nil)
	p := ready(t, s.ClientURL(), nil)
	q := NewQuarantine(p)
	ctx := within(t, 20*time.Second)
	for _, tt := range []struct {
		name   string
		change func(*gateway.Event)
	}{
		{"all", func(*gateway.Event) {}},
		{"no part, no times", func(e *gateway.Event) { e.Part, e.Time, e.Same = nil, time.Time{}, [32]byte{} }},
		{"kept compressed", func(e *gateway.Event) { e.Sent = nil }},
		{"not compressed", func(e *gateway.Event) { e.Sent = nil }},
		{"no type", func(e *gateway.Event) { e.Type = "" }},
		{"no schema", func(e *gateway.Event) { e.Schema, e.SchemaURI, e.SchemaSHA256 = gateway.SchemaNone, "", "" }},
		{"no prefix", func(e *gateway.Event) { e.TypePrefix = "" }},
		{"no id", func(e *gateway.Event) { e.HasID, e.ID = false, e.IngestID }},
		{"not deduplicated", func(e *gateway.Event) { e.Dedupe = false }},
		{"unverified", func(e *gateway.Event) { e.Trust, e.KeyID, e.Scheme, e.Unsigned = gateway.Unverified, "", "", nil }},
	} {
		e := fullEvent()
		tt.change(e)
		e.Body = []byte(tt.name)
		e.Digest = sha256.Sum256(e.Body)
		why := gateway.Quarantine{Reason: "schema", Detail: "/a: is no string", Request: keptRequest(), Original: gateway.Ack{Stream: "WEBHOOKS", Sequence: 7}}
		if tt.name == "kept compressed" {
			why.Request.Encoding = "gzip"
		}
		ack, err := p.Quarantine(ctx, e, why)
		if err != nil {
			t.Fatal(tt.name, err)
		}
		got, err := q.Get(ctx, ack.Sequence)
		if err != nil {
			t.Fatal(tt.name, err)
		}
		if want := (&gateway.Entry{Event: *e, Quarantine: why}); !reflect.DeepEqual(got.Entry, want) {
			t.Errorf("%s:\n got %+v\nwant %+v", tt.name, got.Entry, want)
		}
	}
}

// TestQuarantineFromASpool is about events that a spool found to be conflicts:
// their request is not known, but they can be released.
func TestQuarantineFromASpool(t *testing.T) {
	t.Parallel()
	p := &Publisher{cfg: testStreams}
	for _, typ := range []string{"", "a", "a.b", "a/b:c.d", "1.2.3.4.5.6.7.8.9.10", "x y"} {
		e := fullEvent()
		e.Type = typ
		m := p.message(e)
		c := p.conflict(m, spoolKey{m.stream, e.Tenant, e.Source})
		got, err := entry(c.header, c.event.Body)
		if err != nil {
			t.Fatal(typ, err)
		}
		if got.Type != typ && typ != "1.2.3.4.5.6.7.8.9.10" || got.Type != "" && got.TypePrefix+"."+got.Type != "com.stripe."+typ {
			t.Errorf("%q: got %q and %q", typ, got.TypePrefix, got.Type)
		}
		if got.Request != nil || got.ID != e.ID || got.Reason != "conflict" {
			t.Errorf("%q: got %+v", typ, got)
		}
	}
}

func TestQuarantineNextAndRemove(t *testing.T) {
	t.Parallel()
	s := runServer(t, t.TempDir(), 0, nil)
	p := ready(t, s.ClientURL(), nil)
	q := NewQuarantine(p)
	ctx := within(t, 20*time.Second)
	if _, err := q.Next(ctx, 0, KeptFilter{}); !errors.Is(err, ErrNoEntry) {
		t.Errorf("empty: got %v, want ErrNoEntry", err)
	}
	for i, tt := range []struct{ source, reason string }{{"billing", "schema"}, {"shop", "schema"}, {"billing", "conflict"}, {"a.b", "schema"}} {
		e := testEvent(fmt.Sprint(i), "{}")
		e.Source = tt.source
		if _, err := p.Quarantine(ctx, e, gateway.Quarantine{Reason: tt.reason, Request: keptRequest()}); err != nil {
			t.Fatal(err)
		}
	}
	// What others have put there is left out.
	if _, err := p.js.Publish(ctx, "wh-quarantine.v1.acme.billing.schema", []byte("not ours")); err != nil {
		t.Fatal(err)
	}
	list := func(f KeptFilter) (found string) {
		t.Helper()
		for from := uint64(0); ; {
			k, err := q.Next(ctx, from, f)
			if errors.Is(err, ErrNoEntry) {
				return found
			}
			if err != nil {
				t.Fatal(err)
			}
			found += fmt.Sprintf("%d %s/%s %s;", k.Sequence, k.Tenant, k.Source, k.Reason)
			from = k.Sequence + 1
		}
	}
	for _, tt := range []struct {
		filter KeptFilter
		want   string
	}{
		{KeptFilter{}, "1 acme/billing schema;2 acme/shop schema;3 acme/billing conflict;4 acme/a.b schema;"},
		{KeptFilter{Source: "billing"}, "1 acme/billing schema;3 acme/billing conflict;"},
		{KeptFilter{Source: "a.b"}, "4 acme/a.b schema;"},
		{KeptFilter{Reason: "schema", Tenant: "acme"}, "1 acme/billing schema;2 acme/shop schema;4 acme/a.b schema;"},
		{KeptFilter{Tenant: "other"}, ""},
		{KeptFilter{Source: "*"}, ""},
	} {
		if got := list(tt.filter); got != tt.want {
			t.Errorf("%+v: got %s, want %s", tt.filter, got, tt.want)
		}
	}
	st, err := q.Status(ctx, true)
	if err != nil || st.Events != 5 || st.Reasons["schema"] != 4 || st.Reasons["conflict"] != 1 || st.Oldest.IsZero() {
		t.Errorf("got %+v, %v", st, err)
	}
	for range 2 { // removing what is gone is no error
		if err := q.Remove(ctx, 2); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := q.Get(ctx, 2); !errors.Is(err, ErrNoEntry) {
		t.Errorf("got %v, want ErrNoEntry", err)
	}
	// The id is remembered, so that the sender's retry does not come back.
	e := testEvent("1", "{}")
	e.Source = "shop"
	if ack, err := p.Quarantine(ctx, e, gateway.Quarantine{Reason: "schema"}); err != nil || !ack.Duplicate {
		t.Errorf("a retry of what was removed: got %+v, %v, want a duplicate", ack, err)
	}
}

func TestReleaseIsDeduplicated(t *testing.T) {
	t.Parallel()
	s := runServer(t, t.TempDir(), 0, nil)
	p := ready(t, s.ClientURL(), nil)
	q := NewQuarantine(p)
	ctx := within(t, 20*time.Second)
	e := fullEvent()
	e.Part = nil
	why := gateway.Quarantine{Reason: "schema", Request: keptRequest()}
	aside, err := p.Quarantine(ctx, e, why)
	if err != nil {
		t.Fatal(err)
	}
	k, err := q.Get(ctx, aside.Sequence)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 2 { // as after a crash before the removal
		ack, err := gateway.Release(ctx, p, k.Entry, false, false)
		if err != nil || ack.Sequence != 1 || ack.Duplicate != (i == 1) {
			t.Fatalf("%d: got %+v, %v", i, ack, err)
		}
	}
	if ack, err := p.Publish(ctx, e); err != nil || !ack.Duplicate || ack.Conflict || ack.Sequence != 1 {
		t.Errorf("the sender's retry: got %+v, %v, want a duplicate", ack, err)
	}
	st, err := p.js.Stream(ctx, "WEBHOOKS")
	if err != nil {
		t.Fatal(err)
	}
	m, err := st.GetMsg(ctx, 1)
	if err != nil {
		t.Fatal(err)
	}
	want := p.message(e)
	want.header[headerReleased] = []string{"release"}
	for name, values := range want.header {
		if !reflect.DeepEqual(m.Header[name], values) {
			t.Errorf("%s: got %q, want %q as if it had never been in quarantine", name, m.Header[name], values)
		}
	}
	if m.Subject != want.subject || m.Header[headerKept] != nil || m.Header[headerReason] != nil {
		t.Errorf("got %s with %v", m.Subject, m.Header)
	}

	// Another event with its id.
	other := fullEvent()
	other.Part, other.Body, other.Same = nil, []byte(`{"a":2}`), [32]byte{}
	other.Digest = sha256.Sum256(other.Body)
	entry := &gateway.Entry{Event: *other, Quarantine: gateway.Quarantine{Reason: "conflict"}}
	if _, err := gateway.Release(ctx, p, entry, false, false); !errors.Is(err, gateway.ErrTaken) {
		t.Errorf("got %v, want ErrTaken", err)
	}
	for i := range 2 {
		ack, err := gateway.Release(ctx, p, entry, true, false)
		if err != nil || ack.Sequence != 2 || ack.Duplicate != (i == 1) {
			t.Errorf("%d with a new id: got %+v, %v", i, ack, err)
		}
	}
	if m, err = st.GetMsg(ctx, 2); err != nil || one(m.Header, "ce-id") != escape(fmt.Sprintf("%s.q%x", e.ID, other.Digest[:8])) {
		t.Errorf("got %+v, %v", m, err)
	}

	// One that nothing proves.
	entry = &gateway.Entry{Event: *other, Quarantine: gateway.Quarantine{Reason: "signature"}}
	entry.ID = "forged"
	if _, err := gateway.Release(ctx, p, entry, false, false); !errors.Is(err, gateway.ErrUnverifiedRelease) {
		t.Errorf("got %v, want ErrUnverifiedRelease", err)
	}
	u, err := q.Unverified(ctx, testStreams.Unverified)
	if err != nil {
		t.Fatal(err)
	}
	ack, err := gateway.Release(ctx, u, entry, false, true)
	if err != nil || ack.Stream != "WEBHOOKS_UNVERIFIED" {
		t.Errorf("got %+v, %v", ack, err)
	}
	if _, err := u.Publish(ctx, e); err == nil {
		t.Error("a verified event was published as unverified")
	}
	if got := stored(t, p, "WEBHOOKS"); got != 2 {
		t.Errorf("got %d verified events, want 2", got)
	}
}

func refused(source, body string) (*gateway.Event, gateway.Quarantine) {
	e := testEvent(fmt.Sprintf("%x", sha256.Sum256([]byte(body)))[:26], body)
	e.Source, e.Trust, e.HasID = source, gateway.Unverified, false
	e.Digest = sha256.Sum256(e.Body)
	return e, gateway.Quarantine{Reason: SignatureReason, Detail: "no key fits", Request: keptRequest()}
}

// TestFloodOfSamples sends many requests that are not authentic, as large as is
// permitted, and looks at what is on the disk.
func TestFloodOfSamples(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := runServer(t, dir, 0, func(o *server.Options) { o.SyncAlways = false })
	const most = 8 << 20
	p := ready(t, s.ClientURL(), func(c *Config) { c.Quarantine.MaxBytes = most })
	ctx := within(t, 60*time.Second)
	for i := range 20 {
		for _, reason := range []string{"schema", "conflict"} {
			if _, err := p.Quarantine(ctx, testEvent(fmt.Sprint(i), strings.Repeat("x", 1000)), gateway.Quarantine{Reason: reason, Request: keptRequest()}); err != nil {
				t.Fatal(err)
			}
		}
	}
	counts := make(chan string, 2000)
	samples := NewSamples(SamplesConfig{
		Publisher: p, PerSource: 5, Pause: time.Microsecond,
		Done: func(_ *gateway.Event, result string) { counts <- result },
	})
	defer samples.Close()
	const flood = 400
	results := map[string]int{}
	for i := range flood {
		for _, source := range []string{"billing", "shop", "s3", "s4"} {
			e, why := refused(source, fmt.Sprint(source, i, strings.Repeat("y", 60<<10)))
			samples.Sample(e, why)
		}
		results[<-counts]++
	}
	for range 3 * flood {
		results[<-counts]++
	}
	q := NewQuarantine(p)
	st, err := q.Status(ctx, true)
	if err != nil {
		t.Fatal(err)
	}
	total := most / sampleShare / (defaultSampleSize + largestKept + maxHeaders)
	if st.Reasons["schema"] != 20 || st.Reasons["conflict"] != 20 || st.Reasons["signature"] == 0 || st.Reasons["signature"] > uint64(total) {
		t.Errorf("got %v, want 20 of schema and conflict and at most %d samples", st.Reasons, total)
	}
	if st.Bytes > most/sampleShare+200<<10 {
		t.Errorf("got %d bytes, want no more than an eighth of %d for samples", st.Bytes, most)
	}
	if results["kept"] < total || results["dropped"] == 0 || results["kept"]+results["dropped"]+results["duplicate"] != 4*flood {
		t.Errorf("got %v, want some kept and more dropped", results)
	}
	checkFor(t, 20*time.Second, func() error { // blocks are compacted in the background
		if size := usage(t, dir); size > 4*most {
			return fmt.Errorf("got %d bytes on the disk", size)
		}
		return nil
	})
}

func usage(t *testing.T, dir string) (size int64) {
	t.Helper()
	_ = filepath.Walk(dir, func(_ string, info os.FileInfo, err error) error {
		if err == nil && info.Mode().IsRegular() {
			size += info.Size()
		}
		return nil
	})
	return size
}

func TestSamples(t *testing.T) {
	t.Parallel()
	s := runServer(t, t.TempDir(), 0, nil)
	p := ready(t, s.ClientURL(), nil)
	ctx := within(t, 30*time.Second)
	results := make(chan string, 10)
	samples := NewSamples(SamplesConfig{
		Publisher: p, PerSource: 2, Total: 3, Pause: time.Microsecond,
		Done: func(_ *gateway.Event, result string) { results <- result },
	})
	defer samples.Close()
	offer := func(source, body, want string) {
		t.Helper()
		samples.Sample(refused(source, body))
		if got := <-results; got != want {
			t.Errorf("%s %s: got %s, want %s", source, body, got, want)
		}
	}
	offer("billing", "1", "kept")
	offer("billing", "1", "duplicate")
	offer("billing", "2", "kept")
	offer("shop", "1", "kept")
	offer("billing", "3", "kept") // in place of the oldest of its source
	offer("shop", "2", "kept")    // in place of the oldest of all
	q := NewQuarantine(p)
	var found []string
	for from := uint64(0); ; {
		k, err := q.Next(ctx, from, KeptFilter{})
		if errors.Is(err, ErrNoEntry) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, k.Source+" "+string(k.Body))
		from = k.Sequence + 1
	}
	if got := strings.Join(found, ", "); got != "shop 1, billing 3, shop 2" {
		t.Errorf("got %s", got)
	}
	// Where no room can be made nothing is stored.
	s.Shutdown()
	s.WaitForShutdown()
	checkFor(t, 10*time.Second, func() error {
		if p.Ready() == nil {
			return errors.New("ready without a server")
		}
		return nil
	})
	offer("billing", "4", "dropped")
}

func TestSamplesNeedRoom(t *testing.T) {
	t.Parallel()
	s := runServer(t, t.TempDir(), 0, nil)
	p := ready(t, s.ClientURL(), func(c *Config) { c.Quarantine.MaxBytes = 512 << 10 })
	results := make(chan string, 1)
	samples := NewSamples(SamplesConfig{Publisher: p, Done: func(_ *gateway.Event, result string) { results <- result }})
	defer samples.Close()
	samples.Sample(refused("billing", "1"))
	if got := <-results; got != "dropped" || stored(t, p, "WEBHOOKS_QUARANTINE") != 0 {
		t.Errorf("got %s, want it dropped: an eighth of the stream is no room for a sample", got)
	}
}
