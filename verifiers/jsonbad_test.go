//go:build !race

package verifiers

import (
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

// badTexts are what a sender of nonsense would try.
var badTexts = []struct {
	name, fault string
	text        func() string
	scan, tree  int // bytes that may be allocated for each byte of the text
}{
	{"10 MB payload", "", func() string { return string(eventOf(10_000_000)) }, 1, 12},
	{"100 000 deep", FaultDepth, func() string { return strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) }, 4, 4},
	{"100 000 objects deep", FaultDepth, func() string { return strings.Repeat(`{"a":`, 100_000) + "1" + strings.Repeat("}", 100_000) }, 2, 3},
	{"10 MB of [", FaultDepth, func() string { return strings.Repeat("[", 10_000_000) }, 1, 2},
	{"1 000 000 members", FaultMembers, func() string {
		var b strings.Builder
		b.WriteString(`{"a":0`)
		for i := range 1_000_000 {
			b.WriteString(`,"` + strconv.Itoa(i) + `":0`)
		}
		return b.String() + "}"
	}, 2, 4},
	{"99 999 members with escapes in each of 9 objects", "", func() string {
		var b strings.Builder
		for range 9 {
			b.WriteString(`{"a":0`)
			for i := range 99_998 {
				b.WriteString(`,"\u0061` + strconv.Itoa(i) + `":0`)
			}
			b.WriteString(`,"next":`)
		}
		return b.String() + "0" + strings.Repeat("}", 9)
	}, 10, 32},
	{"10 MB of one number", FaultNumber, func() string { return strings.Repeat("7", 10_000_000) }, 1, 2},
	{"10 MB of one string with escapes", "", func() string { return `"` + strings.Repeat(`\u00e9\n`, 1_250_000) + `"` }, 1, 4},
	{"10 MB of empty arrays", FaultValues, func() string { return "[" + strings.Repeat("[],", 3_333_333) + "[]]" }, 1, 16},
	{"one name 1 000 000 times", FaultDuplicate, func() string { return `{` + strings.Repeat(`"a":0,`, 1_000_000) + `"a":0}` }, 1, 2},
}

// TestBadTexts: whatever the text, reading it takes a time and a memory that grow no
// faster than it. An idle machine needs at most a second; the bound is for one that
// is busy, and what grows with the square of the text needs minutes.
func TestBadTexts(t *testing.T) {
	const most = 30 * time.Second
	for _, tt := range badTexts {
		text := []byte(tt.text())
		for _, kind := range []treeKind{noTree, wholeTree} {
			bound := tt.scan
			if kind == wholeTree {
				bound = tt.tree
			}
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			start := time.Now()
			f, err := order{want: &noPointers, limits: &JSONLimits{}, tree: kind}.read(text)
			took := time.Since(start)
			runtime.ReadMemStats(&after)
			used := int(after.TotalAlloc - before.TotalAlloc)
			fault := ""
			if f.fault != nil {
				fault = f.fault.Fault
			}
			t.Logf("%s, tree %t: %d bytes, %v, %d bytes allocated, %s", tt.name, kind == wholeTree, len(text), took.Round(100*time.Microsecond), used, fault)
			if fault != tt.fault || (err != nil) != (f.fault != nil && !f.fault.Readable()) {
				t.Errorf("%s: got %v, %v, want %q", tt.name, f.fault, err, tt.fault)
			}
			if took > most || used > bound*len(text)+1<<20 {
				t.Errorf("%s: took %v and allocated %d bytes, want at most %v and %d for each of %d", tt.name, took, used, most, bound, len(text))
			}
		}
	}
}
