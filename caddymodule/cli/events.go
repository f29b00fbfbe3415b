package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/nats-io/nats.go"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/natspub"
)

// EventQuery says which stored events are read. It is what the admin API's endpoint
// events takes as its query.
type EventQuery struct {
	// Connection is the name of the gateway's connection to NATS; "" where there is
	// only one.
	Connection string
	// Stream is read, and of it only what is on Subject; "" means the gateway's stream of
	// verified events, [DefaultStream] where NATS itself is asked, and everything.
	Stream, Subject string
	// Tenants, Sources, Types and IDs choose events, as in [natspub.ReplaySpec].
	Tenants, Sources, Types, IDs []string
	// It begins with one of: a sequence, a time, or what comes behind both, the last so
	// many, what comes in from now on, or else the first event.
	FromSeq uint64
	Since   time.Time
	Last    int
	New     bool
	// Until is the time after which events are left out; zero means none.
	Until time.Time
	// Live goes on with what comes in.
	Live bool
	// HeadersOnly leaves payloads out, and Fetch reads those that are kept apart.
	HeadersOnly, Fetch bool
}

// Values returns the query of the endpoint.
func (q *EventQuery) Values() url.Values {
	v := url.Values{}
	set := func(name, value string, is bool) {
		if is {
			v.Set(name, value)
		}
	}
	set("connection", q.Connection, q.Connection != "")
	set("stream", q.Stream, q.Stream != "")
	set("subject", q.Subject, q.Subject != "")
	for name, list := range map[string][]string{"tenant": q.Tenants, "source": q.Sources, "type": q.Types, "id": q.IDs} {
		if len(list) > 0 {
			v[name] = list
		}
	}
	set("from_seq", strconv.FormatUint(q.FromSeq, 10), q.FromSeq > 0)
	set("since", q.Since.Format(time.RFC3339Nano), !q.Since.IsZero())
	set("until", q.Until.Format(time.RFC3339Nano), !q.Until.IsZero())
	set("last", strconv.Itoa(q.Last), q.Last > 0)
	for name, is := range map[string]bool{"new": q.New, "live": q.Live, "headers_only": q.HeadersOnly, "fetch": q.Fetch} {
		set(name, "true", is)
	}
	return v
}

// ParseEventQuery reads what Values wrote. The error says what is wrong.
func ParseEventQuery(v url.Values) (EventQuery, error) {
	var q EventQuery
	var err error
	for name, values := range v {
		value := values[len(values)-1]
		switch name {
		case "connection":
			q.Connection = value
		case "stream":
			q.Stream = value
		case "subject":
			q.Subject = value
		case "tenant":
			q.Tenants = values
		case "source":
			q.Sources = values
		case "type":
			q.Types = values
		case "id":
			q.IDs = values
		case "from_seq":
			q.FromSeq, err = strconv.ParseUint(value, 10, 63)
		case "last":
			q.Last, err = strconv.Atoi(value)
		case "since":
			q.Since, err = time.Parse(time.RFC3339, value)
		case "until":
			q.Until, err = time.Parse(time.RFC3339, value)
		case "new":
			q.New, err = strconv.ParseBool(value)
		case "live":
			q.Live, err = strconv.ParseBool(value)
		case "headers_only":
			q.HeadersOnly, err = strconv.ParseBool(value)
		case "fetch":
			q.Fetch, err = strconv.ParseBool(value)
		default:
			return q, fmt.Errorf("%w: there is no parameter %q", ErrUsage, name)
		}
		if err != nil {
			return q, fmt.Errorf("%w: %s=%q is not understood", ErrUsage, name, value)
		}
	}
	return q, q.check()
}

func (q *EventQuery) check() error {
	begins := 0
	for _, set := range []bool{q.FromSeq > 0 || !q.Since.IsZero(), q.Last > 0, q.New} {
		if set {
			begins++
		}
	}
	switch {
	case begins > 1:
		return fmt.Errorf("%w: more than one place to start from", ErrUsage)
	case q.Last < 0:
		return fmt.Errorf("%w: the number of the last events is negative", ErrUsage)
	case q.HeadersOnly && q.Fetch:
		return fmt.Errorf("%w: without payloads there is nothing to fetch", ErrUsage)
	}
	return nil
}

// Spec is the query for NATS.
func (q *EventQuery) Spec() natspub.FollowSpec {
	return natspub.FollowSpec{
		ReplaySpec: natspub.ReplaySpec{
			Stream: cmp.Or(q.Stream, DefaultStream), FromSeq: q.FromSeq, Since: q.Since, Until: q.Until,
			Tenants: slices.Clone(q.Tenants), Sources: slices.Clone(q.Sources), Types: slices.Clone(q.Types), IDs: slices.Clone(q.IDs),
		},
		Subject: q.Subject, Last: q.Last, New: q.New, Live: q.Live, HeadersOnly: q.HeadersOnly,
	}
}

// EventLine is one line of the endpoint's answer: an event, or what there is to say
// about the reading.
type EventLine struct {
	*EventRecord
	// Position is the sequence up to which all events that were chosen have been
	// written, and Last the stream's last when it began.
	Position uint64 `json:"position,omitempty"`
	Last     uint64 `json:"last,omitempty"`
	// Trouble says why nothing can be read just now, and Recovered that it goes on.
	Trouble   string `json:"trouble,omitempty"`
	Recovered bool   `json:"recovered,omitempty"`
	// End is "done" after all of it, and "reload" where the client should ask again
	// for what comes behind Position. Error says what has ended it.
	End   string `json:"end,omitempty"`
	Error string `json:"error,omitempty"`
}

// The values of EventLine.End.
const (
	EndDone   = "done"
	EndReload = "reload"
)

// EventRecord is an event in JSON.
type EventRecord struct {
	Stream  string      `json:"stream"`
	Seq     uint64      `json:"seq"`
	Time    time.Time   `json:"time"`
	Subject string      `json:"subject"`
	Headers nats.Header `json:"headers"`
	// Payload is the exact bytes if they are UTF-8, else PayloadBase64 is.
	Payload       *string `json:"payload,omitempty"`
	PayloadBase64 []byte  `json:"payload_base64,omitempty"`
	// PayloadError says why a payload that is kept apart could not be read.
	PayloadError string `json:"payload_error,omitempty"`
	// PayloadUnknown says that it may well be there, and that nobody has answered.
	PayloadUnknown bool `json:"payload_unknown,omitempty"`
}

// errUnanswered: nothing is known of a body.
var errUnanswered = errors.New("nobody has answered")

// NewEventRecord returns an event of a stream in JSON, with its body, or why that is
// missing.
func NewEventRecord(stream string, e *natspub.Stored, body []byte, missing error) *EventRecord {
	r := &EventRecord{Stream: stream, Seq: e.Seq, Time: e.Time.UTC(), Subject: e.Subject, Headers: e.Header}
	switch {
	case missing != nil:
		r.PayloadError, r.PayloadUnknown = missing.Error(), unanswered(missing)
	case utf8.Valid(body):
		text := string(body)
		r.Payload = &text
	default:
		r.PayloadBase64 = body
	}
	return r
}

// Event is a stored event as commands read it.
type Event struct {
	natspub.Stored
	// Stream is where it is.
	Stream string
	// Missing is why its body, which is kept apart, is not in Data; nil if it is
	// there, or was not asked for.
	Missing error
}

// record is the event in JSON.
func (e *Event) record() *EventRecord { return NewEventRecord(e.Stream, &e.Stored, e.Data, e.Missing) }

// event is the record's.
func (r *EventRecord) event(last uint64) *Event {
	e := &Event{Stream: r.Stream, Stored: natspub.Stored{Seq: r.Seq, Time: r.Time, Subject: r.Subject, Header: r.Headers, Last: last}}
	switch {
	case r.PayloadUnknown:
		e.Missing = fmt.Errorf("%w: %s", errUnanswered, r.PayloadError)
	case r.PayloadError != "":
		e.Missing = errors.New(r.PayloadError)
	case r.Payload != nil:
		e.Data = []byte(*r.Payload)
	default:
		e.Data = r.PayloadBase64
	}
	return e
}

// eventWatch is told what happens while events are read; members may be nil.
type eventWatch struct {
	// begun is called when the first sequence that is looked at and the stream's last
	// are known, the first time.
	begun func(from, last uint64)
	// trouble is called when nothing can be read just now, and it is tried again; and
	// with nil when it goes on.
	trouble func(error)
	// passed is called from time to time with the sequence that was reached.
	passed func(upTo uint64)
}

// eventReader reads stored events: through the gateway, or on a connection of its
// own.
type eventReader interface {
	// follow calls do with each event of the query, in the order of the stream, each
	// once, over restarts and reloads. It ends with the error of do.
	follow(ctx context.Context, q EventQuery, watch eventWatch, do func(*Event) error) error
	// get returns one event with its body; stream may be "", as in EventQuery. The error wraps [natspub.ErrNoEvent] if it
	// is not there.
	get(ctx context.Context, stream string, seq uint64) (*Event, error)
	// streams returns the streams of the gateway that may hold events, that of
	// verified events first.
	streams(ctx context.Context) ([]string, error)
	// close gives the connection back.
	close()
}

// events returns what reads events. Where nothing says how to get to them the environment variable NATS_URL
// counts, and without it the admin API is asked.
func (r *Reach) events() (eventReader, error) {
	if r.Getenv == nil {
		r.Getenv = os.Getenv
	}
	if !r.direct() && r.Admin == "" && r.Connection == "" {
		if r.NATS = r.Getenv("NATS_URL"); r.NATS == "" && (r.Credentials != "" || r.CA != "") {
			r.NATS = DefaultNATS
		}
	}
	if err := r.complete(); err != nil {
		return nil, err
	}
	if !r.direct() {
		a, err := r.admin()
		if err != nil {
			return nil, err
		}
		a.client.Timeout = 0 // a stream of events has no end
		return &adminEvents{admin: a, connection: r.Connection}, nil
	}
	nc, prefix, err := r.connect()
	if err != nil {
		return nil, err
	}
	reader, err := natspub.NewReplayer(natspub.ReplayConfig{Conn: nc, APIPrefix: prefix})
	if err != nil {
		nc.Close()
		return nil, err
	}
	return &directEvents{reader: reader, conn: nc}, nil
}

// directEvents reads on a connection of its own.
type directEvents struct {
	reader *natspub.Replayer
	conn   *nats.Conn
}

func (d *directEvents) close() { d.conn.Close() }

func (d *directEvents) follow(ctx context.Context, q EventQuery, watch eventWatch, do func(*Event) error) error {
	spec := q.Spec()
	spec.Tidy = true
	spec.Begun, spec.Passed = watch.begun, watch.passed
	spec.Trouble = watch.trouble
	var own error
	ctx, end := permitted(ctx, d.conn)
	defer end()
	err := d.reader.Follow(ctx, spec, func(s *natspub.Stored) error {
		e := &Event{Stored: *s, Stream: spec.Stream}
		if q.Fetch {
			d.fetch(ctx, e)
		}
		own = do(e)
		return own
	})
	if own != nil {
		return own
	}
	return ofEvents(ctx, err)
}

func (d *directEvents) fetch(ctx context.Context, e *Event) {
	short, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	e.Data, e.Missing = d.reader.Fetch(short, &e.Stored)
}

func (d *directEvents) get(ctx context.Context, stream string, seq uint64) (*Event, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	stream = cmp.Or(stream, DefaultStream)
	s, err := d.reader.Get(ctx, stream, seq)
	if err != nil {
		return nil, ofEvents(ctx, err)
	}
	e := &Event{Stored: *s, Stream: stream}
	d.fetch(ctx, e)
	return e, nil
}

func (d *directEvents) streams(ctx context.Context) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	list, err := d.reader.Streams(ctx)
	return list, ofEvents(ctx, err)
}

// ofEvents marks an error of reading with its kind.
func ofEvents(ctx context.Context, err error) error {
	if errors.Is(err, natspub.ErrHistory) {
		return &marked{ErrUsage, errors.New(strings.TrimPrefix(err.Error(), natspub.ErrHistory.Error()+": "))}
	}
	if errors.Is(err, nats.ErrNoResponders) {
		err = fmt.Errorf("%w: %s", err, noResponders)
	}
	return because(ctx, err)
}
