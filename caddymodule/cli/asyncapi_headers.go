package cli

import (
	"strings"
)

// contractHeader is a header of the consumer contract. Its values are text, as all
// headers are in NATS.
type contractHeader struct {
	name string
	// schema are the members of its schema besides type and description.
	schema []any
	always bool
	text   string
}

const (
	hex64   = "^[0-9a-f]{64}$"
	decimal = "^(0|[1-9][0-9]*)$"
)

// contractHeaders are those of events, in the order of docs/consumers.md, which says
// more about each.
var contractHeaders = []contractHeader{
	{"Nats-Msg-Id", []any{"pattern", "^[A-Za-z0-9_-]{22}$"}, true, "The first 22 characters of base64url(SHA-256) over tenant, source and event id, each as its length in decimal, a colon and itself. JetStream deduplicates by it."},
	{"Nats-Expected-Stream", []any{"minLength", 1}, true, "The stream that it was stored in."},
	{"Nats-Batch-Id", nil, false, "NATS's own mark of what was synced together. It says nothing about events."},
	{"Nats-Batch-Sequence", []any{"pattern", decimal}, false, "NATS's own mark of what was synced together. It says nothing about events."},
	{"Nats-Batch-Commit", nil, false, "NATS's own mark of what was synced together. It says nothing about events."},
	{"ce-specversion", []any{"const", "1.0"}, true, "The version of CloudEvents."},
	{"ce-id", []any{"minLength", 1}, true, "The provider's event id; the gateway's own where the provider has none. With ce-source it is the key of your idempotency."},
	{"ce-source", []any{"minLength", 1}, true, "<public_url>/<tenant>/<source>, from configuration; without a public_url /<tenant>/<source>."},
	{"ce-type", []any{"minLength", 1}, true, "The type of the event, after the provider's domain backwards, or its name where it has no domain; it ends in .unknown for an event without a type."},
	{"ce-time", []any{"format", "date-time"}, false, "The event's time, when the provider sends one."},
	{"ce-subject", []any{"minLength", 1}, false, "The order key: what the event is about. Events with one key are to be processed in order."},
	{"ce-partitionkey", []any{"minLength", 1}, false, "The order key, as in ce-subject."},
	{"traceparent", []any{"pattern", "^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}"}, false, "The trace of the request, with the gateway's span as the parent, in W3C's form; with Caddy's tracing."},
	{"tracestate", nil, false, "What W3C's trace context has besides traceparent; with Caddy's tracing."},
	{"ce-whpartition", []any{"pattern", "^(0|[1-9][0-9]*)/[1-9][0-9]*$"}, false, "The number of the partition, from 0, a slash, and how many there are."},
	{"ce-recordedtime", []any{"format", "date-time"}, true, "When the gateway had the whole body. It is the clock for whoever verifies the signature again."},
	{"ce-datacontenttype", []any{"minLength", 1}, false, "The request's content type."},
	{"ce-dataschema", []any{"pattern", "^schema:"}, false, "The schema that was applied: schema: and the file's path in the schema directory, or bundled/ and its path of one that comes with the program."},
	{"ce-whtenant", []any{"minLength", 1}, true, "Whose event it is."},
	{"ce-whsource", []any{"minLength", 1}, true, "The name of the route that it came by."},
	{"ce-whprovider", []any{"minLength", 1}, true, "The sender, by its name in the catalogue or in the configuration."},
	{"ce-whtrust", []any{"enum", []any{"verified", "authenticated", "unverified"}}, true, "verified: a signature covers the content; authenticated: the sender knows a secret, and nothing binds it to the content; unverified: nobody has checked who sent it."},
	{"ce-whscheme", []any{"minLength", 1}, false, "How it was checked who sent it, when it was."},
	{"ce-whkeyid", []any{"minLength", 1}, false, "With which of the configured keys it was checked, when it was."},
	{"ce-whunsigned", []any{"pattern", "^(id|type|time|order)(,(id|type|time|order))*$"}, false, "Which of id, type, time and order the signature does not cover."},
	{"ce-whsha256", []any{"pattern", hex64}, true, "SHA-256 of the body as it was received, in hex."},
	{"ce-whsize", []any{"pattern", decimal}, true, "Bytes of the body as it was received."},
	{"ce-whencoding", []any{"enum", []any{"gzip"}}, false, "The content coding in which the request came, when it came compressed; the payload is what came out."},
	{"ce-whsentsha256", []any{"pattern", hex64}, false, "SHA-256 of the compressed body."},
	{"ce-whsentsize", []any{"pattern", decimal}, false, "Bytes of the compressed body."},
	{"ce-dataref", []any{"pattern", "^nats-obj://[A-Za-z0-9_-]+/[0-9a-f]{64}$"}, false, "Where a large body is, in the object store; the payload is then empty."},
	{"ce-whsame", []any{"pattern", hex64}, false, "SHA-256 of the payload without what the provider changes from one delivery of an event to the next, when it changes something."},
	{"ce-whingestid", []any{"pattern", "^[0-9A-HJKMNP-TV-Z]{26}$"}, true, "One for each HTTP request; the same as in the gateway's log and in its answer."},
	{"ce-whbatch", []any{"minLength", 1}, false, "The id of the request that an element of a batch came in."},
	{"ce-whbatchindex", []any{"pattern", decimal}, false, "Which element of the batch it is, counted from 0."},
	{"ce-whbatchsize", []any{"pattern", decimal}, false, "How many elements the batch had."},
	{"ce-whdedupe", []any{"enum", []any{"unique", "unknown", "off"}}, true, "unique: one message for each event id inside the deduplication window; unknown: the provider sent no id, so that another delivery of the same event is another message; off: the route stores every delivery."},
	{"ce-whschema", []any{"enum", []any{"valid", "invalid", "none"}}, true, "What the schema says of the payload; none if there is none for the type."},
	{"ce-whschemahash", []any{"pattern", hex64}, false, "SHA-256 of the schema that was applied, in hex."},
	{"ce-whsuspect", []any{"enum", []any{"replay"}}, false, "replay: the same signed bytes came before under another id, and the signature does not cover the id. Treat it as one that you may have handled already."},
	{"ce-whreason", []any{"minLength", 1}, false, "Why it is in quarantine."},
	{"ce-whdetail", []any{"minLength", 1}, false, "What exactly is wrong with an event in quarantine."},
	{"Wh-Generation", []any{"pattern", decimal}, false, "How often an operator had the id forgotten before this event was stored under it."},
	{"Wh-Kept", nil, false, "The request of an event in quarantine, without its body and without credentials, for the gateway itself: its form may change."},
	{"ce-whreleased", []any{"enum", []any{"retry", "release", "unverified"}}, false, "How an operator let it out of quarantine."},
	{"Wh-Subject", []any{"minLength", 1}, false, "The subject that the event had before a spool found its id taken."},
	{"ce-whreplay", []any{"minLength", 1}, false, "The job that sent the event once more."},
	{"ce-whreplayseq", []any{"pattern", "^[1-9][0-9]*$"}, false, "The sequence of the original in its stream."},
	{"ce-whsig", []any{"pattern", `^v1\.[0-9a-f]{16}\.[A-Za-z0-9_-]{86}$`}, false, "The gateway's own signature of an event that it has verified: a version, the id of the key and the signature."},
}

// requestHeaders is the pattern of the names of headers that are copied from the
// request.
const requestHeaders = "^Wh-H-"

const requestHeaderText = "A request header on the provider's allow-list, as it was sent; those that carry the signature are among them, so that it can be verified again."

// opsHeaders are those of operational events.
var opsHeaders = []string{"Nats-Msg-Id", "Nats-Expected-Stream", "ce-specversion", "ce-id", "ce-source", "ce-type", "ce-time", "ce-datacontenttype", "ce-whtenant", "ce-whsource"}

// schemaOf is the schema of a header.
func (h *contractHeader) schemaOf() *object {
	s := newObject("type", "string", "description", h.text)
	for i := 0; i+1 < len(h.schema); i += 2 {
		if name, ok := h.schema[i].(string); ok {
			s.put(name, h.schema[i+1])
		}
	}
	return s
}

// eventHeaders is the schema of the headers of all events.
func eventHeaders() *object {
	properties, required := newObject(), []any{}
	for i := range contractHeaders {
		h := &contractHeaders[i]
		properties.put(h.name, h.schemaOf())
		if h.always {
			required = append(required, h.name)
		}
	}
	return newObject(
		"title", "Headers of an event",
		"description", "Names are exactly as written here, lower case included. Values of ce- headers are percent-encoded as the CloudEvents binding for NATS says. More headers may come; none is changed or removed.",
		"type", "object",
		"required", required,
		"properties", properties,
		"patternProperties", newObject(requestHeaders, newObject("type", "string", "description", requestHeaderText)),
	)
}

// operationalHeaders is the schema of the headers of operational events.
func operationalHeaders() *object {
	properties := newObject()
	for i := range contractHeaders {
		h := contractHeaders[i]
		for _, name := range opsHeaders {
			if h.name == name {
				properties.put(h.name, h.schemaOf())
			}
		}
	}
	for _, name := range []string{"Nats-Msg-Id", "ce-id"} {
		properties.put(name, newObject("type", "string", "description", "The id of the occurrence.", "minLength", 1))
	}
	properties.put("ce-time", newObject("type", "string", "description", "When it happened.", "format", "date-time"))
	properties.put("ce-type", newObject("type", "string", "description", "caddy-webhooks.ops. and the name of what happened."))
	properties.put("ce-datacontenttype", newObject("type", "string", "description", "The payload is a JSON object.", "const", "application/json"))
	properties.put("ce-whinstance", newObject("type", "string", "description", "The gateway's name."))
	for _, name := range []string{"ce-whtenant", "ce-whsource"} {
		properties.put(name, newObject("type", "string", "description", "Where it happened; it is left out, and _ in the subject, where it is about the whole gateway."))
	}
	required := []any{"ce-specversion", "ce-id", "ce-source", "ce-type", "ce-time"}
	return newObject("title", "Headers of an operational event", "type", "object", "required", required, "properties", properties)
}

// opsMember is a member of an operational event's payload: its name and, after a
// space, its type.
type opsEvent struct {
	name, when string
	members    string
}

// opsEvents are the operational events, in the order of docs/consumers.md. Members
// are text unless a colon and a type follow.
var opsEvents = []opsEvent{
	{
		"conflict", "An id came again with other bytes than those that are stored. The event that came second is in quarantine, unless the route has none.",
		"event_id event_type request_id size:integer sha256 original_stream original_sequence:integer",
	},
	{"quarantine_retry", "An operator has put an event in quarantine through its route again.", quarantineMembers},
	{"quarantine_release", "An operator has released an event from quarantine.", quarantineMembers},
	{"quarantine_drop", "An operator has deleted an event in quarantine.", quarantineMembers},
	{"quarantine_trimmed", "The quarantine was nearly full, and the oldest events of this source were removed, because it had the most there.", "events:integer"},
	{"quarantine_full", "The quarantine has reached 90 % of its bytes.", "stream events:integer bytes:integer max_bytes:integer"},
	{"dedupe_forget", "An operator has had an id forgotten.", "event_id event_type generation:integer original_stream original_sequence:integer request_id reason by"},
	{"replay_begin", "The gateway has begun a replay.", replayMembers},
	{"replay_end", "The gateway has ended a replay.", replayMembers},
	{"drift", "Payloads have something that was never there before; at most one message a minute for each source.", "findings:array more:integer open:integer"},
	{
		"schema_invalid", "A schema has refused an event; for each source and schema at once, and then once an hour at most.",
		"schema sha256 on_invalid accepted:integer refused:integer event_id event_type violations:array error",
	},
	{"spool_begin", "A cluster has stopped taking events.", spoolMembers},
	{"spool_end", "A cluster takes events again.", spoolMembers},
}

const (
	quarantineMembers = "sequence:integer kind request_id event_id event_type result stream stream_sequence:integer unverified:boolean reason by"
	replayMembers     = "job by stream to status position:integer last:integer sent:integer refused:integer"
	spoolMembers      = "events:integer bytes:integer max_bytes:integer"
)

// opsItems are the members of what stands in lists.
var opsItems = map[string]string{
	"findings":   "id kind event_type path first_seen last_seen count:integer event_id value was:array now",
	"violations": "pointer keyword schema missing:array",
}

// opsSchema is the schema of members.
func opsSchema(members string) *object {
	properties := newObject()
	for member := range strings.FieldsSeq(members) {
		name, kind, typed := strings.Cut(member, ":")
		s := newObject("type", "string")
		if typed {
			s.put("type", kind)
		}
		if items, ok := opsItems[name]; ok {
			s.put("items", opsSchema(items))
		}
		if kind == "integer" {
			s.put("minimum", 0)
		}
		properties.put(name, s)
	}
	return newObject("type", "object", "properties", properties)
}
