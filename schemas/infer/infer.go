// Package infer makes a schema of samples. It says only what enough samples bear
// out, and leaves everything else open: members that were never seen are allowed,
// lengths and ranges are not limited.
//
// Memory is bounded whatever the samples are: a [Samples] keeps what it knows of
// at most [Options.MaxPlaces] places, about 1 KB each at most, and usually a third
// of that. Time is in proportion to the samples.
package infer

import (
	"encoding/json"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/schemas/internal/shape"
)

// Defaults of [Options].
const (
	DefaultMinTyped    = 5
	DefaultMinRequired = 10
	DefaultMinNotNull  = 50
	DefaultMinFormat   = 50
	DefaultMinEnum     = 100
	DefaultMaxEnum     = 20
	DefaultMaxPlaces   = 20_000
)

const (
	// maxDepth is how deep samples are looked at.
	maxDepth = 64
	// maxNames is how many members an object may have before it counts as a map,
	// whatever they look like, and maxName how long a name may be that is kept.
	maxNames = 1000
	maxName  = 128
	// maxValue is how long a value of an enum may be.
	maxValue = 40
)

// Options say how sure one has to be. What is counted are samples that have
// something at a place, however many values a sample has there. Zero means the
// default.
type Options struct {
	// Title is the schema's title; "" means none.
	Title string
	// MinTyped is in how many samples a value must have been seen for its type to
	// be demanded, and MinRequired an object for the members that it always had to
	// be.
	MinTyped, MinRequired int
	// MinNotNull is in how many samples a member must not have been null for null to
	// be refused. What most distinguishes events that few were seen of is which of
	// their members are null.
	MinNotNull int
	// MinFormat is in how many samples a text must have been seen, and always in one
	// format, for the format to be demanded; and a number without a fraction to be an
	// integer.
	MinFormat int
	// MinEnum is in how many samples a text must have been seen for the list of its
	// values to count as complete, and MaxEnum how many values that list may have.
	// They have to look like words of a vocabulary, each seen in at least three
	// samples, and the member must not be one that names somebody or something.
	MinEnum, MaxEnum int
	// NoEnums leaves enums out: then no value of a sample is in the schema.
	NoEnums bool
	// Const demands the value of a member that says what an event is, such as
	// "type", "object" or "event", if it had one value in MinEnum samples.
	Const bool
	// MaxPlaces bounds the memory.
	MaxPlaces int
}

func (o *Options) complete() {
	for _, d := range []struct {
		value *int
		zero  int
	}{
		{&o.MinTyped, DefaultMinTyped},
		{&o.MinRequired, DefaultMinRequired},
		{&o.MinNotNull, DefaultMinNotNull},
		{&o.MinFormat, DefaultMinFormat},
		{&o.MinEnum, DefaultMinEnum},
		{&o.MaxEnum, DefaultMaxEnum},
		{&o.MaxPlaces, DefaultMaxPlaces},
	} {
		if *d.value <= 0 {
			*d.value = d.zero
		}
	}
}

// Samples is what is known of samples. It is not safe for concurrent use.
type Samples struct {
	options      Options
	root         *place
	count        int
	places       int
	oldest, last time.Time
}

// New returns Samples without any.
func New(o Options) *Samples {
	o.complete()
	return &Samples{options: o, root: &place{}, places: 1}
}

// Len returns how many samples there were.
func (s *Samples) Len() int { return s.count }

// Add adds a sample, decoded as by encoding/json with UseNumber, of which it keeps
// nothing but names and possible values of enums. At is when the sample was
// received; zero if that is not known.
func (s *Samples) Add(payload any, at time.Time) {
	s.count++
	s.between(at, at)
	s.add(s.root, payload, 0)
}

func (s *Samples) between(from, to time.Time) {
	if !from.IsZero() && (s.oldest.IsZero() || from.Before(s.oldest)) {
		s.oldest = from
	}
	if to.After(s.last) {
		s.last = to
	}
}

// kinds are types of JSON, as bits.
type kinds uint8

const (
	kindNull kinds = 1 << iota
	kindBoolean
	kindInteger
	kindNumber
	kindString
	kindArray
	kindObject
)

// place is what is known of one place in the samples.
type place struct {
	kinds   kinds
	values  int // that were there
	samples int // that have one or more there
	filled  int // that have one which is not null
	seen    int // the last sample that counts in samples
	counted int // the last sample that counts in filled
	text    *text
	object  *object
	items   *place
}

// text is what is known of strings.
type text struct {
	samples int
	seen    int
	formats formats        // that fit all
	first   uint64         // digest of the first
	varied  bool           // another was not the same
	words   map[string]int // samples with each value; nil if it is no vocabulary
}

// object is what is known of objects.
type object struct {
	count   int
	samples int
	seen    int
	members map[string]*place // nil for a map
	size    int               // members of all of them
	long    int               // members whose names are too long to be kept
	data    int               // of the names
	values  *place            // of a map
}

func (s *Samples) add(p *place, v any, depth int) {
	p.values++
	if p.seen != s.count {
		p.seen = s.count
		p.samples++
	}
	if v != nil && p.counted != s.count {
		p.counted = s.count
		p.filled++
	}
	switch v := v.(type) {
	case nil:
		p.kinds |= kindNull
	case bool:
		p.kinds |= kindBoolean
	case json.Number:
		if strings.ContainsAny(string(v), ".eE") {
			p.kinds |= kindNumber
		} else {
			p.kinds |= kindInteger
		}
	case string:
		p.kinds |= kindString
		s.addText(p, v)
	case []any:
		p.kinds |= kindArray
		if len(v) == 0 || depth == maxDepth || p.items == nil && !s.room() {
			return
		}
		if p.items == nil {
			p.items = &place{}
		}
		for _, item := range v {
			s.add(p.items, item, depth+1)
		}
	case map[string]any:
		p.kinds |= kindObject
		s.addObject(p, v, depth)
	}
}

// room takes the room of one more place, if there is any.
func (s *Samples) room() bool {
	if s.places >= s.options.MaxPlaces {
		return false
	}
	s.places++
	return true
}

func newText(first uint64) *text {
	return &text{formats: allFormats, first: first, words: map[string]int{}}
}

// digest tells texts apart without keeping them.
func digest(s string) uint64 {
	h := uint64(14695981039346656037) // FNV-1a
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}

func (s *Samples) addText(p *place, v string) {
	t := p.text
	if t == nil {
		t = newText(digest(v))
		p.text = t
	}
	t.varied = t.varied || digest(v) != t.first
	first := t.seen != s.count
	if first {
		t.seen = s.count
		t.samples++
	}
	if t.formats != 0 {
		t.formats &= formatsOf(v, t.formats)
	}
	if t.words == nil {
		return
	}
	if n, known := t.words[v]; known {
		if first {
			t.words[v] = n + 1
		}
		return
	}
	if s.options.NoEnums && !s.options.Const || len(v) > maxValue || len(t.words) == s.options.MaxEnum || !shape.Word(v) {
		t.words = nil
		return
	}
	t.words[strings.Clone(v)] = 1
}

func (s *Samples) addObject(p *place, v map[string]any, depth int) {
	o := p.object
	if o == nil {
		o = &object{members: map[string]*place{}}
		p.object = o
	}
	o.count++
	o.size += len(v)
	if o.seen != s.count {
		o.seen = s.count
		o.samples++
	}
	if depth == maxDepth {
		return
	}
	for name, value := range s.members(o, v) {
		if o.members == nil {
			s.add(o.values, value, depth+1)
			continue
		}
		member := o.members[name]
		switch {
		case member != nil:
		case len(name) > maxName:
			o.long++
			continue
		case !s.room():
			continue
		default:
			member = &place{}
			o.members[strings.Clone(name)] = member
			if shape.Data(name) {
				o.data++
			}
		}
		s.add(member, value, depth+1)
		if len(o.members) > maxNames {
			s.fold(o)
		}
	}
}

// members yields the members of an object, in order where a bound makes it matter
// which come first.
func (s *Samples) members(o *object, v map[string]any) iter.Seq2[string, any] {
	if len(o.members)+len(v) <= maxNames && s.places+len(v) <= s.options.MaxPlaces {
		return maps.All(v)
	}
	return func(yield func(string, any) bool) {
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if !yield(name, v[name]) {
				return
			}
		}
	}
}

// fold makes a map of an object.
func (s *Samples) fold(o *object) {
	for _, member := range o.members {
		s.places -= member.size()
	}
	o.values = s.union(o)
	o.values.seen, o.values.counted = s.count, s.count
	s.places += o.values.size()
	o.members = nil
}

// union returns what is known of the values of all members together.
func (s *Samples) union(o *object) *place {
	apart := &Samples{options: s.options} // has room, and its own account
	all := &place{}
	for _, name := range slices.Sorted(maps.Keys(o.members)) {
		apart.merge(all, o.members[name])
	}
	all.atMost(o.samples)
	return all
}

// atMost corrects numbers of samples, which were added up although one sample may
// have several of what was added.
func (p *place) atMost(samples int) {
	p.samples, p.filled = min(p.samples, samples), min(p.filled, samples)
	if p.items != nil {
		p.items.atMost(samples)
	}
	if t := p.text; t != nil {
		t.samples = min(t.samples, samples)
		for value, n := range t.words {
			t.words[value] = min(n, samples)
		}
	}
	if o := p.object; o != nil {
		o.samples = min(o.samples, samples)
		for _, member := range o.members {
			member.atMost(samples)
		}
		if o.values != nil {
			o.values.atMost(samples)
		}
	}
}

// size returns how many places there are from here on.
func (p *place) size() int {
	n := 1
	if p.items != nil {
		n += p.items.size()
	}
	if o := p.object; o != nil {
		for _, member := range o.members {
			n += member.size()
		}
		if o.values != nil {
			n += o.values.size()
		}
	}
	return n
}

// isMap reports whether the objects are maps.
func (o *object) isMap() bool {
	if o.members == nil {
		return true
	}
	seen := shape.Seen{Objects: o.count, Members: o.size, Names: len(o.members) + o.long, Data: o.data + o.long, Alike: true}
	var all kinds
	for _, member := range o.members {
		all |= member.kinds
		if 2*member.values > o.count {
			seen.Usual++
		}
	}
	all &^= kindNull
	if all&(kindInteger|kindNumber) == kindInteger|kindNumber {
		all &^= kindInteger
	}
	seen.Alike = all&(all-1) == 0
	return seen.Map()
}
