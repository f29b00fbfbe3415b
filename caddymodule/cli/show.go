package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/natspub"
)

// mostMatches is how many events with one id are named.
const mostMatches = 20

// ShowOptions say which event [Show] shows.
type ShowOptions struct {
	// Reach says how to get to the event, as in [TailOptions].
	Reach
	// Event is a number, which is a sequence of the stream, or the provider's id of an
	// event; with ByID it is an id in any case.
	Event string
	ByID  bool
	// Stream is where it is. Empty means the one of [TailOptions] for a sequence, and
	// for an id all streams of the gateway that hold events of senders.
	Stream string
	// Tenants and Sources narrow the search for an id, and so does Since, an RFC 3339
	// time or a duration such as "24h" for so long ago.
	Tenants, Sources []string
	Since            string
	// Raw writes the exact bytes of the body and nothing else, and JSON one object.
	Raw, JSON bool
	// Progress is where it is said how far a search is, if it is a terminal.
	Progress io.Writer
}

// Show writes all there is of one stored event. The error wraps [natspub.ErrNoEvent]
// if it is not there, with what was looked at, and [ErrUsage] if several events have
// the id, which are listed.
func Show(ctx context.Context, w io.Writer, o ShowOptions) error {
	seq, err := o.sequence()
	if err != nil {
		return err
	}
	events, err := o.events()
	if err != nil {
		return err
	}
	defer events.close()
	stream := o.Stream
	if seq == 0 {
		at, err := o.search(ctx, w, events)
		if err != nil {
			return err
		}
		stream, seq = at.stream, at.seq
	}
	e, err := events.get(ctx, stream, seq)
	if err != nil {
		if errors.Is(err, natspub.ErrNoEvent) && o.Event == strconv.FormatUint(seq, 10) && !o.ByID {
			return fmt.Errorf("%w: --stream names another stream, and --by-id looks for the id %s", err, o.Event)
		}
		return err
	}
	return o.write(w, e)
}

// sequence returns the sequence that is meant, or 0 for an id.
func (o *ShowOptions) sequence() (uint64, error) {
	if o.JSON && o.Raw {
		return 0, fmt.Errorf("%w: --json and --raw exclude each other", ErrUsage)
	}
	if o.Event == "" {
		return 0, fmt.Errorf("%w: which event? Write its id or its sequence", ErrUsage)
	}
	seq, err := strconv.ParseUint(o.Event, 10, 63)
	if o.ByID || err != nil {
		return 0, nil //nolint:nilerr // it is an id
	}
	if seq == 0 {
		return 0, fmt.Errorf("%w: sequences begin with 1; --by-id looks for an id that is a number", ErrUsage)
	}
	if len(o.Tenants) > 0 || len(o.Sources) > 0 || o.Since != "" {
		return 0, fmt.Errorf("%w: --tenant, --source and --since are for the search for an id; %s is a sequence: write --by-id if it is an id", ErrUsage, o.Event)
	}
	return seq, nil
}

// match is where an event with the id is.
type match struct {
	stream, tenant, source, typ string
	seq                         uint64
	at                          time.Time
}

// search looks for the id.
func (o *ShowOptions) search(ctx context.Context, w io.Writer, events eventReader) (match, error) {
	var found []match
	var looked []string
	if f, ok := events.(finder); ok && o.Stream == "" && o.Since == "" && len(o.Tenants) < 2 && len(o.Sources) < 2 {
		found = f.find(ctx, o.Event, first(o.Tenants), first(o.Sources))
	}
	if len(found) == 0 {
		var err error
		if found, looked, err = o.scan(ctx, events); err != nil {
			return match{}, err
		}
	}
	switch len(found) {
	case 0:
		return match{}, fmt.Errorf("%w with the id %s: looked through %s", natspub.ErrNoEvent, visible(o.Event, false), strings.Join(looked, ", "))
	case 1:
		return found[0], nil
	}
	if err := o.list(w, found); err != nil {
		return match{}, err
	}
	return match{}, fmt.Errorf("%w: several events have this id: choose with --source, --tenant or --stream, or show one by its sequence", ErrUsage)
}

func first(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

// scan reads the headers of all events that may be it, and says where it looked.
func (o *ShowOptions) scan(ctx context.Context, events eventReader) (found []match, looked []string, _ error) {
	since, err := moment("--since", o.Since)
	if err != nil {
		return nil, nil, err
	}
	streams := []string{o.Stream}
	if o.Stream == "" {
		if streams, err = events.streams(ctx); err != nil || len(streams) == 0 {
			streams = []string{DefaultStream} // who may read it need not be allowed to list them
		}
	}
	bar := NewProgress(o.Progress, "looking for it")
	defer bar.Done()
	for _, stream := range streams {
		q := EventQuery{Stream: stream, IDs: []string{o.Event}, Tenants: o.Tenants, Sources: o.Sources, Since: since, HeadersOnly: true}
		var from, last uint64
		watch := eventWatch{
			begun: func(f, l uint64) { from, last = f, l },
			passed: func(upTo uint64) {
				bar.At(len(found), max(upTo+1, from)-from, max(last+1, from)-from)
			},
		}
		err := events.follow(ctx, q, watch, func(e *Event) error {
			if len(found) < mostMatches {
				found = append(found, match{stream, e.One("ce-whtenant"), e.One("ce-whsource"), e.One("ce-type"), e.Seq, e.Time})
			}
			return nil
		})
		if err != nil {
			return nil, nil, err
		}
		where := stream
		switch {
		case last < from || last == 0:
			where += " (empty)"
		default:
			where += fmt.Sprintf(" (sequences %d to %d)", from, last)
		}
		looked = append(looked, where)
	}
	return found, looked, nil
}

func (o *ShowOptions) list(w io.Writer, found []match) error {
	if o.JSON || o.Raw {
		return nil
	}
	tw := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(tw, "STREAM\tSEQUENCE\tSTORED\tTENANT/SOURCE\tTYPE")
	for _, m := range found {
		fmt.Fprintf(tw, "%s\t%d\t%s\t%s\t%s\n", m.stream, m.seq, m.at.Local().Format(time.RFC3339), visible(m.tenant+"/"+m.source, false), visible(m.typ, false))
	}
	return tw.Flush()
}

// finder is a reader that may know where an id is.
type finder interface {
	// find returns where events with the id are; none if it does not know.
	find(ctx context.Context, id, tenant, source string) []match
}

// find asks the gateway what it remembers of the id.
func (a *adminEvents) find(ctx context.Context, id, tenant, source string) []match {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	v := url.Values{"id": {id}}
	for name, value := range map[string]string{"tenant": tenant, "source": source, "connection": a.connection} {
		if value != "" {
			v.Set(name, value)
		}
	}
	var answer struct {
		States []dedupeState `json:"states"`
	}
	if a.admin.call(ctx, http.MethodGet, "dedupe?"+v.Encode(), nil, &answer) != nil {
		return nil
	}
	var list []match
	for _, st := range answer.States {
		for _, m := range st.Stored {
			if m.Removed || m.Sequence == 0 {
				return nil // there may be others, which a search finds
			}
			list = append(list, match{m.Stream, st.Tenant, st.Source, m.Type, m.Sequence, m.Time})
		}
	}
	return list
}

// shownEvent is an event in JSON, with what its headers say.
type shownEvent struct {
	*EventRecord
	// Quarantine is why it is in quarantine; empty if it is not.
	Quarantine string `json:"quarantine,omitempty"`
}

func (o *ShowOptions) write(w io.Writer, e *Event) error {
	p := &eventPrinter{w: w, style: StyleOf(w), fetched: true}
	switch {
	case o.Raw:
		return p.raw(e, false)
	case o.JSON:
		return printJSON(w, shownEvent{e.record(), e.One("ce-whreason")})
	}
	return p.whole(e)
}

// attribute is a header that is shown by a name.
type attribute struct{ name, header string }

// eventGroups are the headers of the contract, as a person looks for them.
var eventGroups = []struct {
	title string
	list  []attribute
}{
	{"event", []attribute{
		{"id", "ce-id"},
		{"type", "ce-type"},
		{"source", "ce-source"},
		{"time", "ce-time"},
		{"subject", "ce-subject"},
		{"order key", "ce-partitionkey"},
		{"partition", "ce-whpartition"},
		{"batch", "ce-whbatch"},
		{"index in batch", "ce-whbatchindex"},
		{"events in batch", "ce-whbatchsize"},
	}},
	{"sender", []attribute{
		{"trust", "ce-whtrust"},
		{"provider", "ce-whprovider"},
		{"scheme", "ce-whscheme"},
		{"key", "ce-whkeyid"},
		{"not signed", "ce-whunsigned"},
		{"suspect", "ce-whsuspect"},
		{"attestation", "ce-whsig"},
	}},
	{"gateway", []attribute{
		{"tenant", "ce-whtenant"},
		{"route", "ce-whsource"},
		{"received", "ce-recordedtime"},
		{"request id", "ce-whingestid"},
		{"dedupe", "ce-whdedupe"},
		{"message id", "Nats-Msg-Id"},
		{"generation", "Wh-Generation"},
		{"schema", "ce-whschema"},
		{"schema file", "ce-dataschema"},
		{"released", "ce-whreleased"},
		{"replay", "ce-whreplay"},
		{"replay of", "ce-whreplayseq"},
		{"trace", "traceparent"},
	}},
	{"body", []attribute{
		{"bytes", "ce-whsize"}, {"content type", "ce-datacontenttype"}, {"sha256", "ce-whsha256"}, {"compared by", "ce-whsame"}, {"sent as", "ce-whencoding"}, {"kept apart in", "ce-dataref"},
	}},
}

// whole writes all there is of an event: what its headers say, in groups, those that
// the provider sent, what is left, and the payload.
func (p *eventPrinter) whole(e *Event) error {
	rest := maps.Clone(e.Header)
	tw := tabwriter.NewWriter(p.w, 0, 8, 2, ' ', 0)
	section := func(title string) { fmt.Fprintf(tw, "\n%s\n", p.style.Strong(title)) }
	line := func(name, value string) { fmt.Fprintf(tw, "  %s\t%s\n", visible(name, false), visible(value, false)) }
	fmt.Fprintf(tw, "%s\n", p.style.Strong(fmt.Sprintf("%d in %s", e.Seq, visible(e.Stream, false))))
	line("stored", e.Time.Local().Format("2006-01-02 15:04:05.000 -07:00"))
	line("subject", e.Subject)
	if reason := e.One("ce-whreason"); reason != "" {
		section(p.style.Warn("in quarantine"))
		line("reason", reason)
		if detail := e.One("ce-whdetail"); detail != "" {
			line("detail", detail)
		}
		line("what to do", fmt.Sprintf("`caddy webhooks quarantine show %d` has its request; retry, release and drop take it by this number", e.Seq))
		delete(rest, "ce-whreason")
		delete(rest, "ce-whdetail")
	}
	for _, g := range eventGroups {
		begun := false
		for _, a := range g.list {
			value := e.One(a.header)
			delete(rest, a.header)
			if value == "" {
				continue
			}
			if !begun {
				section(g.title)
				begun = true
			}
			line(a.name, value)
		}
	}
	for _, group := range []struct {
		title string
		of    func(name string) (string, bool)
	}{
		{"headers of the request", func(name string) (string, bool) { return strings.CutPrefix(name, "Wh-H-") }},
		{"other headers of the message", func(name string) (string, bool) { return name, name != "ce-specversion" && name != "Wh-Kept" }},
	} {
		begun := false
		for _, name := range slices.Sorted(maps.Keys(rest)) {
			shown, ok := group.of(name)
			if !ok {
				continue
			}
			if !begun {
				section(group.title)
				begun = true
			}
			for _, value := range rest[name] {
				line(shown, value)
			}
			delete(rest, name)
		}
	}
	section("payload")
	if err := tw.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintln(p.w, "  "+p.payload(e, "  "))
	return err
}
