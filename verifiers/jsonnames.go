package verifiers

import (
	"hash/maphash"
	"slices"
)

// How members of one object are told apart: the names of the objects that are open
// are on one stack. Those of a small object are compared one by one, by their
// hashes; of a larger one there is a table, on another stack. The hashes have a
// seed, so that nobody can send names that have the same.
type (
	// frame is an object that is open.
	frame struct {
		names, slots, buffer int // where its parts of the stacks begin
		members              int
		table                int // how many slots it has
	}
	// memberName is a name in the text, or behind it in the buffer if it was
	// written with escapes.
	memberName struct{ start, length, hash uint32 }
)

const smallObject = 16

var nameSeed = maphash.MakeSeed()

func (s *scanner) push() {
	s.frames = append(s.frames, frame{names: len(s.names), slots: len(s.slots), buffer: len(s.buffer)})
}

func (s *scanner) pop() {
	f := s.frames[len(s.frames)-1]
	s.frames = s.frames[:len(s.frames)-1]
	s.names, s.slots, s.buffer = s.names[:f.names], s.slots[:f.slots], s.buffer[:f.buffer]
}

// member notes a member of the innermost object, whose name was read just now and
// begins at start.
func (s *scanner) member(start int) {
	f := &s.frames[len(s.frames)-1]
	if f.members++; f.members > s.members {
		s.violate(FaultMembers, start, s.members)
		return
	}
	if !s.unique {
		return
	}
	n := memberName{start: uint32(start + 1), length: uint32(s.pos - start - 2)} //nolint:gosec // a strict text is not longer
	if s.escaped {
		from := len(s.buffer)
		s.buffer = unescape(s.buffer, s.text[start+1:s.pos-1])
		n = memberName{start: uint32(len(s.text) + from), length: uint32(len(s.buffer) - from)} //nolint:gosec // nor are its names
	}
	n.hash = uint32(maphash.Bytes(nameSeed, s.bytesOf(n))) //nolint:gosec // a part of it will do
	if s.isKnown(f, n) {
		s.violate(FaultDuplicate, start, 0)
	}
}

func (s *scanner) bytesOf(n memberName) []byte {
	text, start := s.text, int(n.start)
	if start >= len(text) {
		text, start = s.buffer, start-len(text)
	}
	return text[start : start+int(n.length)]
}

// isKnown adds a name to those of an object, unless it is there.
func (s *scanner) isKnown(f *frame, n memberName) bool {
	own := s.names[f.names:]
	if f.table == 0 {
		for _, o := range own {
			if s.same(o, n) {
				return true
			}
		}
		s.names = append(s.names, n)
		if len(own) == smallObject {
			s.index(f, 4*smallObject)
		}
		return false
	}
	slots := s.slots[f.slots:]
	i := int(n.hash) & (f.table - 1)
	for ; slots[i] != 0; i = (i + 1) & (f.table - 1) {
		if s.same(own[slots[i]-1], n) {
			return true
		}
	}
	s.names = append(s.names, n)
	slots[i] = uint32(len(own) + 1) //nolint:gosec // as many as names
	if 2*len(own) > f.table {
		s.index(f, 4*f.table)
	}
	return false
}

func (s *scanner) same(a, b memberName) bool {
	return a.hash == b.hash && a.length == b.length && string(s.bytesOf(a)) == string(s.bytesOf(b))
}

// index makes the object a table of so many slots. There is no open object inside
// it, so that the end of the stack is its own.
func (s *scanner) index(f *frame, size int) {
	s.slots = slices.Grow(s.slots[:f.slots], size)[:f.slots+size]
	f.table = size
	slots := s.slots[f.slots:]
	clear(slots)
	for k, n := range s.names[f.names:] {
		i := int(n.hash) & (size - 1)
		for slots[i] != 0 {
			i = (i + 1) & (size - 1)
		}
		slots[i] = uint32(k + 1)
	}
}
