package drift

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// check compares what a tracker keeps twice.
func (t *Tracker) check(tb testing.TB) {
	tb.Helper()
	seen := make(map[ref]bool)
	uses := make(map[uint32]uint32)
	var visit func(n ref)
	visit = func(n ref) {
		v := t.tree.node(n)
		if seen[n] {
			tb.Fatalf("node %d is in two lists", n)
		}
		seen[n] = true
		uses[v.name]++
		if t.tree.find(v.parent, v.space, t.tree.name(v)) != n {
			tb.Fatalf("node %d is not found by its name", n)
		}
		kids, required := 0, 0
		for c := v.child; c != none; c = t.tree.node(c).next {
			w := t.tree.node(c)
			if w.parent != n {
				tb.Fatalf("node %d is in the list of another parent", c)
			}
			if w.space == member || w.space == value {
				kids++
			}
			if w.flags&always != 0 {
				required++
			}
			visit(c)
		}
		if int(v.kids) != kids || int(v.required) != required {
			tb.Fatalf("node %d has %d kids of which %d are required, and counts %d and %d", n, kids, required, v.kids, v.required)
		}
	}
	visit(root)
	slots := 0
	for _, n := range t.tree.slots {
		if n != none {
			slots++
		}
	}
	if len(seen) != t.tree.nodes || slots != t.tree.nodes {
		tb.Fatalf("%d nodes are reached, %d are in slots, and %d are counted", len(seen), slots, t.tree.nodes)
	}
	for i, x := range t.tree.texts {
		if x.uses != uses[uint32(i)] {
			tb.Fatalf("the name %q is used %d times, and counts %d", x.s, uses[uint32(i)], x.uses)
		}
		if x.uses > 0 && t.tree.findText(x.s) != uint32(i) {
			tb.Fatalf("the name %q is not found", x.s)
		}
	}
	for _, f := range t.order {
		if !seen[f.node] || t.tree.node(f.node).flags&reported == 0 || t.findings[findingKey{f.node, f.Kind, f.now}] != f {
			tb.Fatalf("the finding %v is at a node that has gone", f.Finding)
		}
	}
	if len(t.order) != len(t.findings) {
		tb.Fatalf("%d findings in a list, and %d in a map", len(t.order), len(t.findings))
	}
	if t.tree.bytes > t.cfg.MaxBytes {
		tb.Fatalf("%d bytes of %d", t.tree.bytes, t.cfg.MaxBytes)
	}
}

// anything makes values out of few and of many names, so that there are objects that
// settle, maps, enumerations and what looks like them.
func anything(r *rand.Rand, depth int) any {
	switch n := r.IntN(12); {
	case n < 1:
		return nil
	case n < 2:
		return true
	case n < 3:
		return 1.5
	case n < 5 || depth == 0:
		return fmt.Sprintf("%c%c", 'a'+r.IntN(3), 'a'+r.IntN(1+r.IntN(26)))
	case n < 7:
		list := make([]any, r.IntN(4))
		for i := range list {
			list[i] = anything(r, depth-1)
		}
		return list
	}
	object := make(map[string]any)
	for range r.IntN(6) {
		object[name(r)] = anything(r, depth-1)
	}
	return object
}

func name(r *rand.Rand) string {
	switch r.IntN(20) {
	case 0:
		return fmt.Sprintf("%c%c%c", 'a'+r.IntN(26), 'a'+r.IntN(26), 'a'+r.IntN(26))
	case 1:
		return fmt.Sprint(r.IntN(1000))
	case 2:
		return "metadata"
	case 3, 4, 5:
		return "status"
	}
	return fmt.Sprintf("n%c", 'a'+r.IntN(5))
}

// TestConsistent does everything that a tracker can, in any order.
func TestConsistent(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		r := rand.New(rand.NewPCG(seed, 2))
		tracker := New(Config{Events: 3 + r.IntN(10), Age: -1, MaxBytes: 96 << 10 << r.IntN(4)})
		at := time.Unix(1e9, 0)
		kinds := make(map[Kind]int)
		for i := range 4000 {
			at = at.Add(time.Second)
			typ := fmt.Sprintf("t%c", 'a'+r.IntN(3))
			if r.IntN(200) == 0 {
				typ = name(r)
			}
			payload := map[string]any{"fixed": 1.0, "status": "open", "inner": anything(r, 4)}
			if r.IntN(300) == 0 {
				payload["map"] = map[string]any{name(r): true}
			} else {
				payload["map"] = map[string]any{"one": true}
			}
			if r.IntN(100) == 0 {
				delete(payload, "fixed")
			}
			for _, f := range tracker.Observe(typ, fmt.Sprint(i), at, payload) {
				kinds[f.Kind]++
			}
			switch r.IntN(400) {
			case 0:
				tracker.Acknowledge()
			case 1:
				if list := tracker.Report().Findings; len(list) > 0 {
					tracker.Acknowledge(list[r.IntN(len(list))].ID)
				}
			case 2:
				data, err := tracker.Snapshot()
				if err != nil {
					t.Fatal(err)
				}
				before := tracker.Report()
				if err := tracker.Restore(data); err != nil {
					t.Fatal(err)
				}
				if after := tracker.Report(); len(after.Findings) != len(before.Findings) || after.Places != before.Places {
					t.Fatalf("restored %d places and %d findings, want %d and %d", after.Places, len(after.Findings), before.Places, len(before.Findings))
				}
			}
			if i%100 == 0 {
				tracker.check(t)
			}
		}
		rep := tracker.Report()
		t.Logf("seed %d: found %v; %d places, %d bytes, full %v", seed, kinds, rep.Places, rep.Bytes, rep.Full)
		tracker.Forget()
		tracker.check(t)
	}
}

// FuzzRestore: whatever is in a file, it is taken as a whole or not at all.
func FuzzRestore(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 2))
	tracker := New(Config{Events: 5, Age: -1})
	for i := range 200 {
		tracker.Observe("t", fmt.Sprint(i), time.Unix(1e9+int64(i), 0), anything(r, 4))
	}
	s := tracker.save()
	body, err := s.encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(body)
	f.Add([]byte(`{"names":[""],"nodes":[0,0,1,1,1,0,0,0],"findings":[]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		r := rand.New(rand.NewPCG(3, 4))
		fresh := New(Config{Events: 5, Age: -1, MaxBytes: 256 << 10})
		if err := fresh.Restore(seal(body)); err != nil {
			return
		}
		fresh.check(t)
		for i := range 20 {
			fresh.Observe("t", "x", time.Unix(1e9+int64(i), 0), anything(r, 3))
		}
		fresh.Acknowledge()
		fresh.check(t)
		if _, err := fresh.Snapshot(); err != nil {
			t.Fatal(err)
		}
	})
}
