package drift_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/schemas/drift"
)

// sample is an example of an event.
type sample struct {
	typ     string
	payload map[string]any
}

// corpus returns GitHub's published examples, by event: the npm package
// @octokit/webhooks-examples 7.6.1.
func corpus(t testing.TB) map[string][]sample {
	t.Helper()
	dir := os.Getenv("GITHUB_CORPUS_DIR")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "corpora", "github")
	}
	data, err := os.ReadFile(filepath.Join(dir, "examples.json"))
	if err != nil {
		t.Skipf("no corpus in %s: set GITHUB_CORPUS_DIR to a directory with examples.json, which is api.github.com/index.json of the npm package @octokit/webhooks-examples 7.6.1", dir)
	}
	var events []struct {
		Name     string            `json:"name"`
		Examples []json.RawMessage `json:"examples"`
	}
	if err := json.Unmarshal(data, &events); err != nil {
		t.Fatal(err)
	}
	byName := make(map[string][]sample)
	for _, e := range events {
		for _, raw := range e.Examples {
			payload := decode(t, string(raw)).(map[string]any)
			typ := e.Name
			if action, ok := payload["action"].(string); ok {
				typ += "." + action
			}
			byName[e.Name] = append(byName[e.Name], sample{typ, payload})
		}
	}
	return byName
}

// BenchmarkCorpus looks at all examples, each of which is known, and decodes them.
func BenchmarkCorpus(b *testing.B) {
	all := corpus(b)
	tracker := drift.New(drift.Config{Events: 5, Age: -1})
	var samples []sample
	var raw [][]byte
	for _, list := range all {
		for _, s := range list {
			data, err := json.Marshal(s.payload)
			if err != nil {
				b.Fatal(err)
			}
			samples, raw = append(samples, s), append(raw, data)
			for range 50 {
				tracker.Observe(s.typ, "x", begin, s.payload)
			}
		}
	}
	tracker.Acknowledge()
	perPayload := func(b *testing.B) {
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(samples)), "ns/payload")
	}
	b.Run("observing", func(b *testing.B) {
		for b.Loop() {
			for _, s := range samples {
				tracker.Observe(s.typ, "x", begin, s.payload)
			}
		}
		perPayload(b)
	})
	data, err := tracker.Snapshot()
	if err != nil {
		b.Fatal(err)
	}
	b.Run("snapshot", func(b *testing.B) {
		b.ReportMetric(float64(len(data)), "bytes")
		for b.Loop() {
			if _, err := tracker.Snapshot(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("restoring", func(b *testing.B) {
		for b.Loop() {
			if err := tracker.Restore(data); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("decoding", func(b *testing.B) {
		for b.Loop() {
			for _, data := range raw {
				decode(b, string(data))
			}
		}
		perPayload(b)
	})
}

// vary returns a copy with other numbers, and other digits in texts.
func vary(r *rand.Rand, v any) any {
	switch v := v.(type) {
	case map[string]any:
		m := make(map[string]any, len(v))
		for name, child := range v {
			m[name] = vary(r, child)
		}
		return m
	case []any:
		list := make([]any, 0, len(v))
		for _, e := range v {
			list = append(list, vary(r, e))
		}
		return list
	case json.Number:
		return json.Number(fmt.Sprint(r.IntN(1 << 30)))
	case string:
		if !strings.ContainsAny(v, "0123456789") {
			return v
		}
		return strings.Map(func(c rune) rune {
			if '0' <= c && c <= '9' {
				return rune('0' + r.IntN(10))
			}
			return c
		}, v)
	}
	return v
}

// oracle knows, by walking alone, what was at which place.
type oracle struct {
	places map[string]map[string]bool // JSON types by place
	values map[string]map[string]bool
	always map[string]int // how many objects had the member
	count  map[string]int // how many objects there were
}

func newOracle() *oracle {
	return &oracle{map[string]map[string]bool{}, map[string]map[string]bool{}, map[string]int{}, map[string]int{}}
}

func (o *oracle) learn(place string, v any) {
	if o.places[place] == nil {
		o.places[place], o.values[place] = map[string]bool{}, map[string]bool{}
	}
	switch v := v.(type) {
	case map[string]any:
		o.places[place]["object"] = true
		o.count[place]++
		for name, child := range v {
			o.always[place+"/"+name]++
			o.learn(place+"/"+name, child)
		}
	case []any:
		o.places[place]["array"] = true
		for _, e := range v {
			o.learn(place+"/-", e)
		}
	case string:
		o.places[place]["string"], o.values[place][v] = true, true
	case bool:
		o.places[place]["boolean"] = true
	case nil:
		o.places[place]["null"] = true
	default:
		o.places[place]["number"] = true
	}
}

// right reports whether a finding is one.
func (o *oracle) right(f drift.Finding) bool {
	place := f.EventType + f.Path
	parent := place[:max(strings.LastIndex(place, "/"), 0)]
	switch f.Kind {
	case drift.EventType:
		return o.places[f.EventType] == nil
	case drift.Field:
		return o.places[place] == nil && o.places[parent] != nil || strings.HasSuffix(place, "*")
	case drift.Value:
		return !o.values[place][f.Value] && len(o.values[place]) > 0
	case drift.Type:
		return !o.places[place][f.Now]
	case drift.Missing:
		return o.always[place] == o.count[parent] && o.count[parent] > 0
	case drift.Map:
	}
	return false
}

// TestCorpusOtherHalf learns from each second example of an event, with other
// numbers and ids again and again, and looks at the others.
func TestCorpusOtherHalf(t *testing.T) {
	t.Parallel()
	all := corpus(t)
	r := rand.New(rand.NewPCG(1, 2))
	tracker, o, at := drift.New(drift.Config{Events: 40, Age: -1}), newOracle(), begin
	var rest []sample
	for _, name := range slices.Sorted(maps.Keys(all)) {
		byType := make(map[string][]sample)
		for _, s := range all[name] {
			byType[s.typ] = append(byType[s.typ], s)
		}
		for _, typ := range slices.Sorted(maps.Keys(byType)) {
			for i, s := range byType[typ] {
				if i%2 == 1 {
					rest = append(rest, s)
					continue
				}
				o.learn(typ, s.payload)
			}
			for range 100 {
				for i := 0; i < len(byType[typ]); i += 2 {
					at = at.Add(time.Second)
					tracker.Observe(typ, "x", at, vary(r, byType[typ][i].payload))
				}
			}
		}
	}
	for _, f := range tracker.Report().Findings {
		if f.Kind != drift.EventType { // they come one after the other
			t.Errorf("while learning: %s", describe(f))
		}
	}
	tracker.Acknowledge()
	counts, wrong := make(map[drift.Kind]int), 0
	for i, s := range rest {
		for _, f := range tracker.Observe(s.typ, fmt.Sprint(i), at, s.payload) {
			counts[f.Kind]++
			if testing.Verbose() {
				t.Log(describe(f))
			}
			if !o.right(f) {
				wrong++
				t.Errorf("%s: it was there before", describe(f))
			}
		}
		// What was found is known from then on.
		if again := tracker.Observe(s.typ, fmt.Sprint(i), at, s.payload); len(again) > 0 {
			t.Errorf("found again: %v", again)
		}
		o.learn(s.typ, s.payload)
		tracker.Acknowledge()
	}
	rep := tracker.Report()
	t.Logf("%d examples after learning: %v, %d of them wrong; %d event types, %d places, %d bytes",
		len(rest), counts, wrong, rep.EventTypes, rep.Places, rep.Bytes)
	if len(rest) < 100 || counts[drift.Field] == 0 || rep.Full {
		t.Error("that was not the corpus")
	}
}

// TestCorpusPlanted learns each example and finds each change that is made to it.
func TestCorpusPlanted(t *testing.T) {
	t.Parallel()
	all := corpus(t)
	r := rand.New(rand.NewPCG(3, 4))
	planted := make(map[drift.Kind]int)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		for _, s := range all[name] {
			tracker, at := drift.New(drift.Config{Events: 20, Age: -1}), begin
			o := newOracle()
			o.learn(s.typ, s.payload)
			for range 50 {
				at = at.Add(time.Second)
				tracker.Observe(s.typ, "x", at, vary(r, s.payload))
			}
			data, err := tracker.Snapshot()
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range changes(r, s) {
				if err := tracker.Restore(data); err != nil {
					t.Fatal(err)
				}
				planted[c.kind]++
				var found []string
				for _, f := range tracker.Observe(c.typ, "planted", at, c.payload) {
					found = append(found, describe(f))
				}
				if !slices.Equal(found, c.want) {
					t.Errorf("%s: found %q, want %q", s.typ, found, c.want)
				}
			}
		}
	}
	t.Logf("planted and found: %v", planted)
	for _, kind := range drift.Kinds() {
		if planted[kind] == 0 && kind != drift.Map {
			t.Errorf("nothing planted of the kind %s", kind)
		}
	}
}

type change struct {
	kind    drift.Kind
	typ     string
	payload any
	want    []string
}

// spot is a place in a payload.
type spot struct {
	path   string
	object map[string]any
	name   string // of the member; "" stands for the object
}

// changes returns copies of an example with one change each.
func changes(r *rand.Rand, s sample) []change {
	list := []change{{drift.EventType, s.typ + ".renamed", s.payload, []string{"event_type " + s.typ + ".renamed"}}}
	for kind, fits := range map[drift.Kind]func(spot) bool{
		drift.Field:   func(p spot) bool { return p.name == "" },
		drift.Missing: func(p spot) bool { return p.name != "" && !strings.Contains(p.path, "/-") },
		drift.Type:    func(p spot) bool { _, isNumber := p.object[p.name].(json.Number); return isNumber },
		drift.Value: func(p spot) bool {
			v, isString := p.object[p.name].(string)
			return isString && (p.name == "type" || p.name == "state" || p.name == "visibility") && v == strings.ToLower(v) && len(v) > 3
		},
	} {
		copied := clone(s.payload).(map[string]any)
		spots := spotsOf(copied, s.typ, nil)
		spots = slices.DeleteFunc(spots, func(p spot) bool { return strings.Contains(p.path, "*") || !fits(p) })
		if len(spots) == 0 {
			continue
		}
		p := spots[r.IntN(len(spots))]
		want := string(kind) + " " + p.path
		switch kind {
		case drift.Field:
			p.object["brand_new"] = map[string]any{"a": json.Number("1")}
			want += "/brand_new"
		case drift.Missing:
			delete(p.object, p.name)
		case drift.Type:
			p.object[p.name] = "text"
			want += " number → string"
		case drift.Value:
			p.object[p.name] = "brand_new"
			want += " brand_new"
		case drift.EventType, drift.Map:
		}
		list = append(list, change{kind, s.typ, copied, []string{want}})
	}
	return list
}

// spotsOf lists the places of a payload that drift looks into.
func spotsOf(v any, path string, list []spot) []spot {
	switch v := v.(type) {
	case map[string]any:
		if strings.HasSuffix(path, "/custom_properties") || strings.HasSuffix(path, "/client_payload") || strings.HasSuffix(path, "/inputs") || len(v) == 0 {
			return list
		}
		list = append(list, spot{path, v, ""})
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if strings.ContainsAny(name, "+-/ @") {
				continue
			}
			list = append(list, spot{path + "/" + name, v, name})
			list = spotsOf(v[name], path+"/"+name, list)
		}
	case []any:
		for _, e := range v[:min(len(v), 1)] {
			list = spotsOf(e, path+"/-", list)
		}
	}
	return list
}

func clone(v any) any {
	switch v := v.(type) {
	case map[string]any:
		m := make(map[string]any, len(v))
		for name, child := range v {
			m[name] = clone(child)
		}
		return m
	case []any:
		list := make([]any, 0, len(v))
		for _, e := range v {
			list = append(list, clone(e))
		}
		return list
	}
	return v
}
