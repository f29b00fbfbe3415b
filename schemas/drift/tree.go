package drift

import (
	"hash/maphash"
	"unsafe"
)

// space tells apart what may be below one place.
type space uint8

// The spaces.
const (
	member  space = iota // of an object, by its name; event types below the root
	element              // of an array
	other                // members of an object whose names are data
	value                // of a string
)

// flags of a node.
type flags uint16

const (
	counted  flags = 1 << iota // has come often enough without anything new
	partial                    // what is below it does not fit into the memory
	opaque                     // an object that is not looked into
	mapLike                    // members that are not known are one place
	always                     // was in every object so far
	missed                     // was reported to be missing
	objects                    // an object was seen
	tracks                     // its strings may be an enumeration
	free                       // its strings are none
	reported                   // has findings
)

// kinds are the JSON types seen, as bits.
type kinds uint8

const (
	kindNull kinds = 1 << iota
	kindBool
	kindNumber
	kindString
	kindArray
	kindObject
)

// ref is the number of a node; none is no node. The root is 1.
type ref uint32

const (
	none ref = 0
	root ref = 1
)

// node is a place: the source, an event type, a field, the elements of an array, a
// value of an enumeration.
type node struct {
	parent, child, next ref
	name                uint32
	seen                uint32 // events with it, and with a value of its weightiest kind
	calm                uint32 // those since there was something new in it
	last                uint32 // pass in which it was seen
	born                uint32 // Unix seconds
	kids                uint16 // members, or values
	required            uint16 // members that are always there
	flags               flags
	kinds               kinds
	space               space
}

// text is the name of nodes.
type text struct {
	s    string
	uses uint32
}

const (
	chunkBits = 7
	chunkSize = 1 << chunkBits

	nodeSize = int(unsafe.Sizeof(node{}))
	slotSize = 4
	// textSize is for a text and its place in a slice that grows, textExtra what the
	// allocator adds to its bytes.
	textSize  = int(unsafe.Sizeof(text{}))*5/4 + 4
	textExtra = 16
)

// tree holds the nodes in pieces of fixed size, so that growing copies nothing and
// needs no more than is accounted for, and finds them by parent, space and name.
type tree struct {
	seed   maphash.Seed
	chunks []*[chunkSize]node
	next   ref // the first that was never used
	unused ref // a list by next
	nodes  int
	slots  []ref // open addressing; nodes by parent, space and name

	texts    []text
	noText   []uint32
	textSlot []uint32 // open addressing; index of texts + 1

	bytes   int
	reserve func(bytes int) bool
}

func (t *tree) node(n ref) *node { return &t.chunks[n>>chunkBits][n&(chunkSize-1)] }

func (t *tree) name(n *node) string { return t.texts[n.name].s }

func (t *tree) hash(parent ref, s space, name string) uint64 {
	h := maphash.String(t.seed, name) + (uint64(parent)<<2+uint64(s))*0x9E3779B97F4A7C15
	return h ^ h>>29
}

// find returns the node, or none.
func (t *tree) find(parent ref, s space, name string) ref {
	if len(t.slots) == 0 {
		return none
	}
	mask := uint64(len(t.slots)) - 1
	for i := t.hash(parent, s, name) & mask; ; i = (i + 1) & mask {
		n := t.slots[i]
		if n == none {
			return none
		}
		if v := t.node(n); v.parent == parent && v.space == s && t.texts[v.name].s == name {
			return n
		}
	}
}

// add returns a new node, or none if there is no room for it in so many bytes.
func (t *tree) add(limit int, parent ref, s space, name string) ref {
	if !t.makeRoom(limit, name) {
		return none
	}
	n := t.unused
	if n != none {
		t.unused = t.node(n).next
	} else {
		n = t.next
		t.next++
	}
	v := t.node(n)
	*v = node{parent: parent, space: s, name: t.intern(name)}
	t.nodes++
	t.insert(n, v)
	if parent == none {
		return n
	}
	p := t.node(parent)
	v.next, p.child = p.child, n
	if s == member || s == value {
		p.kids++ // long before it overflows the object is a map
	}
	return n
}

// makeRoom makes sure that a node fits, with its name.
func (t *tree) makeRoom(limit int, name string) bool {
	need := 0
	if t.next == 0 {
		t.next = root // the first place stands for none
	}
	newChunk := t.unused == none && int(t.next)>>chunkBits >= len(t.chunks)
	if newChunk {
		need += chunkSize*nodeSize + 8
	}
	growSlots := (t.nodes+1)*4 > len(t.slots)*3
	if growSlots {
		need += max(len(t.slots), 64) * slotSize
	}
	newText := t.findText(name) == 0
	growTexts := newText && (len(t.texts)+1)*4 > len(t.textSlot)*3
	if newText {
		need += len(name) + textExtra
		if len(t.noText) == 0 {
			need += textSize
		}
	}
	if growTexts {
		need += max(len(t.textSlot), 64) * slotSize
	}
	if !t.take(need, limit) {
		return false
	}
	if newChunk {
		t.chunks = append(t.chunks, new([chunkSize]node))
	}
	if growSlots {
		t.slots = make([]ref, max(2*len(t.slots), 64))
		t.each(t.insert)
	}
	if growTexts {
		t.textSlot = make([]uint32, max(2*len(t.textSlot), 64))
		for i, x := range t.texts {
			if x.uses > 0 {
				t.insertText(uint32(i), x.s)
			}
		}
	}
	return true
}

// each calls f for every node.
func (t *tree) each(f func(n ref, v *node)) {
	for n := root; n < t.next; n++ {
		if v := t.node(n); v.name != 0 {
			f(n, v)
		}
	}
}

func (t *tree) insert(n ref, v *node) {
	mask := uint64(len(t.slots)) - 1
	i := t.hash(v.parent, v.space, t.name(v)) & mask
	for t.slots[i] != none {
		i = (i + 1) & mask
	}
	t.slots[i] = n
}

// remove takes a node away with everything below it; gone is told of each. The
// caller takes it off its parent's list.
func (t *tree) remove(n ref, gone func(ref)) {
	v := t.node(n)
	for c := v.child; c != none; {
		next := t.node(c).next
		t.remove(c, gone)
		c = next
	}
	gone(n)
	t.unhash(n, v)
	t.drop(v.name)
	*v = node{next: t.unused}
	t.unused = n
	t.nodes--
}

// unhash takes a node out of the slots, and closes the gap.
func (t *tree) unhash(n ref, v *node) {
	mask := uint64(len(t.slots)) - 1
	i := t.hash(v.parent, v.space, t.name(v)) & mask
	for t.slots[i] != n {
		i = (i + 1) & mask
	}
	for j := (i + 1) & mask; t.slots[j] != none; j = (j + 1) & mask {
		w := t.node(t.slots[j])
		home := t.hash(w.parent, w.space, t.name(w)) & mask
		if (j-home)&mask >= (j-i)&mask {
			t.slots[i] = t.slots[j]
			i = j
		}
	}
	t.slots[i] = none
}

// unlink takes a node off its parent's list.
func (t *tree) unlink(n ref) {
	v := t.node(n)
	p := t.node(v.parent)
	if v.space == member || v.space == value {
		p.kids--
	}
	if v.flags&always != 0 {
		p.required--
	}
	if p.child == n {
		p.child = v.next
		return
	}
	for c := p.child; c != none; c = t.node(c).next {
		if w := t.node(c); w.next == n {
			w.next = v.next
			return
		}
	}
}

// findText returns the index of a name, or 0.
func (t *tree) findText(s string) uint32 {
	if len(t.textSlot) == 0 {
		return 0
	}
	mask := uint64(len(t.textSlot)) - 1
	for i := maphash.String(t.seed, s) & mask; ; i = (i + 1) & mask {
		x := t.textSlot[i]
		if x == 0 || t.texts[x].s == s {
			return x
		}
	}
}

// intern returns the index of a name, for which there is room.
func (t *tree) intern(s string) uint32 {
	if x := t.findText(s); x != 0 {
		t.texts[x].uses++
		return x
	}
	if len(t.texts) == 0 {
		t.texts = append(t.texts, text{}) // stands for none
	}
	own := text{s: string(append([]byte(nil), s...)), uses: 1} // the payload is not kept
	var x uint32
	if n := len(t.noText); n > 0 {
		x, t.noText = t.noText[n-1], t.noText[:n-1]
		t.texts[x] = own
	} else {
		x = uint32(len(t.texts)) //nolint:gosec // as many as there is memory
		t.texts = append(t.texts, own)
	}
	t.insertText(x, s)
	return x
}

func (t *tree) insertText(x uint32, s string) {
	mask := uint64(len(t.textSlot)) - 1
	i := maphash.String(t.seed, s) & mask
	for t.textSlot[i] != 0 {
		i = (i + 1) & mask
	}
	t.textSlot[i] = x
}

// drop gives a name back that a node had.
func (t *tree) drop(x uint32) {
	if t.texts[x].uses--; t.texts[x].uses > 0 {
		return
	}
	s := t.texts[x].s
	mask := uint64(len(t.textSlot)) - 1
	i := maphash.String(t.seed, s) & mask
	for t.textSlot[i] != x {
		i = (i + 1) & mask
	}
	for j := (i + 1) & mask; t.textSlot[j] != 0; j = (j + 1) & mask {
		home := maphash.String(t.seed, t.texts[t.textSlot[j]].s) & mask
		if (j-home)&mask >= (j-i)&mask {
			t.textSlot[i] = t.textSlot[j]
			i = j
		}
	}
	t.textSlot[i] = 0
	t.give(len(s) + textExtra)
	t.texts[x] = text{}
	t.noText = append(t.noText, x)
}

// take accounts for more bytes, if there is room.
func (t *tree) take(bytes, limit int) bool {
	if bytes > 0 && (t.bytes+bytes > limit || t.reserve != nil && !t.reserve(bytes)) {
		return false
	}
	t.bytes += bytes
	return true
}

func (t *tree) give(bytes int) {
	t.bytes -= bytes
	if t.reserve != nil && bytes > 0 {
		t.reserve(-bytes)
	}
}
