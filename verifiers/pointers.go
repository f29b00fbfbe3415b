package verifiers

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/json"
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
	// lists and trees are pointers, as bits, whose arrays' elements are noted, and
	// what is at which is decoded.
	lists, trees uint64
	within       *Pointers // into texts inside; nil if there are none
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
	for _, step := range s.Within {
		if p.within == nil {
			p.within = new(Pointers)
			p.within.within = p.within
		}
		p.within.add(step.Pointer)
	}
	for _, part := range s.First {
		p.addSource(part)
	}
	for _, part := range s.Join {
		p.addSource(part)
	}
}

// IsZero reports whether there are none.
func (p *Pointers) IsZero() bool { return len(p.texts) == 0 && p.within == nil }

// With returns these pointers and others.
func (p *Pointers) With(others *Pointers) *Pointers {
	c := p.clone()
	for _, pointer := range others.texts {
		c.add(pointer)
	}
	return c
}

// WithTrees returns these pointers and others, at which arrays and objects are
// decoded in the pass in which they are found, if that is permitted.
func (p *Pointers) WithTrees(pointers ...string) *Pointers {
	c := p.clone()
	for _, pointer := range pointers {
		if c.add(pointer) {
			c.trees |= 1 << c.position(pointer)
		}
	}
	return c
}

// WithElements returns these pointers, and those with which [Batch.Split] needs no
// pass of its own.
func (p *Pointers) WithElements(b *Batch) *Pointers {
	c := p.clone()
	if b.inBody() {
		for _, pointer := range b.places() {
			if c.add(pointer) {
				c.lists |= 1 << c.position(pointer)
			}
		}
	}
	return c
}

func (p *Pointers) clone() *Pointers {
	return &Pointers{
		texts: slices.Clone(p.texts), tokens: slices.Clone(p.tokens), ends: slices.Clone(p.ends),
		lists: p.lists, trees: p.trees, within: p.within,
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

// members are what was found in a body.
type members struct {
	done bool
	finding
	err    error
	strict bool // what is there twice counts as malformed
	others []other
}

type other struct {
	pointer string
	found   span
}

// Want says which members of a JSON body are going to be looked up, so that all
// are found in one pass over the body when the first one is. Sources find
// others too, in a pass for each.
func (r *Request) Want(p *Pointers) { r.want, r.members = p, members{} }

// Strictly says what JSON is strict, for [Request.CheckStrict], before anything is
// looked up. Nil, as if it was not called, takes what encoding/json takes.
func (r *Request) Strictly(limits *JSONLimits) { r.limits = limits }

// Decode permits that the pass over the body decodes it: all of it, for
// [Request.JSON], or what is at the pointers of [Pointers.WithTrees]. It is for a
// body that is authentic: a decoded document may need many times the memory of its
// text. A pass before that, for a signature or a handshake in the body, builds
// nothing, and what is to be decoded is then read once more.
func (r *Request) Decode(all bool) {
	r.trees = someTrees
	if all {
		r.trees = wholeTree
	}
}

// CheckJSON reports whether JSON would return a value, without making it. The
// error is, or wraps, [ErrMalformed].
func (r *Request) CheckJSON() error {
	if r.document.done {
		return r.document.err
	}
	return r.scan().err
}

// CheckStrict reports why the body is not strict JSON: a [*StrictError], or nil.
// After an error no member that is there more than once is found.
func (r *Request) CheckStrict() *StrictError {
	m := r.scan()
	m.strict = true
	return m.fault
}

// CheckInner is CheckStrict for the texts inside the request that the sources
// decode, such as the field of a form that holds JSON. One that is not JSON at all
// is not reported: it is the source that has no value then.
func (r *Request) CheckInner(sources ...Source) *StrictError {
	for i := range sources {
		s := &sources[i]
		for _, parts := range [...][]Source{s.First, s.Join} {
			if fault := r.CheckInner(parts...); fault != nil {
				return fault
			}
		}
		if len(s.Within) == 0 {
			continue
		}
		var l items
		r.opened = make([]*Request, 0, len(s.Within))
		_ = s.collect(r, &l)
		for _, in := range r.opened {
			if fault := in.CheckStrict(); fault != nil && fault.Readable() {
				fault.place = s.place()
				return fault
			}
		}
		r.opened = nil
	}
	return nil
}

// Passes is how often a JSON text of the request was read: 1 if it is one text and
// nothing had to be looked at before it was authentic.
func (r *Request) Passes() int {
	n := r.passes
	for _, in := range r.inner {
		n += in.request.Passes()
	}
	return n
}

// scan looks for the wanted members, once.
func (r *Request) scan() *members {
	m := &r.members
	if m.done || m.err != nil {
		return m
	}
	m.done = true
	m.finding, m.err = r.read(order{want: r.wanted(), limits: r.limits, tree: r.trees})
	if m.whole {
		r.document = document{done: true, value: m.tree}
		m.tree = nil
	}
	return m
}

// reread forgets what was found, so that the next pass looks into lists as well.
func (r *Request) reread() {
	if r.want != nil && r.want.lists != 0 {
		r.want = r.want.clone()
		r.want.lists, r.members = 0, members{}
	}
}

func (r *Request) read(o order) (finding, error) {
	r.passes++
	return o.read(r.Body)
}

func (r *Request) wanted() *Pointers {
	if r.want == nil {
		return &noPointers
	}
	return r.want
}

// member returns the JSON text of a member; none if it is not there.
func (r *Request) member(pointer string) ([]byte, error) {
	m := &r.members
	if i := r.want.position(pointer); i >= 0 {
		if r.scan(); m.err != nil {
			return nil, m.err
		}
		if m.strict && m.fault != nil && m.twice>>i&1 == 1 {
			return nil, ErrMalformed
		}
		return m.found[i].of(r.Body), nil
	}
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
	f, err := r.read(order{want: one})
	if err != nil {
		m.err = err
		return nil, err
	}
	m.others = append(m.others, other{pointer, f.found[0]})
	return f.found[0].of(r.Body), nil
}

// JSONAt returns a member as JSON returns the whole, which the empty pointer is. The
// errors are those of Member.
func (r *Request) JSONAt(pointer string) (any, error) {
	raw, err := r.Member(pointer)
	if err != nil {
		return nil, err
	}
	switch c := raw[0]; c {
	case 'n':
		return nil, nil
	case 't', 'f':
		return c == 't', nil
	case '"':
		return unquote(raw), nil
	case '{', '[':
	default:
		return json.Number(raw), nil
	}
	for _, t := range r.members.trees {
		if t.pointer == pointer {
			return t.value, nil
		}
	}
	if pointer == "" || r.document.done || r.trees == wholeTree {
		document, err := r.JSON()
		if err != nil {
			return nil, err
		}
		return descend(document, pointer)
	}
	if fault := r.members.fault; fault != nil {
		return nil, fault
	}
	r.passes++
	f, err := order{want: &noPointers, tree: wholeTree}.read(raw)
	if err == nil {
		r.members.trees = append(r.members.trees, subtree{pointer, f.tree})
	}
	return f.tree, err
}

// descend returns what a JSON Pointer leads to in a decoded document.
func descend(value any, pointer string) (any, error) {
	if pointer == "" {
		return value, nil
	}
	for name := range strings.SplitSeq(pointer[1:], "/") {
		switch v := value.(type) {
		case map[string]any:
			member, ok := v[unescapePointer.Replace(name)]
			if !ok {
				return nil, ErrMissing
			}
			value = member
		case []any:
			i, ok := arrayIndex(name)
			if !ok || i >= len(v) {
				return nil, ErrMissing
			}
			value = v[i]
		default:
			return nil, ErrMissing
		}
	}
	return value, nil
}

// inner is a text inside a request.
type inner struct {
	as, text string
	request  *Request
}

// within returns a member of a text inside the request.
func (r *Request) within(as, text string, decode func() ([]byte, error), pointer string) (string, error) {
	var in *Request
	for _, known := range r.inner {
		if known.as == as && known.text == text {
			in = known.request
		}
	}
	if in == nil {
		raw, err := decode()
		if err != nil {
			return "", err
		}
		in = &Request{Body: raw, limits: r.limits}
		if r.want != nil {
			in.want = r.want.within
		}
		r.inner = append(r.inner, inner{as, text, in})
	}
	if r.opened != nil {
		r.opened = append(r.opened, in)
	}
	raw, err := in.member(pointer)
	if err != nil {
		return "", err
	}
	return scalar(raw)
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
func (p *Pointers) DigestWithout(text []byte) [sha256.Size]byte {
	f, err := order{want: p}.read(text)
	if err != nil {
		return sha256.Sum256(text)
	}
	return digestWithout(text, f.found)
}

// DigestWithout is [Pointers.DigestWithout] of the body. It is no pass of its own if
// the pointers are among those wanted.
func (r *Request) DigestWithout(p *Pointers) [sha256.Size]byte {
	found := make([]span, len(p.texts))
	for i, pointer := range p.texts {
		k := r.want.position(pointer)
		if k < 0 {
			r.passes++
			return p.DigestWithout(r.Body)
		}
		m := r.scan()
		if m.err != nil {
			return sha256.Sum256(r.Body)
		}
		found[i] = m.found[k]
	}
	return digestWithout(r.Body, found)
}

func digestWithout(text []byte, found []span) (digest [sha256.Size]byte) {
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
