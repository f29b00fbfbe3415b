package natspub

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
)

// FuzzHeaders: whatever a sender writes, it comes back as it was, and nothing of
// it becomes another header.
func FuzzHeaders(f *testing.F) {
	f.Add("evt_1", "invoice.paid", "application/json", "t=1")
	f.Add("a\r\nNats-Rollup: all", "a\nce-whtrust: verified", "text/plain\r\n\r\n", "x\r\nNats-Msg-Id: y")
	f.Add("", "é 100%", "\x00", "\xff")
	f.Add(strings.Repeat("i", 300), strings.Repeat("\n", 200), "", "y")
	f.Fuzz(func(t *testing.T, id, typ, contentType, header string) {
		e := testEvent("evt_1", "{}")
		e.ID, e.Type, e.ContentType = id, typ, contentType
		e.Header = http.Header{"X-Signature": {header}, "X-Second": {header}}
		if len(id)+len(typ)+len(contentType) > 4000 {
			return // the pipeline has no such event
		}
		m := &nats.Msg{Subject: Subject(e), Header: headers(e, MsgID(e.Tenant, e.Source, e.ID), "WEBHOOKS")}
		reference := headers(testEvent("evt_1", "{}"), "", "WEBHOOKS")
		size := 0
		for name, values := range m.Header {
			if _, known := reference[name]; !known && name != headerMsgID && name != "Wh-H-X-Signature" && name != "Wh-H-X-Second" {
				t.Errorf("got the header %q", name)
			}
			if len(values) != 1 {
				t.Fatalf("%s: got %d values", name, len(values))
			}
			size += len(name) + len(values[0]) + 4
			if strings.ContainsAny(values[0], "\r\n\x00") {
				t.Errorf("%s: got %q", name, values[0])
			}
		}
		if size > maxHeaders {
			t.Errorf("got %d bytes of headers", size)
		}
		for name, want := range map[string]string{"ce-id": id, "ce-datacontenttype": contentType} {
			got, err := url.PathUnescape(one(m.Header, name))
			if err != nil || got != want {
				t.Errorf("%s: got %q, %v, want %q", name, got, err, want)
			}
		}
		// As the wire has it.
		wire, err := nats.DecodeHeadersMsg(encode(m.Header))
		if err != nil {
			t.Fatal(err)
		}
		for name, values := range m.Header {
			if got := one(wire, name); got != strings.Trim(values[0], " ") {
				t.Errorf("%s: got %q after a journey, want %q", name, got, values[0])
			}
		}
		if len(wire) != len(m.Header) {
			t.Errorf("got %d headers after a journey, want %d", len(wire), len(m.Header))
		}
	})
}

// encode writes headers as the client does.
func encode(h nats.Header) []byte {
	var b strings.Builder
	b.WriteString("NATS/1.0\r\n")
	for name, values := range h {
		for _, v := range values {
			b.WriteString(name + ": " + v + "\r\n")
		}
	}
	b.WriteString("\r\n")
	return []byte(b.String())
}
