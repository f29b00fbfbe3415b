package natspub

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
)

const (
	// headerKept holds the request of an event in quarantine, except its body, and
	// what the other headers do not say about the event: base64 of a JSON object.
	headerKept = "Wh-Kept"
	// headerSubject holds the subject that the event had before; only of one that
	// was put aside by a spool.
	headerSubject  = "Wh-Subject"
	headerReason   = "ce-whreason"
	headerDetail   = "ce-whdetail"
	headerReleased = "ce-whreleased"
	// largestKept bounds headerKept in bytes. A request that is kept is about
	// half of it at most, before base64.
	largestKept = 24 << 10
)

// reasonConflict is why an event whose id belongs to another is in quarantine.
const reasonConflict = "conflict"

// errNoEvent: a message in the quarantine stream was not put there by a gateway.
var errNoEvent = errors.New("the message is none of a gateway's")

// keptHeader is what headerKept holds.
type keptHeader struct {
	gateway.Kept
	Type       string `json:"type,omitempty"`
	TypePrefix string `json:"type_prefix,omitempty"`
	HasID      bool   `json:"has_id,omitempty"`
	CESource   string `json:"ce_source,omitempty"`
	SchemaURI  string `json:"schema,omitempty"`
	Stream     string `json:"original_stream,omitempty"`
	Sequence   uint64 `json:"original_sequence,omitempty"`
}

// keep writes the request into the headers of a message for quarantine, if room
// bytes suffice.
func keep(h nats.Header, e *gateway.Event, q gateway.Quarantine, room int64) {
	if q.Request == nil {
		return
	}
	if text := keptText(e, q, room); text != "" {
		h[headerKept] = []string{text}
	}
}

// keptText is what headerKept holds, or "" if room bytes do not suffice.
func keptText(e *gateway.Event, q gateway.Quarantine, room int64) string {
	k := keptHeader{
		Kept: *q.Request, Type: e.Type, TypePrefix: e.TypePrefix, HasID: e.HasID, CESource: e.CESource, SchemaURI: e.SchemaURI,
		Stream: q.Original.Stream, Sequence: q.Original.Sequence,
	}
	text, err := encodeKept(&k)
	if err == nil && len(text) > largestKept {
		k.Redacted = nil
		text, err = encodeKept(&k)
	}
	if err != nil || len(text) > largestKept || int64(len(text)) > room {
		return ""
	}
	return text
}

func encodeKept(k *keptHeader) (string, error) {
	text, err := json.Marshal(k)
	return base64.StdEncoding.EncodeToString(text), err
}

// entry makes the event in quarantine of its message.
func entry(h nats.Header, body []byte) (*gateway.Entry, error) {
	if one(h, headerReason) == "" || one(h, headerIngestID) == "" {
		return nil, errNoEvent
	}
	e := &gateway.Entry{}
	e.Event = gateway.Event{
		Tenant: one(h, "ce-whtenant"), Source: one(h, "ce-whsource"), Provider: one(h, "ce-whprovider"),
		CESource: unescape(one(h, "ce-source")), ID: unescape(one(h, "ce-id")), HasID: one(h, "ce-whdedupe") != "unknown",
		OrderKey: unescape(one(h, "ce-partitionkey")), IngestID: one(h, headerIngestID),
		ContentType: unescape(one(h, "ce-datacontenttype")), SchemaURI: unescape(strings.TrimPrefix(unescape(one(h, "ce-dataschema")), "schema:")),
		Trust: gateway.Trust(one(h, "ce-whtrust")), Scheme: unescape(one(h, "ce-whscheme")), KeyID: unescape(one(h, "ce-whkeyid")),
		Schema: gateway.SchemaVerdict(one(h, "ce-whschema")), SchemaSHA256: one(h, headerSchemaHash), Suspect: one(h, "ce-whsuspect"), Dedupe: one(h, "ce-whdedupe") != "off",
		Body: body, Partitions: partitions(h), TraceParent: one(h, headerTraceParent), TraceState: one(h, headerTraceState),
	}
	e.Time, _ = time.Parse(time.RFC3339Nano, one(h, "ce-time"))
	e.Received, _ = time.Parse(time.RFC3339Nano, one(h, "ce-recordedtime"))
	if list := one(h, "ce-whunsigned"); list != "" {
		e.Unsigned = strings.Split(list, ",")
	}
	var sent gateway.Sent
	for _, d := range []struct {
		header string
		into   *[32]byte
	}{{headerDigest, &e.Digest}, {headerSame, &e.Same}, {headerSentDigest, &sent.Digest}} {
		if sum, err := hex.DecodeString(one(h, d.header)); err == nil && len(sum) == len(d.into) {
			copy(d.into[:], sum)
		}
	}
	if sent.Encoding = one(h, headerEncoding); sent.Encoding != "" {
		sent.Size, _ = strconv.Atoi(one(h, headerSentSize))
		e.Sent = &sent
	}
	if batch := one(h, "ce-whbatch"); batch != "" {
		index, err1 := strconv.Atoi(one(h, headerIndex))
		size, err2 := strconv.Atoi(one(h, "ce-whbatchsize"))
		if err := errors.Join(err1, err2); err != nil {
			return nil, fmt.Errorf("%w: %w", errNoEvent, err)
		}
		e.Part = &gateway.Part{Batch: unescape(batch), Index: index, Size: size}
	}
	for name, values := range h {
		if plain, ok := strings.CutPrefix(name, "Wh-H-"); ok {
			if e.Header == nil {
				e.Header = make(http.Header)
			}
			e.Header[plain] = values
		}
	}
	e.Quarantine = gateway.Quarantine{Reason: unescape(one(h, headerReason)), Detail: unescape(one(h, headerDetail))}
	e.TypePrefix, e.Type = splitType(unescape(one(h, "ce-type")), one(h, headerSubject), e.Partitions > 0)
	return e, restoreKept(e, one(h, headerKept))
}

func restoreKept(e *gateway.Entry, text string) error {
	if text == "" {
		return nil
	}
	raw, err := base64.StdEncoding.DecodeString(text)
	var k keptHeader
	if err == nil {
		err = json.Unmarshal(raw, &k)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", errNoEvent, err)
	}
	e.Type, e.TypePrefix, e.HasID = k.Type, k.TypePrefix, k.HasID
	if k.CESource != "" {
		e.CESource = k.CESource
	}
	if k.SchemaURI != "" {
		e.SchemaURI = k.SchemaURI
	}
	e.Request = &k.Kept
	e.Original = gateway.Ack{Stream: k.Stream, Sequence: k.Sequence}
	return nil
}

// splitType takes ce-type apart by the subject that the event had: the type has
// as many parts as the subject has after the source, and after the partition
// where there is one.
func splitType(ceType, subject string, partitioned bool) (prefix, typ string) {
	tokens := strings.Split(subject, ".")
	if partitioned && len(tokens) > 5 {
		tokens = slices.Delete(tokens, 4, 5)
	}
	if len(tokens) < 5 || tokens[len(tokens)-1] == noType && len(tokens) == 5 {
		return strings.TrimSuffix(ceType, "."+unknownType), ""
	}
	at := len(ceType)
	for range len(tokens) - 4 {
		if at = strings.LastIndexAny(ceType[:at], "./:"); at < 0 {
			return "", ceType
		}
	}
	return ceType[:at], ceType[at+1:]
}
