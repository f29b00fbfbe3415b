package drift

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// snapshotVersion is another when older programs would misread what is written.
const snapshotVersion = "drift 1 "

// snapshot is what is written: what one line names, by its digest.
type snapshot struct {
	Since    time.Time      `json:"since,omitzero"`
	At       int64          `json:"at"`
	Seq      uint64         `json:"seq"`
	Full     bool           `json:"full"`
	Unlisted uint64         `json:"unlisted"`
	Names    []string       `json:"names"`
	Nodes    []uint32       `json:"nodes"` // numbersOfNode each, parents first
	Findings []savedFinding `json:"findings"`
}

type savedFinding struct {
	Finding
	Node int    `json:"node"`
	Bits kinds  `json:"bits"`
	Born uint64 `json:"born"`
}

// The numbers of a node in a snapshot.
const (
	atParent = iota // the index of its node
	atName          // the index of it
	atSeen
	atCalm
	atBorn
	atSpace
	atFlags
	atKinds
	numbersOfNode
)

var errSnapshot = errors.New("it is no snapshot, or damaged")

// Snapshot returns what is known, for Restore. It holds names of members, values of
// enumerations and what is reported, and nothing else of payloads. It is nil if
// nothing is known.
func (t *Tracker) Snapshot() ([]byte, error) {
	s := t.save()
	if s == nil {
		return nil, nil
	}
	body, err := s.encode()
	if err != nil {
		return nil, err
	}
	return seal(body), nil
}

func (s *snapshot) encode() ([]byte, error) {
	body, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("encoding what is known: %w", err)
	}
	return body, nil
}

// seal puts a line before it that says what it is, and by which damage shows.
func seal(body []byte) []byte {
	sum := sha256.Sum256(body)
	return slices.Concat([]byte(snapshotVersion+hex.EncodeToString(sum[:])+"\n"), body, []byte("\n"))
}

func (t *Tracker) save() *snapshot {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if t.empty() || t.since.IsZero() {
		return nil
	}
	s := &snapshot{Since: t.since, At: t.last.Load(), Seq: t.seq.Load(), Full: t.full, Unlisted: t.unlisted, Findings: []savedFinding{}}
	s.Nodes = make([]uint32, 0, t.tree.nodes*numbersOfNode)
	names := make(map[uint32]uint32)
	index := make(map[ref]uint32, t.tree.nodes)
	var visit func(n ref)
	visit = func(n ref) {
		v := t.tree.node(n)
		name, known := names[v.name]
		if !known {
			name = uint32(len(s.Names)) //nolint:gosec // as many as there is memory
			names[v.name] = name
			s.Names = append(s.Names, t.tree.name(v))
		}
		index[n] = uint32(len(s.Nodes) / numbersOfNode) //nolint:gosec // the same
		s.Nodes = append(s.Nodes, index[v.parent], name, v.seen, v.calm, v.born, uint32(v.space), uint32(v.flags&^reported), uint32(v.kinds))
		for c := v.child; c != none; c = t.tree.node(c).next {
			visit(c)
		}
	}
	visit(root)
	for _, f := range t.order {
		s.Findings = append(s.Findings, savedFinding{f.current(), int(index[f.node]), f.now, f.born})
	}
	return s
}

// Restore replaces what is known by what Snapshot returned. After an error nothing
// has changed. What does not fit into MaxBytes any more makes the Tracker full, and if
// it was full before and there is much room now it learns on.
func (t *Tracker) Restore(data []byte) error {
	head, body, _ := bytes.Cut(data, []byte("\n"))
	sum, ok := bytes.CutPrefix(head, []byte(snapshotVersion))
	want := sha256.Sum256(bytes.TrimSuffix(body, []byte("\n")))
	if !ok || string(sum) != hex.EncodeToString(want[:]) {
		return errSnapshot
	}
	var s snapshot
	if err := json.Unmarshal(body, &s); err != nil {
		return fmt.Errorf("reading a snapshot: %w", err)
	}
	if err := s.check(); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.load(&s)
	t.changes.Add(1)
	return nil
}

// check makes sure that load finds what it looks for.
func (s *snapshot) check() error {
	nodes := len(s.Nodes) / numbersOfNode
	if nodes == 0 || len(s.Nodes)%numbersOfNode != 0 || len(s.Findings) > MaxFindings {
		return errSnapshot
	}
	for i := range nodes {
		n := s.Nodes[i*numbersOfNode:]
		if i > 0 && int(n[atParent]) >= i || int(n[atName]) >= len(s.Names) ||
			n[atSpace] > uint32(value) || n[atFlags] >= 1<<16 || n[atKinds] >= 1<<len(kindNames) {
			return errSnapshot
		}
	}
	for _, f := range s.Findings {
		if f.Node < 0 || f.Node >= nodes || !slices.Contains(Kinds(), f.Kind) {
			return errSnapshot
		}
	}
	return nil
}

func (t *Tracker) load(s *snapshot) {
	t.clear()
	if t.empty() {
		return
	}
	t.since, t.full, t.unlisted = s.Since, s.Full, s.Unlisted
	t.last.Store(s.At)
	t.seq.Store(max(t.seq.Load(), s.Seq))
	refs := make([]ref, len(s.Nodes)/numbersOfNode)
	for i := range refs {
		saved := s.Nodes[i*numbersOfNode:]
		n := root
		if i > 0 {
			parent, below := refs[saved[atParent]], space(saved[atSpace]) //nolint:gosec // it was checked
			if parent == none {
				continue
			}
			name := s.Names[saved[atName]]
			if t.tree.find(parent, below, name) != none {
				continue
			}
			if n = t.tree.add(t.cfg.MaxBytes, parent, below, name); n == none {
				t.full = true
				t.tree.node(parent).flags |= partial
				continue
			}
		}
		refs[i] = n
		v := t.tree.node(n)
		v.seen, v.calm, v.born = saved[atSeen], saved[atCalm], saved[atBorn]
		v.flags |= flags(saved[atFlags]) //nolint:gosec // it was checked
		v.kinds = kinds(saved[atKinds])  //nolint:gosec // it was checked
		if i > 0 && v.flags&always != 0 {
			t.tree.node(v.parent).required++
		}
	}
	for _, saved := range s.Findings {
		f := &finding{node: refs[saved.Node], now: saved.Bits, born: saved.Born, Finding: saved.Finding}
		f.size = findingSize + len(f.EventID) + len(f.EventType) + len(f.Path) + len(f.Value)
		if f.node == none || !t.tree.take(f.size, t.cfg.MaxBytes) {
			t.full = true
			continue
		}
		f.count.Store(saved.Count)
		f.last.Store(saved.Last.Unix())
		t.add(f)
	}
	if t.tree.bytes < t.cfg.MaxBytes/2 {
		t.resume() // there was less room when it was saved
	}
}
