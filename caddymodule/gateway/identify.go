package gateway

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

const (
	maxID   = 512
	maxType = 256

	mediaJSON = "application/json"
)

// Reasons for quarantine.
const (
	reasonSchema   = "schema"
	reasonConflict = "conflict"
	reasonNoID     = "no_id"
	reasonNoType   = "no_type"
	reasonTooMany  = "too_many"
	reasonJSON     = "json"
)

var (
	errTooLong   = errors.New("longer than permitted")
	errCharacter = errors.New("control characters or invalid UTF-8")
)

// makeEvent makes the event of an authentic request, or of an element of one.
func (x *exchange) makeEvent(received time.Time, header http.Header) {
	cfg := &x.route.cfg
	x.event = &Event{
		Tenant:     cfg.Tenant,
		Source:     cfg.Source,
		Provider:   cfg.Provider.Name,
		TypePrefix: cfg.Provider.TypePrefix,
		CESource:   cfg.CESource,
		IngestID:   x.res.RequestID,
		Received:   received,
		Body:       x.req.Body,
		Sent:       x.sent,
		Digest:     sha256.Sum256(x.req.Body),
		Header:     header,
		Trust:      x.res.Trust,
		Scheme:     x.result.Scheme,
		KeyID:      x.result.KeyID,
		Schema:     SchemaNone,
		Dedupe:     !cfg.NoDedupe,
		Released:   x.released,
		Partitions: cfg.Partitions,
		Stream:     cfg.Stream,

		TraceParent: x.r.TraceParent,
		TraceState:  x.r.TraceState,
	}
	if x.route.varies != nil {
		x.event.Same = x.req.DigestWithout(x.route.varies)
	}
	if types := x.req.Header["Content-Type"]; len(types) > 0 {
		x.event.ContentType = types[0]
	}
}

// identify finds the event's id, type and time.
func (x *exchange) identify() bool {
	rt, e := x.route, x.event
	// Of several problems the one with the type is reported, since without a
	// type nobody can say whether the event is wanted.
	id, err := x.lookup(rt.whole.id, !rt.cfg.EventID.IsZero(), maxID)
	if err != nil {
		x.setAside(reasonNoID, "the id ("+rt.whole.id.String()+")", err)
	}
	e.ID, e.HasID = id, id != ""
	if !e.HasID {
		e.ID = e.IngestID
	}
	if e.Type, err = x.lookup(rt.whole.typ, !rt.cfg.EventType.IsZero(), maxType); err != nil {
		x.setAside(reasonNoType, "the type ("+rt.whole.typ.String()+")", err)
	}
	e.Time = x.lookupTime(rt.whole.t)
	e.OrderKey = x.orderKey(rt.whole.order)
	if x.oversize {
		x.setAside(reasonTooMany, "", verifiers.ErrTooMany)
	}
	e.Unsigned = rt.uncovered(x.result.Covers)
	x.res.EventID, x.res.EventType = e.ID, e.Type
	return true
}

// lookup returns a source's value, or "" if the request has none and none is
// demanded. The error says why the value cannot be used and does not hold it.
func (x *exchange) lookup(s verifiers.Source, demanded bool, limit int) (string, error) {
	if s.IsZero() {
		return "", nil
	}
	v, err := s.Lookup(&x.req)
	switch {
	case errors.Is(err, verifiers.ErrMissing) && !demanded:
		return "", nil
	case err != nil:
		return "", err
	case len(v) > limit:
		return "", errTooLong
	case !utf8.ValidString(v), strings.ContainsFunc(v, unicode.IsControl):
		return "", errCharacter
	}
	return v, nil
}

// lookupTime returns a source's value as a time; zero if there is none.
func (x *exchange) lookupTime(s verifiers.Source) time.Time {
	if s.IsZero() {
		return time.Time{}
	}
	text, err := s.Lookup(&x.req)
	if err != nil {
		return time.Time{}
	}
	t, _ := EventTime(text)
	return t
}

// orderKey returns a source's value; "" if there is none that can be used.
func (x *exchange) orderKey(s verifiers.Source) string {
	key, err := x.lookup(s, false, maxID)
	if err != nil {
		return ""
	}
	return key
}

// uncovered lists the attributes that are taken from parts of the request that
// the signature does not protect. An attribute that a request happens to lack
// is listed too, since anybody could have removed it.
func (rt *Route) uncovered(c *verifiers.Coverage) []string {
	var list []string
	for _, a := range []struct {
		name   string
		source *verifiers.Source
	}{{"id", &rt.whole.id}, {"type", &rt.whole.typ}, {"time", &rt.whole.t}, {"order", &rt.whole.order}} {
		if !a.source.IsZero() && !c.Covers(*a.source) {
			list = append(list, a.name)
		}
	}
	return list
}

// setAside notes that the event belongs in quarantine.
func (x *exchange) setAside(reason, what string, err error) {
	if x.isNotStrict() && reason != reasonConflict {
		return // that is why there is no id, or no type
	}
	detail := what + ": " + err.Error()
	if what == "" {
		detail = err.Error()
	}
	x.quarantine = &Quarantine{Reason: reason, Detail: cutText(detail, 1024)}
	x.cause = err
	if what != "" {
		x.cause = fmt.Errorf("%s: %w", what, err)
	}
}

func (x *exchange) isForm() bool {
	return isFormMedia(x.media)
}

func isFormMedia(media string) bool {
	return media == "application/x-www-form-urlencoded" || media == "multipart/form-data"
}

func (x *exchange) isJSON() bool {
	return x.media == mediaJSON || strings.HasSuffix(x.media, "+json")
}

// room applies the limit of the source to so many events.
func (x *exchange) room(events int) bool {
	for _, l := range [...]*Limiter{x.route.source, x.route.tenant} {
		if l == nil || x.released != "" {
			continue
		}
		if wait, ok := l.Take(x.route.now(), events); !ok {
			x.wait = wait
			return x.end(SourceLimited, "", nil)
		}
	}
	return true
}

// want applies the operator's filters.
func (x *exchange) want() bool {
	if q := x.quarantine; q != nil && (q.Reason == reasonNoType || q.Reason == reasonTooMany || q.Reason == reasonJSON && x.event.Type == "") {
		return true
	}
	if !x.wanted() {
		return x.end(Dropped, "", nil)
	}
	return true
}

// EventTime reads the time of an event: RFC 3339, or Unix time in seconds or milliseconds, with or
// without a fraction. Numbers from 1e11 on are milliseconds: as seconds they
// would lie beyond the year 5138.
func EventTime(s string) (time.Time, bool) {
	whole, fraction, _ := strings.Cut(s, ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil {
		t, err := time.Parse(time.RFC3339Nano, s)
		return t, err == nil
	}
	if n < 0 || n >= 1e14 || len(whole) == 0 || whole[0] == '+' || len(fraction) > 30 {
		return time.Time{}, false
	}
	nanos, ok := parseFraction(fraction)
	if !ok {
		return time.Time{}, false
	}
	if n >= 1e11 {
		return time.UnixMilli(n).Add(time.Duration(nanos / 1000)).UTC(), true
	}
	return time.Unix(n, nanos).UTC(), true
}

// parseFraction returns the digits after a decimal point as billionths.
func parseFraction(digits string) (int64, bool) {
	var nanos int64
	for i := range max(9, len(digits)) {
		c := byte('0')
		if i < len(digits) {
			c = digits[i]
		}
		if c < '0' || c > '9' {
			return 0, false
		}
		if i < 9 {
			nanos = nanos*10 + int64(c-'0')
		}
	}
	return nanos, true
}

// cutText shortens s to at most n bytes without cutting a character.
func cutText(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
