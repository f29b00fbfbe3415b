package conformance

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

const windowCure = "refuse a timestamp that is further from your clock, in either direction, than the sender's window"

func freshnessChecks() []Check {
	checks := []Check{
		{Code: "timestamp-missing", Severity: Must, Sends: "an event without its timestamp", Why: "a signature that says nothing of its time can be sent again for ever", Cure: "refuse what has no timestamp; never fall back to a signature without one", run: timestampMissing},
		{Code: "timestamp-stale", Severity: Must, Sends: "an event that was signed a day before the sender's window", Why: "whoever has seen a request can send it again for ever", Cure: windowCure, run: timestampStale},
		{Code: "timestamp-future", Severity: Must, Sends: "an event that is signed for a day after the sender's window", Why: "a window that is checked on one side lets a request be kept for later", Cure: windowCure, run: timestampFuture},
		{Code: "timestamp-window", Severity: Should, Sends: "events signed three times the sender's window ago, and as far ahead", Why: "the longer the window, the longer a request can be sent again", Cure: windowCure, run: timestampWindow},
		{Code: "timestamp-changed", Severity: Must, Sends: "an old event with the timestamp of now instead of its own, before it and after it, and not signed again", Why: "who verifies one timestamp and looks at the age of another one lets old requests in for ever", Cure: "judge the age of the timestamp that you verify, and refuse a second one", run: timestampChanged},
		{Code: "timestamp-text", Severity: Should, Sends: "events that are signed with a timestamp that is no number: letters, nothing, a sign, a fraction, an exponent", Why: "a comparison with what is no number is false, and the check of freshness is then none", Cure: "parse the timestamp strictly before you compare", run: timestampText},
		{Code: "timestamp-unit", Severity: Should, Sends: "an event that is signed with a timestamp in another unit: milliseconds for seconds, or seconds for milliseconds", Why: "who guesses the unit accepts times that the sender never means", Cure: "read the timestamp in the sender's unit only", run: timestampUnit},
	}
	for i := range checks {
		checks[i].Group, checks[i].Wants = "freshness", "4xx"
	}
	return checks
}

// window is the sender's replay window; 0 if nothing is timed.
func (t *trial) window() time.Duration {
	if t.places.Timestamp.IsZero() && !t.isJWT() || t.places.Tolerance == 0 {
		t.skip("%s signs no time", t.target.Provider.Name)
		return 0
	}
	return t.places.Tolerance
}

func (t *trial) isJWT() bool { _, ok := t.target.Provider.Scheme.(verifiers.JWT); return ok }

// signedAt refuses an event that was signed at another time.
func (t *trial) signedAt(sent string, off time.Duration) {
	at := time.Now()
	req, err := t.target.Sample("", "", at.Add(off))
	if err != nil {
		t.skip("%v", err)
		return
	}
	e, err := t.signed(req, t.target.Provider, t.target.Config, at.Add(off))
	if err != nil {
		t.skip("such a request of %s cannot be made: %v", t.target.Provider.Name, err)
		return
	}
	t.refuse(sent, e)
}

func timestampMissing(t *trial) {
	if t.places.Timestamp.IsZero() {
		t.skip("%s signs no time", t.target.Provider.Name)
		return
	}
	if e, ok := t.event(); ok {
		bad := without(e, t.places.Timestamp)
		if bad == nil {
			t.skip("its timestamp is not in a header or a parameter")
			return
		}
		t.refuse("an event without its timestamp", bad)
	}
}

func timestampStale(t *trial) {
	if w := t.window(); w > 0 {
		t.signedAt("an event that was signed "+(w+24*time.Hour).String()+" ago", -w-24*time.Hour)
	}
}

func timestampFuture(t *trial) {
	if w := t.window(); w > 0 {
		t.signedAt("an event that is signed for "+(w+24*time.Hour).String()+" from now", w+24*time.Hour)
	}
}

func timestampWindow(t *trial) {
	w := t.window()
	if w == 0 {
		return
	}
	// A token is valid until it says that it is not.
	off := 3*w + time.Minute
	if t.isJWT() {
		off += 5 * time.Minute
	}
	// Who does not look at the age at all has another flaw.
	for _, far := range []time.Duration{-w - 24*time.Hour, w + 24*time.Hour} {
		e, ok := t.eventAt(time.Now().Add(far))
		switch {
		case !ok || t.accepts(e):
		case far < 0:
			t.signedAt("an event that was signed "+off.String()+" ago", -off)
		default:
			t.signedAt("an event that is signed for "+off.String()+" from now", off)
		}
	}
}

func timestampChanged(t *trial) {
	w := t.window()
	if w == 0 {
		return
	}
	s := leaf(t.places.Timestamp)
	if s.Header == "" && s.Query == "" {
		t.skip("its timestamp is not in a header or a parameter")
		return
	}
	old, ok := t.eventAt(time.Now().Add(-w - 24*time.Hour))
	if !ok || t.accepts(old) {
		return
	}
	fresh, ok := t.event()
	if !ok {
		return
	}
	now, err := s.Lookup(copied(fresh.req))
	if err != nil {
		t.skip("%v", err)
		return
	}
	for _, v := range []struct {
		what  string
		place func(old []string, now string) []string
	}{
		{"instead of its own", func(_ []string, now string) []string { return []string{now} }},
		{"before its own", func(old []string, now string) []string { return append([]string{now}, old...) }},
		{"after its own", func(old []string, now string) []string { return append(slices.Clone(old), now) }},
	} {
		c := &event{req: copied(old.req), good: old.good}
		switch {
		case s.Pair != "":
			sep := or(s.Sep, ",")
			item := s.Pair + "=" + now
			rest := without(old, s).req.Header.Get(s.Header)
			was, err := s.Lookup(copied(old.req))
			if err != nil {
				return
			}
			c.req.Header.Set(s.Header, strings.Join(append(v.place([]string{s.Pair + "=" + was}, item), rest), sep))
		case s.Header != "":
			c.req.Header[s.Header] = v.place(old.req.Header[s.Header], s.Prefix+now)
		default:
			q := c.req.URL.Query()
			q[s.Query] = v.place(q[s.Query], s.Prefix+now)
			c.req.URL.RawQuery = q.Encode()
		}
		t.refuse("an old event with the timestamp of now "+v.what, c)
	}
}

// accepts reports whether the event is accepted as it is, which another check says:
// what is changed in it then shows nothing.
func (t *trial) accepts(e *event) bool {
	a := t.patient(t.ctx, e)
	if a.ok() {
		t.skip("the receiver does not look at the age at all")
	}
	return a.ok()
}

// timestamped refuses events that are signed with these texts as the timestamp.
func (t *trial) timestamped(texts ...string) {
	if t.window() == 0 {
		return
	}
	for _, text := range texts {
		e, err := t.timed(text)
		if err != nil {
			t.skip("such a request of %s cannot be made: %v", t.target.Provider.Name, err)
			return
		}
		t.refuse("an event that is signed with the timestamp "+strconv.Quote(text), e)
	}
}

func timestampText(t *trial) {
	n := strconv.FormatInt(time.Now().Unix(), 10)
	if u := t.places.Unit; u != verifiers.Seconds {
		t.timestamped("soon", "NaN", "-1")
		return
	}
	t.timestamped("soon", "NaN", "-"+n, n+"x", "Infinity", "99999999999999999999", "null")
}

func timestampUnit(t *trial) {
	at := time.Now()
	switch t.places.Unit {
	case verifiers.Seconds:
		t.timestamped(strconv.FormatInt(at.UnixMilli(), 10))
	case verifiers.Milliseconds, verifiers.Microseconds, verifiers.Nanoseconds:
		t.timestamped(strconv.FormatInt(at.Unix(), 10))
	default:
		t.skip("its timestamp is no number")
	}
}
