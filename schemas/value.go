package schemas

import (
	"encoding/json"
	"hash/maphash"
	"math/bits"
	"slices"
)

// kinds are types of JSON, as bits.
type kinds uint8

const (
	kindNull kinds = 1 << iota
	kindBoolean
	kindNumber
	kindString
	kindArray
	kindObject
	kindInteger // what a schema may ask for; no value is of this kind alone
	allKinds    = 1<<iota - 1
)

var kindByName = map[string]kinds{
	"null": kindNull, "boolean": kindBoolean, "number": kindNumber, "integer": kindInteger,
	"string": kindString, "array": kindArray, "object": kindObject,
}

// kindOf returns the kind of a value; none for what no decoder of JSON makes.
func kindOf(v any) kinds {
	switch v.(type) {
	case string:
		return kindString
	case json.Number, float64:
		return kindNumber
	case map[string]any:
		return kindObject
	case nil:
		return kindNull
	case bool:
		return kindBoolean
	case []any:
		return kindArray
	}
	return 0
}

func numberText(v any) string {
	switch v := v.(type) {
	case json.Number:
		return string(v)
	case float64:
		return floatText(v)
	}
	return ""
}

// valueSet has those that enum or const permits.
type valueSet struct {
	texts  []string // sorted
	others []any
	hashes map[uint64][]any // of others, where they are many
}

// few is up to how many values are compared one by one.
const few = 8

func newValueSet(list []any) *valueSet {
	s := &valueSet{}
	for _, v := range list {
		if text, ok := v.(string); ok {
			s.texts = append(s.texts, text)
		} else {
			s.others = append(s.others, v)
		}
	}
	slices.Sort(s.texts)
	s.texts = slices.Compact(s.texts)
	if len(s.others) <= few {
		return s
	}
	s.hashes = make(map[uint64][]any, len(s.others))
	e := &evaluator{left: unbounded}
	for _, v := range s.others {
		h := e.hash(v, 0)
		s.hashes[h] = append(s.hashes[h], v)
	}
	return s
}

func (s *valueSet) hasText(text string) bool {
	if len(s.texts) <= few {
		return slices.Contains(s.texts, text)
	}
	_, ok := slices.BinarySearch(s.texts, text)
	return ok
}

// permits reports whether a value is one of them.
func (e *evaluator) permits(s *valueSet, v any) bool {
	if text, ok := v.(string); ok {
		e.spend(bits.Len(uint(len(s.texts))) + len(text)/unit)
		return s.hasText(text)
	}
	list := s.others
	if s.hashes != nil {
		list = s.hashes[e.hash(v, 0)]
	}
	for _, other := range list {
		if e.equal(v, other, 0) {
			return true
		}
	}
	return false
}

// equal compares two values as JSON does, numbers by what they mean.
func (e *evaluator) equal(a, b any, depth int) bool {
	if !e.spend(1) || e.tooDeep(depth) {
		return false
	}
	switch a := a.(type) {
	case string:
		b, ok := b.(string)
		return ok && len(a) == len(b) && e.spend(len(a)/unit) && a == b
	case nil:
		return b == nil
	case bool:
		b, ok := b.(bool)
		return ok && a == b
	case []any:
		b, ok := b.([]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for i := range a {
			if !e.equal(a[i], b[i], depth+1) {
				return false
			}
		}
		return true
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok || len(a) != len(b) {
			return false
		}
		same := true
		for name, v := range a { // in no order: so that the steps are the same, all of it
			other, ok := b[name]
			same = ok && e.equal(v, other, depth+1) && same
		}
		return same
	}
	if kindOf(a) != kindNumber || kindOf(b) != kindNumber {
		return false
	}
	x, y := e.decimal(a), e.decimal(b)
	return x.compare(y) == 0
}

// seed and salt make it impossible to send values that fall together.
var (
	seed = maphash.MakeSeed()
	salt = maphash.String(seed, "salt")
)

// hash is the same for equal values.
func (e *evaluator) hash(v any, depth int) uint64 {
	if !e.spend(1) || e.tooDeep(depth) {
		return 0
	}
	switch v := v.(type) {
	case string:
		e.spend(len(v) / unit)
		return maphash.String(seed, v)
	case nil:
		return mix(salt, 1)
	case bool:
		if v {
			return mix(salt, 2)
		}
		return mix(salt, 3)
	case []any:
		h := mix(salt, 4)
		for _, item := range v {
			h = mix(h, e.hash(item, depth+1))
		}
		return mix(h, uint64(len(v)))
	case map[string]any:
		h := mix(salt, 5)
		for name, member := range v {
			e.spend(len(name) / unit)
			h += mix(maphash.String(seed, name), e.hash(member, depth+1)) // the order does not matter
		}
		return mix(h, 6)
	}
	d := e.decimal(v)
	h := mix(salt, uint64(d.point)) //nolint:gosec // any bits do
	if d.negative {
		h = mix(h, 7)
	}
	if d.whole != "" && d.frac != "" {
		var b maphash.Hash
		b.SetSeed(seed)
		_, _ = b.WriteString(d.whole)
		_, _ = b.WriteString(d.frac)
		return mix(h, b.Sum64())
	}
	return mix(h, maphash.String(seed, d.whole+d.frac))
}

func mix(a, b uint64) uint64 {
	high, low := bits.Mul64(a^0x9e3779b97f4a7c15, b^0xd1b54a32d192ed03)
	return high ^ low ^ bits.RotateLeft64(a, 29)
}

// decimal reads a number of a payload or of a schema.
func (e *evaluator) decimal(v any) decimal {
	text := numberText(v)
	e.spend(len(text) / 16)
	d, ok := parseDecimal(text)
	if !ok {
		e.refuse("number")
	}
	return d
}

// distinct reports whether no two items are equal.
func (e *evaluator) distinct(items []any) bool {
	if len(items) <= few {
		for i := range items {
			for j := range i {
				if e.equal(items[i], items[j], 0) {
					return false
				}
			}
		}
		return true
	}
	// A table with open addressing; each place has the index of an item, plus one.
	mask := uint64(1)<<bits.Len(uint(2*len(items))) - 1
	if !e.spend(len(items)) {
		return true
	}
	table, hashes := make([]int32, mask+1), make([]uint64, len(items))
	for i, item := range items {
		h := e.hash(item, 0)
		hashes[i] = h
		at := h & mask
		for ; table[at] != 0; at = (at + 1) & mask {
			if j := table[at] - 1; hashes[j] == h && e.equal(item, items[j], 0) {
				return false
			}
		}
		table[at] = int32(i) + 1
		if e.stop != nil {
			return true
		}
	}
	return true
}
