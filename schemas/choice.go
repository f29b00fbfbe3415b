package schemas

import "slices"

// choice is oneOf or anyOf. Branches of which it is plain that they do not hold
// are not tried: an event with many actions would cost far more than its payload
// does.
type choice struct {
	keyword  string
	only     bool // oneOf
	branches []branch
	// Where every branch, or nearly, is for other values of one member, index has
	// the branches by value, those that are for any in each of its lists.
	member string
	index  map[string][]int
	others []int
	every  []int
}

// branch is a schema with what has to be so for it to hold.
type branch struct {
	node     *node
	kinds    kinds
	pins     []pin    // of objects
	required []string // of objects
}

// pin says that a member, if it is there, is one of certain strings.
type pin struct {
	member string
	texts  *valueSet
}

func newChoice(keyword string, list []*node) *choice {
	c := &choice{keyword: keyword, only: keyword == "oneOf"}
	for i, n := range list {
		b := branch{node: n, kinds: allKinds}
		b.add(n, 0)
		slices.Sort(b.required)
		b.required = slices.Compact(b.required)
		c.branches = append(c.branches, b)
		c.every = append(c.every, i)
	}
	c.makeIndex()
	return c
}

// maxIndex bounds the branches in all lists of an index.
const maxIndex = 1 << 20

// makeIndex chooses the member that most branches pin.
func (c *choice) makeIndex() {
	if len(c.branches) <= few {
		return
	}
	counts := map[string]int{}
	for i := range c.branches {
		for _, p := range c.branches[i].pins {
			if counts[p.member]++; counts[p.member] > counts[c.member] || counts[p.member] == counts[c.member] && p.member < c.member {
				c.member = p.member
			}
		}
	}
	if 2*counts[c.member] < len(c.branches) {
		return
	}
	c.index = map[string][]int{}
	entries := 0
	for i := range c.branches {
		p := c.branches[i].pin(c.member)
		if p == nil {
			c.others = append(c.others, i)
			continue
		}
		if entries += len(p.texts.texts); entries > maxIndex {
			break
		}
		for _, text := range p.texts.texts {
			c.index[text] = nil
		}
	}
	if entries += len(c.others) * len(c.index); entries > maxIndex {
		c.index, c.others = nil, nil // each branch says itself what it is for
		return
	}
	for i := range c.branches {
		if p := c.branches[i].pin(c.member); p != nil {
			for _, text := range p.texts.texts {
				c.index[text] = append(c.index[text], i)
			}
			continue
		}
		for text := range c.index {
			c.index[text] = append(c.index[text], i)
		}
	}
}

func (b *branch) pin(member string) *pin {
	for i := range b.pins {
		if b.pins[i].member == member {
			return &b.pins[i]
		}
	}
	return nil
}

// maxFollow bounds how far references are followed; schemas may refer to
// themselves.
const maxFollow = 8

// add adds what a schema demands, also by what it refers to and by allOf.
func (b *branch) add(n *node, depth int) {
	if n == nil || depth == maxFollow {
		return
	}
	k := n.kinds
	if k&kindInteger != 0 {
		k |= kindNumber
	}
	b.kinds &= k
	if n.object != nil {
		b.required = append(b.required, n.object.required...)
		for _, p := range n.object.properties {
			if texts := onlyTexts(p.node, 0); texts != nil {
				b.pins = append(b.pins, pin{p.name, texts})
			}
		}
	}
	if n.logic == nil {
		return
	}
	for i := range n.logic.refs {
		if r := &n.logic.refs[i]; r.how == static {
			b.add(r.node, depth+1)
		}
	}
	for _, part := range n.logic.allOf {
		b.add(part, depth+1)
	}
}

// onlyTexts returns the strings that a schema permits, or nil if it permits more
// than certain strings, as far as can be seen.
func onlyTexts(n *node, depth int) *valueSet {
	if n == nil || depth == maxFollow {
		return nil
	}
	for _, permitted := range []*valueSet{n.constant, n.enum} {
		if permitted != nil && len(permitted.others) == 0 {
			return permitted
		}
	}
	if n.logic == nil {
		return nil
	}
	for i := range n.logic.refs {
		if r := &n.logic.refs[i]; r.how == static {
			if texts := onlyTexts(r.node, depth+1); texts != nil {
				return texts
			}
		}
	}
	for _, part := range n.logic.allOf {
		if texts := onlyTexts(part, depth+1); texts != nil {
			return texts
		}
	}
	return nil
}

// fits reports whether the branch may hold as far as kinds and pins go.
func (b *branch) fits(kind kinds, object map[string]any) bool {
	if b.kinds&kind == 0 {
		return false
	}
	for i := range b.pins {
		if !b.pins[i].fits(object) {
			return false
		}
	}
	return true
}

func (p *pin) fits(object map[string]any) bool {
	v, ok := object[p.member]
	if !ok {
		return true
	}
	text, ok := v.(string)
	return ok && p.texts.hasText(text)
}

// candidates are the branches of which the index does not say that they do not
// hold.
func (c *choice) candidates(object map[string]any) []int {
	if c.index == nil {
		return c.every
	}
	v, ok := object[c.member]
	if !ok {
		return c.every
	}
	text, _ := v.(string)
	if list, ok := c.index[text]; ok {
		return list
	}
	return c.others
}

// choose evaluates oneOf or anyOf.
func (e *evaluator) choose(n *node, c *choice, v any, kind kinds, own *marks, chain int) bool {
	object, _ := v.(map[string]any)
	found, tried, possible := 0, 0, 0
	list := c.candidates(object)
	for _, i := range list {
		b := &c.branches[i]
		if !e.spend(1+len(b.pins)) || !b.fits(kind, object) {
			continue
		}
		possible++
		if object != nil && (!e.spend(len(b.required)) || !complete(object, b.required)) {
			continue
		}
		tried++
		if !e.quiet(b.node, v, own, chain) {
			continue
		}
		if found++; found == 2 && c.only {
			return e.wrong(n, c.keyword)
		}
		if !c.only && own == nil {
			return true
		}
	}
	if found > 0 || !e.report || e.stop != nil {
		return found > 0
	}
	if possible == 0 {
		return e.unchosen(n, c, object)
	}
	// Each branch says what is wrong; if all lack members, that is what.
	for _, i := range list {
		if b := &c.branches[i]; b.fits(kind, object) && (tried == 0 || object == nil || complete(object, b.required)) {
			e.eval(b.node, v, nil, chain+1)
		}
	}
	return false
}

// unchosen notes that no branch can be meant, at the member that rules out every
// one if there is one.
func (e *evaluator) unchosen(n *node, c *choice, object map[string]any) bool {
	member, ok := c.decider(object)
	if !ok {
		return e.wrong(n, c.keyword)
	}
	e.depth++
	e.path = append(e.path[:e.depth-1], step{member, -1})
	e.wrong(n, c.keyword)
	e.depth--
	return false
}

// decider returns a member of the object that rules out every branch.
func (c *choice) decider(object map[string]any) (string, bool) {
	for _, p := range c.branches[0].pins {
		if !slices.ContainsFunc(c.branches, func(b branch) bool {
			return !slices.ContainsFunc(b.pins, func(q pin) bool { return q.member == p.member && !q.fits(object) })
		}) {
			return p.member, true
		}
	}
	return "", false
}
