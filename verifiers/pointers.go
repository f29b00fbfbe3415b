package verifiers

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"fmt"
	"math/bits"
	"slices"
	"strings"
)

// maxPointers is how many pointers one pass looks for. Others are looked for
// one by one.
const maxPointers = 64

// Pointers are the members that sources need of a JSON body, for
// [Request.Want]. They are read-only and fit for any number of requests.
type Pointers struct {
	texts  []string
	tokens [][]token
	ends   []uint64 // by level: the pointers that have so many tokens
}

// token is one step of a pointer.
type token struct {
	name  string
	index int // of an array, or -1
}

var noPointers Pointers

// PointersOf returns the JSON Pointers in the sources, those inside First and
// Join included.
func PointersOf(sources ...Source) *Pointers {
	p := new(Pointers)
	for _, s := range sources {
		p.addSource(s)
	}
	return p
}

func (p *Pointers) addSource(s Source) {
	if s.Pointer != "" {
		p.add(s.Pointer)
	}
	for _, part := range s.First {
		p.addSource(part)
	}
	for _, part := range s.Join {
		p.addSource(part)
	}
}

// add returns false if the pointer is none, or one too many.
func (p *Pointers) add(pointer string) bool {
	if slices.Contains(p.texts, pointer) {
		return true
	}
	if len(p.texts) == maxPointers || pointer != "" && pointer[0] != '/' {
		return false
	}
	var tokens []token
	if pointer != "" {
		for name := range strings.SplitSeq(pointer[1:], "/") {
			if strings.Contains(name, "~") {
				name = unescapePointer.Replace(name)
			}
			t := token{name: name, index: -1}
			if i, ok := arrayIndex(name); ok {
				t.index = i
			}
			tokens = append(tokens, t)
		}
	}
	for len(p.ends) <= len(tokens) {
		p.ends = append(p.ends, 0)
	}
	p.ends[len(tokens)] |= 1 << len(p.texts)
	p.texts = append(p.texts, pointer)
	p.tokens = append(p.tokens, tokens)
	return true
}

// position returns where a pointer is in the list, or -1.
func (p *Pointers) position(pointer string) int {
	if p == nil {
		return -1
	}
	return slices.Index(p.texts, pointer)
}

func (p *Pointers) all() uint64 { return 1<<len(p.texts) - 1 }

func (p *Pointers) endingAt(level int) uint64 {
	if level < len(p.ends) {
		return p.ends[level]
	}
	return 0
}

// named returns which of the active pointers go on with the member of this name.
func (p *Pointers) named(active uint64, level int, name []byte) (next uint64) {
	for rest := active; rest != 0; rest &= rest - 1 {
		i := bits.TrailingZeros64(rest)
		if p.tokens[i][level].name == string(name) {
			next |= 1 << i
		}
	}
	return next
}

// indexed returns which of the active pointers go on with this element.
func (p *Pointers) indexed(active uint64, level, index int) (next uint64) {
	for rest := active; rest != 0; rest &= rest - 1 {
		i := bits.TrailingZeros64(rest)
		if p.tokens[i][level].index == index {
			next |= 1 << i
		}
	}
	return next
}

// members are the values that were found in a body without decoding it.
type members struct {
	wanted bool // those of Request.want were looked for
	found  []span
	err    error
	others []other
}

type other struct {
	pointer string
	found   span
}

// Want says which members of a JSON body are going to be looked up, so that all
// are found in one pass over the body when the first one is. Sources find
// others too, in a pass for each.
func (r *Request) Want(p *Pointers) { r.want, r.members = p, nil }

// CheckJSON reports whether JSON would return a value, without making it. The
// error is, or wraps, [ErrMalformed].
func (r *Request) CheckJSON() error {
	if r.document.done {
		return r.document.err
	}
	return r.scan().err
}

// scan looks for the wanted members, once.
func (r *Request) scan() *members {
	m := r.known()
	if !m.wanted && m.err == nil {
		want := r.want
		if want == nil {
			want = &noPointers
		}
		m.found, m.err = scanJSON(r.Body, want)
		m.wanted = true
	}
	return m
}

func (r *Request) known() *members {
	if r.members == nil {
		r.members = new(members)
	}
	return r.members
}

// member returns the JSON text of a member; none if it is not there.
func (r *Request) member(pointer string) ([]byte, error) {
	if i := r.want.position(pointer); i >= 0 {
		m := r.scan()
		if m.err != nil {
			return nil, m.err
		}
		return m.found[i].of(r.Body), nil
	}
	m := r.known()
	if m.err != nil {
		return nil, m.err
	}
	for _, o := range m.others {
		if o.pointer == pointer {
			return o.found.of(r.Body), nil
		}
	}
	one := new(Pointers)
	if !one.add(pointer) {
		return nil, nil
	}
	found, err := scanJSON(r.Body, one)
	if err != nil {
		m.err = err
		return nil, err
	}
	m.others = append(m.others, other{pointer, found[0]})
	return found[0].of(r.Body), nil
}

// Member returns the JSON text of the member of a JSON body that a JSON Pointer
// leads to; the empty pointer leads to all of it. The text is a part of Body and
// read-only, and was checked to be JSON. The error is, or wraps, [ErrMissing] if
// there is none, as in a body that its media type declares to be a form or XML,
// and [ErrMalformed] if the body is not JSON.
func (r *Request) Member(pointer string) ([]byte, error) {
	if !r.mayBeJSON() {
		return nil, ErrMissing
	}
	if pointer == "" {
		return bytes.Trim(r.Body, " \t\r\n"), r.CheckJSON()
	}
	raw, err := r.member(pointer)
	if err == nil && len(raw) == 0 {
		return nil, ErrMissing
	}
	return raw, err
}

// PointersTo returns the pointers. One that is none is an error.
func PointersTo(pointers ...string) (*Pointers, error) {
	p := new(Pointers)
	for _, text := range pointers {
		if text == "" || !validPointer(text) || !p.add(text) {
			return nil, fmt.Errorf("%q is not a JSON Pointer, or one too many", text)
		}
	}
	return p, nil
}

// DigestWithout returns the SHA-256 of a JSON text as if the values of the
// members were not there; of any other text, that of all of it.
func (p *Pointers) DigestWithout(text []byte) (digest [sha256.Size]byte) {
	found, err := scanJSON(text, p)
	if err != nil {
		return sha256.Sum256(text)
	}
	slices.SortFunc(found, func(a, b span) int { return cmp.Compare(a.start, b.start) })
	h := sha256.New()
	from := 0
	for _, s := range found {
		if s.start < from || s.end == 0 { // inside the one before, or not there
			continue
		}
		h.Write(text[from:s.start])
		from = s.end
	}
	h.Write(text[from:])
	h.Sum(digest[:0])
	return digest
}

// memberOf returns the value of a member of a JSON text, as [Source] has values.
func memberOf(text []byte, pointer string) (string, error) {
	r := Request{Body: text}
	raw, err := r.member(pointer)
	if err != nil {
		return "", err
	}
	return scalar(raw)
}
