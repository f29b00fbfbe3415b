package natspub

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
)

func testEvent(id, body string) *gateway.Event {
	return &gateway.Event{
		Tenant: "acme", Source: "billing", Provider: "stripe", TypePrefix: "com.stripe",
		CESource: "https://hooks.example.com/acme/billing",
		ID:       id, HasID: true, Type: "invoice.paid",
		Time:     time.Date(2026, 11, 23, 10, 15, 2, 0, time.UTC),
		IngestID: "01JD" + id, Received: time.Date(2026, 11, 23, 10, 15, 3, 114e6, time.UTC),
		ContentType: "application/json; charset=utf-8",
		Body:        []byte(body), Digest: sha256.Sum256([]byte(body)),
		Header: http.Header{"Stripe-Signature": {"t=1,v1=ab cd"}},
		Trust:  gateway.Verified, Scheme: "hmac-sha256", KeyID: "2026-11",
		Schema: gateway.SchemaValid, SchemaURI: "invoice.json", SchemaSHA256: strings.Repeat("5f", 32), Dedupe: true,
	}
}

// TestBatchHeaders: what consumers learn of a batch, and that a batch's elements
// are not one event.
func TestBatchHeaders(t *testing.T) {
	t.Parallel()
	e := testEvent("evt_1", "{}")
	e.Part = &gateway.Part{Batch: "b 1", Index: 0, Size: 12}
	h := headers(e, "id", "WEBHOOKS")
	if one(h, "ce-whbatch") != "b%201" || one(h, "ce-whbatchindex") != "0" || one(h, "ce-whbatchsize") != "12" {
		t.Errorf("got %v", h)
	}
	other := testEvent("evt_1", "{}")
	other.Part = &gateway.Part{Batch: "b 1", Index: 1, Size: 12}
	if e.DedupeID() != "evt_1" || other.DedupeID() != "evt_1" {
		t.Errorf("got %q and %q, want the event's id", e.DedupeID(), other.DedupeID())
	}
	e.Dedupe, other.Dedupe = false, false
	if e.DedupeID() == other.DedupeID() || e.DedupeID() == e.IngestID {
		t.Errorf("got %q and %q, want each event to have its own", e.DedupeID(), other.DedupeID())
	}
}

// TestCompressedHeaders: the payload is what its own headers say, and others say how
// it was sent.
func TestCompressedHeaders(t *testing.T) {
	t.Parallel()
	e := testEvent("evt_1", "{}")
	for _, name := range []string{"ce-whencoding", "ce-whsentsha256", "ce-whsentsize"} {
		if h := headers(e, "id", "WEBHOOKS"); h[name] != nil {
			t.Errorf("got %s: %s of a body that was not compressed", name, h[name])
		}
	}
	e.Sent = &gateway.Sent{Encoding: "gzip", Digest: sha256.Sum256([]byte("packed")), Size: 22}
	h := headers(e, "id", "WEBHOOKS")
	if one(h, "ce-whencoding") != "gzip" || one(h, "ce-whsentsize") != "22" || one(h, "ce-whsentsha256") != fmt.Sprintf("%x", e.Sent.Digest) ||
		one(h, "ce-whsize") != "2" || one(h, "ce-whsha256") != fmt.Sprintf("%x", e.Digest) {
		t.Errorf("got %v", h)
	}
}

func TestSuspectHeader(t *testing.T) {
	t.Parallel()
	e := testEvent("evt_1", "{}")
	if h := headers(e, "id", "WEBHOOKS"); h["ce-whsuspect"] != nil {
		t.Errorf("got %v", h)
	}
	e.Suspect = gateway.SuspectReplay
	if h := headers(e, "id", "WEBHOOKS"); one(h, "ce-whsuspect") != "replay" {
		t.Errorf("got %v", h)
	}
}

// TestContract is the consumer contract, header by header.
func TestContract(t *testing.T) {
	t.Parallel()
	e := testEvent("evt_1", "{}")
	e.Unsigned = []string{"id", "time"}
	h := headers(e, MsgID(e.Tenant, e.Source, e.ID), "WEBHOOKS")
	var got strings.Builder
	for _, name := range slices.Sorted(maps.Keys(h)) {
		fmt.Fprintf(&got, "%s: %s\n", name, strings.Join(h[name], " | "))
	}
	const want = `Nats-Expected-Stream: WEBHOOKS
Nats-Msg-Id: MSGID
Wh-H-Stripe-Signature: t=1,v1=ab cd
ce-datacontenttype: application/json;%20charset=utf-8
ce-dataschema: schema:invoice.json
ce-id: evt_1
ce-recordedtime: 2026-11-23T10:15:03.114Z
ce-source: https://hooks.example.com/acme/billing
ce-specversion: 1.0
ce-time: 2026-11-23T10:15:02Z
ce-type: com.stripe.invoice.paid
ce-whdedupe: unique
ce-whingestid: 01JDevt_1
ce-whkeyid: 2026-11
ce-whprovider: stripe
ce-whschema: valid
ce-whschemahash: 5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f
ce-whscheme: hmac-sha256
ce-whsha256: 44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a
ce-whsize: 2
ce-whsource: billing
ce-whtenant: acme
ce-whtrust: verified
ce-whunsigned: id,time
`
	if full := strings.Replace(want, "MSGID", MsgID("acme", "billing", "evt_1"), 1); got.String() != full {
		t.Errorf("got\n%s\nwant\n%s", got.String(), full)
	}
}

func TestHeadersLeaveOut(t *testing.T) {
	t.Parallel()
	e := testEvent("evt_1", "{}")
	e.Time, e.Type, e.TypePrefix, e.ContentType, e.SchemaURI, e.SchemaSHA256, e.KeyID, e.CESource, e.Dedupe = time.Time{}, "", "", "", "", "", "", "", false
	e.Header = http.Header{"X-Odd": {"caf\xe9"}, "X-Long": {strings.Repeat("x", maxHeaders)}, "X-Fine": {"yes"}}
	h := headers(e, "id", "S")
	for _, name := range []string{"ce-time", "ce-datacontenttype", "ce-dataschema", "ce-whschemahash", "ce-whkeyid", "ce-whunsigned", "Wh-H-X-Odd", "Wh-H-X-Long"} {
		if v, ok := h[name]; ok {
			t.Errorf("got %s: %v, want it left out", name, v)
		}
	}
	for name, want := range map[string]string{"ce-type": "stripe.unknown", "ce-source": "/acme/billing", "ce-whdedupe": "off", "Wh-H-X-Fine": "yes"} {
		if got := one(h, name); got != want {
			t.Errorf("got %s: %q, want %q", name, got, want)
		}
	}
}

func TestEscape(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"plain-~!":          "plain-~!",
		"refs/heads/a b":    "refs/heads/a%20b",
		`100% "é"`:          "100%25%20%22%C3%A9%22",
		"a\r\nNats-Rollup:": "a%0D%0ANats-Rollup:",
		"\x7f\x00\xff":      "%7F%00%FF",
		"🎉":                 "%F0%9F%8E%89",
	} {
		if got := escape(in); got != want {
			t.Errorf("escape(%q) is %q, want %q", in, got, want)
		}
	}
}

// TestOrderKeyHeaders: both names that CloudEvents has for it, and neither where
// there is none.
func TestOrderKeyHeaders(t *testing.T) {
	t.Parallel()
	e := testEvent("evt_1", "{}")
	h := headers(e, "id", "WEBHOOKS")
	if len(h["ce-subject"])+len(h["ce-partitionkey"]) > 0 {
		t.Errorf("got %v", h)
	}
	e.OrderKey = "cus 9\r\n"
	h = headers(e, "id", "WEBHOOKS")
	if one(h, "ce-subject") != "cus%209%0D%0A" || one(h, "ce-partitionkey") != "cus%209%0D%0A" {
		t.Errorf("got %v", h)
	}
}
