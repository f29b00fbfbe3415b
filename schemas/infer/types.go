package infer

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

const (
	// maxTypes is of how many types samples are kept apart.
	maxTypes = 1000
	// fewestTypes is how many types there must be for what they have in common to
	// say something about others.
	fewestTypes = 3
	// maxFileName is how long the name of a type may be that becomes a file's.
	maxFileName = 200
)

// Types is what is known of samples by event type. It is not safe for concurrent
// use. Its memory is that of [Samples] for each of up to 1000 types.
type Types struct {
	options Options
	byType  map[string]*Samples
	rest    *Samples // of types without a file
	count   int
	skipped map[string]int // samples by type
}

// NewTypes returns Types without any samples. A schema's title is the type.
func NewTypes(o Options) *Types {
	o.complete()
	return &Types{options: o, byType: map[string]*Samples{}, rest: New(o), skipped: map[string]int{}}
}

// Len returns how many samples there were.
func (t *Types) Len() int { return t.count }

// Add adds a sample of an event with a type, as the provider writes it; "" if it
// has none. See [Samples.Add].
func (t *Types) Add(eventType string, payload any, at time.Time) {
	t.count++
	t.of(eventType).Add(payload, at)
}

func (t *Types) of(eventType string) *Samples {
	name := fileName(eventType)
	s := t.byType[name]
	switch {
	case s != nil:
		return s
	case name == "" || len(t.byType) == maxTypes:
		if _, known := t.skipped[eventType]; known || len(t.skipped) < maxTypes {
			t.skipped[eventType]++
		}
		return t.rest
	}
	o := t.options
	o.Title = eventType
	s = New(o)
	t.byType[name] = s
	return s
}

// Skipped is a type that has no file.
type Skipped struct {
	Type    string `json:"type"`
	Samples int    `json:"samples"`
	// Why says what is wrong with it.
	Why string `json:"why"`
}

// Files returns the schemas by the names of their files, as a directory that
// schemas.Load takes without rules: one for each type, and envelope.json with what
// the samples of all types have in common, if there are three types or more; and
// the types that have none, in order.
func (t *Types) Files() (map[string][]byte, []Skipped) {
	files := map[string][]byte{}
	var skipped []Skipped
	all := New(t.options)
	all.options.Title = "What all events have in common"
	lower := t.lower()
	for _, name := range slices.Sorted(maps.Keys(t.byType)) {
		s := t.byType[name]
		all.Merge(s)
		same := lower[strings.ToLower(name)]
		switch {
		case s.Len() < t.options.MinTyped:
			skipped = append(skipped, Skipped{s.options.Title, s.Len(), fmt.Sprintf("%d samples are needed", t.options.MinTyped)})
		case same != name:
			skipped = append(skipped, Skipped{s.options.Title, s.Len(), "its file's name differs from " + same + ".json in case alone"})
		default:
			files[name+".json"] = s.Schema()
		}
	}
	for _, eventType := range slices.Sorted(maps.Keys(t.skipped)) {
		why := "its name is no name of a file"
		if eventType == "" {
			why = "they have no type"
		} else if fileName(eventType) != "" {
			why = fmt.Sprintf("there are more than %d types", maxTypes)
		}
		skipped = append(skipped, Skipped{eventType, t.skipped[eventType], why})
	}
	all.Merge(t.rest)
	if len(t.byType) >= fewestTypes {
		if common := all.common(all.root); len(common) > 0 {
			files["envelope.json"] = all.write(common)
		}
	}
	return files, skipped
}

// lower returns which of the names that only differ in case has a file, by the name
// in lower case: that with the most samples. Many file systems have room for one.
func (t *Types) lower() map[string]string {
	names := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(t.byType)) {
		key := strings.ToLower(name)
		if best := t.byType[names[key]]; best == nil || t.byType[name].Len() > best.Len() {
			names[key] = name
		}
	}
	return names
}

// fileName returns the name of the file for a type, without .json, or "".
func fileName(eventType string) string {
	name := strings.NewReplacer("/", ".", ":", ".").Replace(eventType)
	if strings.EqualFold(name, "envelope") || len(name) > maxFileName || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") || strings.HasSuffix(name, ".") {
		return ""
	}
	for i := range len(name) {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '.', c == '_', c == '-':
		default:
			return ""
		}
	}
	return name
}
