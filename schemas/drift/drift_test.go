package drift_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/schemas/drift"
)

// lab feeds events to a tracker, one a minute.
type lab struct {
	t       *testing.T
	tracker *drift.Tracker
	at      time.Time
	n       int
}

var begin = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

func newLab(t *testing.T, cfg drift.Config) *lab {
	t.Helper()
	return &lab{t: t, tracker: drift.New(cfg), at: begin}
}

// send observes one event and returns what was found, as text.
func (l *lab) send(eventType, payload string) []string {
	l.t.Helper()
	var found []string
	for _, f := range l.observe(eventType, decode(l.t, payload)) {
		found = append(found, describe(f))
	}
	slices.Sort(found)
	return found
}

func (l *lab) observe(eventType string, payload any) []drift.Finding {
	l.n++
	l.at = l.at.Add(time.Minute)
	return l.tracker.Observe(eventType, fmt.Sprintf("evt_%d", l.n), l.at, payload)
}

// learn sends a payload so many times, of which none may be found to be new.
func (l *lab) learn(times int, eventType, payload string) {
	l.t.Helper()
	v := decode(l.t, payload)
	for range times {
		if found := l.observe(eventType, v); len(found) > 0 {
			l.t.Fatalf("while learning %s: %v", payload, found)
		}
	}
}

// want compares what was found.
func (l *lab) want(got []string, want ...string) {
	l.t.Helper()
	if !slices.Equal(got, want) {
		l.t.Errorf("got %q, want %q", got, want)
	}
}

func describe(f drift.Finding) string {
	s := fmt.Sprintf("%s %s%s", f.Kind, f.EventType, f.Path)
	if f.Value != "" {
		s += " " + f.Value
	}
	if f.Now != "" {
		s += " " + strings.Join(f.Was, "|") + " → " + f.Now
	}
	return s
}

func decode(t testing.TB, text string) any {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return v
}

// quick learns from ten events, at any age.
var quick = drift.Config{Events: 10, Age: -1}

func TestFindings(t *testing.T) {
	t.Parallel()
	const known = `{"id": "evt_1", "status": "paid", "amount": 5, "note": null, "lines": [{"sku": "a", "type": "item"}], "customer": {"name": "x", "tags": []}}`
	for name, tt := range map[string]struct {
		typ, payload string
		want         []string
	}{
		"nothing":      {"invoice.paid", known, nil},
		"other values": {"invoice.paid", `{"id": "evt_2", "status": "paid", "amount": 7.25, "note": null, "lines": [{"sku": "b", "type": "item"}, {"sku": "c", "type": "item"}], "customer": {"name": "Octavia", "tags": []}}`, nil},
		"event type":   {"invoice.voided", known, []string{"event_type invoice.voided"}},
		"field": {
			"invoice.paid", `{"id": "evt_2", "status": "paid", "amount": 5, "note": null, "lines": [{"sku": "a", "type": "item"}], "customer": {"name": "x", "tags": []}, "due": 1}`,
			[]string{"field invoice.paid/due"},
		},
		"a field with fields": {
			"invoice.paid", `{"id": "evt_2", "status": "paid", "amount": 5, "note": null, "lines": [{"sku": "a", "type": "item", "tax": {"rate": 19, "country": "DE"}}], "customer": {"name": "x", "tags": []}}`,
			[]string{"field invoice.paid/lines/-/tax"},
		},
		"value": {
			"invoice.paid", `{"id": "evt_2", "status": "disputed", "amount": 5, "note": null, "lines": [{"sku": "a", "type": "item"}], "customer": {"name": "x", "tags": []}}`,
			[]string{"value invoice.paid/status disputed"},
		},
		"value in an array": {
			"invoice.paid", `{"id": "evt_2", "status": "paid", "amount": 5, "note": null, "lines": [{"sku": "a", "type": "item"}, {"sku": "a", "type": "tax"}], "customer": {"name": "x", "tags": []}}`,
			[]string{"value invoice.paid/lines/-/type tax"},
		},
		"a value that looks personal": {
			"invoice.paid", `{"id": "evt_2", "status": "Octavia Mint", "amount": 5, "note": null, "lines": [{"sku": "a", "type": "item"}], "customer": {"name": "x", "tags": []}}`,
			[]string{"value invoice.paid/status"},
		},
		"type": {
			"invoice.paid", `{"id": "evt_2", "status": "paid", "amount": "5", "note": null, "lines": [{"sku": "a", "type": "item"}], "customer": {"name": "x", "tags": []}}`,
			[]string{"type invoice.paid/amount number → string"},
		},
		"null": {
			"invoice.paid", `{"id": "evt_2", "status": "paid", "amount": 5, "note": "x", "lines": [{"sku": null, "type": "item"}], "customer": null}`,
			[]string{"type invoice.paid/customer object → null", "type invoice.paid/lines/-/sku string → null", "type invoice.paid/note null → string"},
		},
		"missing": {
			"invoice.paid", `{"id": "evt_2", "amount": 5, "note": null, "lines": [{"sku": "a", "type": "item"}, {"sku": "b"}], "customer": {"name": "x", "tags": []}}`,
			[]string{"missing invoice.paid/lines/-/type", "missing invoice.paid/status"},
		},
		"a name that is data": {
			"invoice.paid", `{"id": "evt_2", "status": "paid", "amount": 5, "note": null, "lines": [{"sku": "a", "type": "item"}], "customer": {"name": "x", "tags": [], "octavia@example.com": 1}}`,
			[]string{"field invoice.paid/customer/*"},
		},
		"elements where there were none": {
			"invoice.paid", `{"id": "evt_2", "status": "paid", "amount": 5, "note": null, "lines": [{"sku": "a", "type": "item"}], "customer": {"name": "x", "tags": ["a"]}}`, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, quick)
			l.learn(40, "invoice.paid", known)
			l.want(l.send(tt.typ, tt.payload), tt.want...)
			// Each is found once, and what was there goes on to be known.
			l.want(l.send(tt.typ, tt.payload))
			l.want(l.send("invoice.paid", known))
			r := l.tracker.Report()
			if len(r.Findings) != len(tt.want) {
				t.Fatalf("the report has %v", r.Findings)
			}
			for _, f := range r.Findings {
				wantCount := uint64(2)
				if f.Kind == drift.Value && f.Value == "" {
					wantCount = 1 // such a field is no enumeration any more
				}
				if f.Count != wantCount || f.EventID != "evt_41" || !f.First.Equal(begin.Add(41*time.Minute)) || wantCount == 2 && !f.Last.Equal(begin.Add(42*time.Minute)) {
					t.Errorf("%s: count %d, event %s, first %v, last %v", describe(f), f.Count, f.EventID, f.First, f.Last)
				}
			}
		})
	}
}

func TestLearning(t *testing.T) {
	t.Parallel()
	t.Run("events", func(t *testing.T) {
		t.Parallel()
		l := newLab(t, drift.Config{Events: 10, Age: -1})
		l.learn(5, "a", `{"x": 1}`)
		l.learn(1, "a", `{"x": 1, "y": 1}`)
		l.learn(9, "a", `{"x": 1}`)
		l.learn(1, "a", `{"x": 1, "z": 1}`)
		l.learn(15, "a", `{"x": 1}`)
		l.want(l.send("a", `{"x": 1, "new": 1}`), "field a/new")
	})
	t.Run("at least half of all", func(t *testing.T) {
		t.Parallel()
		l := newLab(t, drift.Config{Events: 10, Age: -1})
		l.learn(1, "a", `{"x": 1}`)
		for i := range 60 {
			l.learn(8, "a", `{"x": 1}`)
			l.learn(2, "a", fmt.Sprintf(`{"x": 1, "n%c%c": 1}`, 'a'+i/8, 'a'+i%8))
		}
		l.learn(200, "a", `{"x": 1}`)
		l.learn(1, "a", `{"x": 1, "late": 1}`)
		l.learn(805, "a", `{"x": 1}`)
		l.want(l.send("a", `{"x": 1, "new": 1}`), "field a/new")
	})
	t.Run("age", func(t *testing.T) {
		t.Parallel()
		l := newLab(t, drift.Config{Events: 10, Age: 2 * time.Hour})
		l.learn(100, "a", `{"x": 1}`)
		l.learn(1, "a", `{"x": 1, "y": 1}`)
		l.learn(119, "a", `{"x": 1}`)
		l.want(l.send("a", `{"x": 1, "new": 1}`), "field a/new")
	})
	t.Run("age in the report", func(t *testing.T) {
		t.Parallel()
		l := newLab(t, drift.Config{Events: 10, Age: 2 * time.Hour})
		l.learn(100, "a", `{"x": 1}`)
		if r := l.tracker.Report(); r.TypesLearned || r.LearnedTypes != 0 {
			t.Errorf("after 100 minutes: %+v", r)
		}
		l.learn(30, "a", `{"x": 1}`)
		if r := l.tracker.Report(); !r.TypesLearned || r.LearnedTypes != 1 {
			t.Errorf("after 130 minutes: %+v", r)
		}
	})
	t.Run("what comes seldom", func(t *testing.T) {
		t.Parallel()
		l := newLab(t, drift.Config{})
		for range 101 {
			l.at = l.at.Add(8 * time.Hour)
			l.learn(1, "a", `{"x": 1}`)
		}
		l.want(l.send("a", `{"x": 1, "new": 1}`), "field a/new")
	})
	t.Run("an object below another", func(t *testing.T) {
		t.Parallel()
		l := newLab(t, quick)
		l.learn(100, "a", `{"x": null}`)
		l.want(l.send("a", `{"x": {"a": 1}}`), "type a/x null → object")
		l.learn(5, "a", `{"x": {"a": 1, "b": 1}}`)
		l.learn(100, "a", `{"x": null}`) // says nothing about the object
		l.learn(1, "a", `{"x": {"a": 1, "c": 1}}`)
		l.learn(10, "a", `{"x": {"a": 1, "b": 1}}`)
		l.want(l.send("a", `{"x": {"a": 1, "b": 1, "d": 1}}`), "field a/x/d")
	})
	t.Run("event types one by one", func(t *testing.T) {
		t.Parallel()
		l := newLab(t, quick)
		l.learn(100, "a", `{"x": 1}`)
		l.want(l.send("b", `{"y": 1}`), "event_type b")
		l.learn(3, "b", `{"y": 1, "z": 1}`)
		l.want(l.send("a", `{"x": 1, "y": 1}`), "field a/y")
	})
	t.Run("always empty", func(t *testing.T) {
		t.Parallel()
		l := newLab(t, quick)
		l.learn(100, "a", `{"x": {}}`)
		l.learn(3, "a", `{"x": {"k": 1}}`)
		l.learn(3, "a", `{"x": {"m": 1}}`)
	})
}

func TestNoEnumeration(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		learn func(i int) string
		then  string
	}{
		"few people":  {func(i int) string { return fmt.Sprintf(`{"login": %q}`, []string{"octavia", "hugo"}[i%2]) }, `{"login": "ines"}`},
		"an address":  {func(int) string { return `{"address": {"state": "CA", "postal_code": "94107"}}` }, `{"address": {"state": "NY", "postal_code": "10001"}}`},
		"many values": {func(i int) string { return fmt.Sprintf(`{"type": "t%c%c"}`, 'a'+i%26, 'a'+i/26) }, `{"type": "other"}`},
		"sentences": {func(i int) string {
			return fmt.Sprintf(`{"reason": %q}`, []string{"duplicate", "I do not want it"}[i%2])
		}, `{"reason": "fraudulent"}`},
		"ids":            {func(i int) string { return fmt.Sprintf(`{"type": "ty_%d"}`, 100000+i) }, `{"type": "other"}`},
		"an empty value": {func(int) string { return `{"status": "open"}` }, `{"status": ""}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, quick)
			for i := range 200 {
				l.learn(1, "a", tt.learn(i))
			}
			l.want(l.send("a", tt.then))
			data, err := l.tracker.Snapshot()
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range []string{"octavia", "do not want", "ty_100"} {
				if strings.Contains(string(data), s) {
					t.Errorf("the snapshot has %q", s)
				}
			}
		})
	}
	t.Run("more and more values", func(t *testing.T) {
		t.Parallel()
		l := newLab(t, quick)
		l.learn(50, "a", `{"category": "shoes"}`)
		for i := range 9 {
			l.send("a", fmt.Sprintf(`{"category": "c%c"}`, 'a'+i))
		}
		if n := l.tracker.Open(); n != 0 {
			t.Errorf("%d findings are left", n)
		}
		l.want(l.send("a", `{"category": "boats"}`))
	})
	t.Run("values off", func(t *testing.T) {
		t.Parallel()
		cfg := quick
		cfg.NoValues = true
		l := newLab(t, cfg)
		l.learn(50, "a", `{"status": "open"}`)
		l.want(l.send("a", `{"status": "closed"}`))
		if data, err := l.tracker.Snapshot(); err != nil || strings.Contains(string(data), "open") {
			t.Errorf("the snapshot has a value: %s %v", data, err)
		}
	})
}

func TestMaps(t *testing.T) {
	t.Parallel()
	for name, key := range map[string]func(i int) string{
		"numbers":       func(i int) string { return fmt.Sprint(i) },
		"uuids":         func(i int) string { return fmt.Sprintf("7c9e6679-7425-40de-944b-%012x", i*7919) },
		"dates":         func(i int) string { return begin.AddDate(0, 0, i).Format(time.DateOnly) },
		"addresses":     func(i int) string { return fmt.Sprintf("user%c@example.com", 'a'+i%26) },
		"prefixed ids":  func(i int) string { return fmt.Sprintf("cus_9s6XKzkNRiz8i%d", i) },
		"random words":  func(i int) string { return words(i * 7919) },
		"texts":         func(i int) string { return "order number " + words(i) },
		"locales":       func(i int) string { return []string{"en", "de", "fr", "pt-BR", "zh", "ja", "nl", "sv"}[i%8] },
		"long names":    func(i int) string { return strings.Repeat(words(i), 20) },
		"other scripts": func(i int) string { return "größe" + words(i) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, drift.Config{Events: 100, Age: -1})
			for i := range 300 {
				l.learn(1, "a", fmt.Sprintf(`{"x": 1, "of": {%q: {"count": 1}, %q: {"count": 2}}}`, key(2*i), key(2*i+1)))
			}
			for i := 600; i < 1000; i++ {
				l.learn(1, "a", fmt.Sprintf(`{"x": 1, "of": {%q: {"count": 1}}}`, key(i)))
			}
			path := "field a/of/*/rate"
			if name == "locales" {
				path = "field a/of/en/rate" // so few that each is a place
			}
			l.want(l.send("a", fmt.Sprintf(`{"x": 1, "of": {%q: {"count": 1, "rate": 1}}}`, key(0))), path)
		})
	}
	t.Run("that shows late", func(t *testing.T) {
		t.Parallel()
		l := newLab(t, quick)
		l.learn(100, "a", `{"x": 1, "of": {"first": 1}}`)
		var all []string
		for i := range 20 {
			all = append(all, l.send("a", fmt.Sprintf(`{"x": 1, "of": {"first": 1, "more%c": 1}}`, 'a'+i))...)
		}
		if len(all) != 9 || all[8] != "map a/of" {
			t.Errorf("found %q", all)
		}
		if r := l.tracker.Report(); len(r.Findings) != 1 || r.Findings[0].Kind != drift.Map {
			t.Errorf("left are %v", r.Findings)
		}
	})
	t.Run("many new fields at once", func(t *testing.T) {
		t.Parallel()
		l := newLab(t, quick)
		l.learn(100, "a", `{"x": 1}`)
		var b strings.Builder
		for i := range 20 {
			fmt.Fprintf(&b, `, "new%c": 1`, 'a'+i)
		}
		if found := l.send("a", `{"x": 1`+b.String()+`}`); len(found) != 20 {
			t.Errorf("found %q", found)
		}
		if n := l.tracker.Open(); n != 20 {
			t.Errorf("%d are reported", n)
		}
	})
	t.Run("of customers", func(t *testing.T) {
		t.Parallel()
		l := newLab(t, quick)
		l.learn(100, "a", `{"metadata": {"order": "1"}}`)
		l.want(l.send("a", `{"metadata": {"order": 1, "shop": {"x": 1}}}`))
		l.want(l.send("a", `{"metadata": null}`), "type a/metadata object → null")
	})
	t.Run("numbers", func(t *testing.T) {
		t.Parallel()
		l := newLab(t, quick)
		l.learn(50, "a", `{"NumMedia": "1", "MediaUrl0": "x", "attachment-1": "y"}`)
		l.want(l.send("a", `{"NumMedia": "3", "MediaUrl0": "x", "MediaUrl1": "x", "attachment-1": "y", "attachment-2": "y"}`))
		l.want(l.send("a", `{"NumMedia": "1", "MediaUrl0": "x", "attachment-1": "y", "address1": "z"}`), "field a/address1")
	})
	t.Run("event types", func(t *testing.T) {
		t.Parallel()
		l := newLab(t, quick)
		for i := range 500 {
			l.learn(1, fmt.Sprintf("user.%d.changed", 1000+i), `{"x": 1}`)
		}
		l.want(l.send("user.99.changed", `{"x": 1, "y": 1}`), "field */y")
	})
}

// words makes a name of a number, of letters alone.
func words(n int) string {
	var b strings.Builder
	for n += 26 * 26; n > 0; n /= 26 {
		b.WriteByte(byte('a' + n%26))
	}
	return b.String()
}

// TestClock: after a clock that was wrong when learning began what is new is found
// once the time that learning takes has passed.
func TestClock(t *testing.T) {
	t.Parallel()
	for name, wrong := range map[string]time.Duration{"ahead": 50 * 365 * 24 * time.Hour, "behind": -50 * 365 * 24 * time.Hour, "a little ahead": 2 * time.Minute} {
		l := newLab(t, drift.Config{Events: 10, Age: time.Hour})
		l.at = begin.Add(wrong)
		l.learn(20, "a", `{"x": 1}`)
		l.at = begin
		l.observe("a", decode(t, `{"x": 1, "y": 1}`))
		l.learn(120, "a", `{"x": 1, "y": 1}`)
		l.tracker.Acknowledge()
		l.want(l.send("a", `{"x": 1, "y": 1, "new": 1}`), "field a/new")
		r := l.tracker.Report()
		if !r.TypesLearned || r.LearnedTypes != 1 || !r.Findings[0].Last.Equal(l.at) {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func TestAcknowledge(t *testing.T) {
	t.Parallel()
	l := newLab(t, quick)
	l.learn(50, "a", `{"x": 1, "status": "open", "y": 1}`)
	l.want(l.send("a", `{"x": "1", "status": "closed", "new": 1}`),
		"field a/new", "missing a/y", "type a/x number → string", "value a/status closed")
	r := l.tracker.Report()
	if n := l.tracker.Acknowledge(r.Findings[0].ID, "unknown"); n != 1 {
		t.Errorf("%d acknowledged", n)
	}
	if n := l.tracker.Acknowledge(r.Findings[0].ID); n != 0 {
		t.Errorf("%d acknowledged again", n)
	}
	if n := l.tracker.Open(); n != 3 {
		t.Errorf("%d are open", n)
	}
	if n := l.tracker.Acknowledge(); n != 3 {
		t.Errorf("%d acknowledged at the end", n)
	}
	l.want(l.send("a", `{"x": "1", "status": "closed", "new": 1}`))
	l.want(l.send("a", `{"x": 1, "status": "open", "y": 1}`))
	l.want(l.send("a", `{"x": 1, "status": "open", "y": 1, "newer": 1}`), "field a/newer")
	l.tracker.Forget()
	l.learn(5, "b", `{}`)
	if r := l.tracker.Report(); r.EventTypes != 1 || len(r.Findings) != 0 {
		t.Errorf("after forgetting: %+v", r)
	}
}

func TestRestore(t *testing.T) {
	t.Parallel()
	l := newLab(t, quick)
	l.learn(50, "a", `{"x": 1, "status": "open", "y": [{"z": null}], "of": {"17": 1}}`)
	l.send("a", `{"x": 1, "status": "closed", "y": [{"z": null, "w": 1}], "of": {"18": 1}}`)
	data, err := l.tracker.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	other := newLab(t, quick)
	other.at, other.n = l.at, l.n
	if err := other.tracker.Restore(data); err != nil {
		t.Fatal(err)
	}
	got, want := other.tracker.Report(), l.tracker.Report()
	got.Bytes, want.Bytes = 0, 0
	if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
		t.Errorf("restored %+v, want %+v", got, want)
	}
	for _, l := range []*lab{l, other} {
		l.want(l.send("a", `{"x": 1, "status": "closed", "y": [{"z": null, "w": 1}], "of": {"19": 1}}`))
		l.want(l.send("a", `{"x": 1, "status": "done", "y": [{"z": 1}], "of": {"19": null}, "new": 1}`),
			"field a/new", "type a/of/* number → null", "type a/y/-/z null → number", "value a/status done")
		l.want(l.send("a", `{"x": 1, "status": "done", "of": {}, "new": 1}`), "missing a/y")
	}
	if a, b := l.tracker.Report().Findings, other.tracker.Report().Findings; fmt.Sprint(a) != fmt.Sprint(b) {
		t.Errorf("after that: %v and %v", a, b)
	}
	t.Run("damaged", func(t *testing.T) {
		t.Parallel()
		for i := 0; i < len(data); i += 7 {
			bad := slices.Clone(data)
			bad[i] ^= 1
			fresh := drift.New(quick)
			if err := fresh.Restore(bad); err == nil && i < len(data)-1 {
				t.Fatalf("with another byte %d it is taken", i)
			}
			if err := fresh.Restore(data[:i]); err == nil {
				t.Fatalf("cut at %d it is taken", i)
			}
			if r := fresh.Report(); r.Places != 0 {
				t.Fatalf("after an error it knows %d places", r.Places)
			}
		}
	})
	t.Run("into less memory", func(t *testing.T) {
		t.Parallel()
		big := newLab(t, quick)
		for i := range 200 {
			big.learn(1, "t"+words(i), fmt.Sprintf(`{%q: 1, %q: {%q: 1, %q: 1}}`, words(9*i), words(9*i+1), words(9*i+2), words(9*i+3)))
		}
		data, err := big.tracker.Snapshot()
		if err != nil {
			t.Fatal(err)
		}
		cfg := quick
		cfg.MaxBytes = 1
		small := drift.New(cfg)
		if err := small.Restore(data); err != nil {
			t.Fatal(err)
		}
		if r := small.Report(); !r.Full || r.Bytes > r.MaxBytes {
			t.Errorf("%+v", r)
		}
	})
}
