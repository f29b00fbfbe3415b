package natspub

import (
	"encoding/hex"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
)

// Headers of the consumer contract that this package also reads.
const (
	headerMsgID    = "Nats-Msg-Id"
	headerStream   = "Nats-Expected-Stream"
	headerDigest   = "ce-whsha256"
	headerSame     = "ce-whsame"
	headerIngestID = "ce-whingestid"
	headerIndex    = "ce-whbatchindex"
	// headerSchemaHash is the digest of the schema, in lower-case hex.
	headerSchemaHash = "ce-whschemahash"
	// In lower case, as NATS itself and W3C write them.
	headerTraceParent = "traceparent"
	headerTraceState  = "tracestate"
	// headerPartition is the number of the partition, a slash, and how many there
	// are.
	headerPartition = "ce-whpartition"

	headerEncoding   = "ce-whencoding"
	headerSentDigest = "ce-whsentsha256"
	headerSentSize   = "ce-whsentsize"
)

// maxHeaders caps the headers of a message in bytes. Those that are copied from
// the request are left out first.
const maxHeaders = 16 << 10

// unknownType completes ce-type, which must not be empty, for an event without
// a type.
const unknownType = "unknown"

// headers returns the message's headers: CloudEvents 1.0 in binary mode, in
// exactly this lower case, because NATS and its clients keep case.
func headers(e *gateway.Event, msgID, stream string) nats.Header {
	h := make(nats.Header, 28+len(e.Header))
	set := func(name, value string) {
		if value != "" {
			h[name] = []string{value}
		}
	}
	set(headerMsgID, msgID)
	// The message is for this stream only, wherever JetStream may be made to
	// send it by a client: what is in quarantine never becomes verified.
	set(headerStream, stream)
	set("ce-specversion", "1.0")
	set("ce-id", escape(e.ID))
	set("ce-source", escape(ceSource(e)))
	set("ce-type", escape(ceType(e)))
	if !e.Time.IsZero() {
		set("ce-time", timestamp(e.Time))
	}
	if e.OrderKey != "" {
		key := escape(e.OrderKey)
		set("ce-subject", key)
		set("ce-partitionkey", key)
	}
	if e.Partitions > 0 {
		set(headerPartition, strconv.Itoa(partition(e))+"/"+strconv.Itoa(e.Partitions))
	}
	set("ce-recordedtime", timestamp(e.Received))
	set("ce-datacontenttype", escape(e.ContentType))
	set("ce-dataschema", escape(schemaURI(e.SchemaURI)))
	set(headerTraceParent, e.TraceParent)
	set(headerTraceState, e.TraceState)
	set("ce-whtenant", e.Tenant)
	set("ce-whsource", e.Source)
	set("ce-whprovider", e.Provider)
	set("ce-whtrust", string(e.Trust))
	set("ce-whscheme", escape(e.Scheme))
	set("ce-whkeyid", escape(e.KeyID))
	set("ce-whunsigned", strings.Join(e.Unsigned, ","))
	set(headerDigest, hex.EncodeToString(e.Digest[:]))
	if e.Same != [32]byte{} {
		set(headerSame, hex.EncodeToString(e.Same[:]))
	}
	set("ce-whsize", strconv.Itoa(len(e.Body)))
	if sent := e.Sent; sent != nil {
		set(headerEncoding, sent.Encoding)
		set(headerSentDigest, hex.EncodeToString(sent.Digest[:]))
		set(headerSentSize, strconv.Itoa(sent.Size))
	}
	set(headerIngestID, e.IngestID)
	if p := e.Part; p != nil {
		set("ce-whbatch", escape(p.Batch))
		set(headerIndex, strconv.Itoa(p.Index))
		set("ce-whbatchsize", strconv.Itoa(p.Size))
	}
	set("ce-whdedupe", dedupe(e))
	set("ce-whschema", string(e.Schema))
	set(headerSchemaHash, e.SchemaSHA256)
	set("ce-whsuspect", e.Suspect)
	set(headerReleased, e.Released)
	copyRequest(h, e)
	return h
}

// schemaURI makes the absolute URI that CloudEvents demand of the name of a file.
func schemaURI(name string) string {
	if name == "" {
		return ""
	}
	return "schema:" + (&url.URL{Path: name}).EscapedPath()
}

func dedupe(e *gateway.Event) string {
	switch {
	case !e.Dedupe:
		return "off"
	case !e.HasID:
		return "unknown"
	}
	return "unique"
}

func ceSource(e *gateway.Event) string {
	if e.CESource != "" {
		return e.CESource
	}
	return "/" + e.Tenant + "/" + e.Source
}

func ceType(e *gateway.Event) string {
	typ := e.Type
	if typ == "" {
		typ = unknownType
	}
	prefix := e.TypePrefix
	if prefix == "" {
		prefix = e.Provider
	}
	return prefix + "." + typ
}

// copyRequest copies the allow-listed request headers as they were sent, so that
// a consumer can verify again, in the order of their names and as far as there
// is room. Those with anything but printable ASCII are left out: not every
// client could read the message.
func copyRequest(h nats.Header, e *gateway.Event) {
	size := attestationRoom
	for name, values := range h {
		size += len(name) + len(values[0]) + 4
	}
	names := make([]string, 0, len(e.Header))
	for name := range e.Header {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		copied := make([]string, 0, len(e.Header[name]))
		for _, value := range e.Header[name] {
			if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r > '~' }) {
				continue
			}
			size += len("Wh-H-") + len(name) + len(value) + 4
			copied = append(copied, value)
		}
		if size > maxHeaders {
			return
		}
		if len(copied) > 0 {
			h["Wh-H-"+name] = copied
		}
	}
}

func timestamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// escape percent-encodes a value as the CloudEvents bindings say: space, the
// double quote, the percent sign, and everything outside U+0021 to U+007E, as
// UTF-8. Bytes that are not UTF-8 are encoded one by one.
func escape(s string) string {
	const digits = "0123456789ABCDEF"
	bad := 0
	for i := range len(s) {
		if mustEscape(s[i]) {
			bad++
		}
	}
	if bad == 0 {
		return s
	}
	b := make([]byte, 0, len(s)+2*bad)
	for i := range len(s) {
		if c := s[i]; mustEscape(c) {
			b = append(b, '%', digits[c>>4], digits[c&15])
		} else {
			b = append(b, c)
		}
	}
	return string(b)
}

func mustEscape(c byte) bool { return c <= ' ' || c > '~' || c == '"' || c == '%' }
