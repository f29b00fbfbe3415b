package infer

import (
	"maps"
	"slices"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/schemas/internal/shape"
)

// Merge adds what is known of other samples, which stay as they are.
func (s *Samples) Merge(other *Samples) {
	s.count += other.count
	s.between(other.oldest, time.Time{})
	s.between(time.Time{}, other.last)
	s.merge(s.root, other.root)
}

// merge adds one place to another.
func (s *Samples) merge(into, p *place) {
	into.kinds |= p.kinds
	into.values += p.values
	into.samples += p.samples
	into.filled += p.filled
	if p.items != nil {
		if into.items == nil && s.room() {
			into.items = &place{}
		}
		if into.items != nil {
			s.merge(into.items, p.items)
		}
	}
	if p.text != nil {
		s.mergeText(into, p.text)
	}
	if p.object != nil {
		s.mergeObject(into, p.object)
	}
}

func (s *Samples) mergeText(into *place, t *text) {
	if into.text == nil {
		into.text = newText(t.first)
	}
	sum := into.text
	sum.samples += t.samples
	sum.formats &= t.formats
	sum.varied = sum.varied || t.varied || sum.first != t.first
	if sum.words == nil || t.words == nil {
		sum.words = nil
		return
	}
	for value, n := range t.words {
		sum.words[value] += n
	}
	if len(sum.words) > s.options.MaxEnum {
		sum.words = nil
	}
}

func (s *Samples) mergeObject(into *place, o *object) {
	if into.object == nil {
		into.object = &object{members: map[string]*place{}}
	}
	sum := into.object
	sum.count += o.count
	sum.samples += o.samples
	sum.size += o.size
	sum.long += o.long
	if o.members == nil && sum.members != nil {
		s.fold(sum)
	}
	if o.values != nil {
		s.merge(sum.values, o.values)
	}
	for _, name := range slices.Sorted(maps.Keys(o.members)) {
		member := o.members[name]
		if sum.members == nil {
			s.merge(sum.values, member)
			continue
		}
		known := sum.members[name]
		if known == nil {
			if !s.room() {
				continue
			}
			known = &place{}
			sum.members[name] = known
			if shape.Data(name) {
				sum.data++
			}
		}
		s.merge(known, member)
		if len(sum.members) > maxNames {
			s.fold(sum)
		}
	}
}
