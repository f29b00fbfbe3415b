package drift_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/schemas/drift"
)

// hostile are payloads of which each has something new.
var hostile = map[string]func(r *rand.Rand) (eventType string, payload any){
	"new members in one object": func(r *rand.Rand) (string, any) {
		m := make(map[string]any)
		for range 2000 {
			m[words(r.IntN(1<<40))] = true
		}
		return "a", m
	},
	"new members in many objects": func(r *rand.Rand) (string, any) {
		m := make(map[string]any)
		for range 200 {
			inner := make(map[string]any)
			for range 31 {
				inner[words(r.IntN(1<<40))] = "x"
			}
			m[words(r.IntN(300))] = inner
		}
		return "a", m
	},
	"long names": func(r *rand.Rand) (string, any) {
		m := make(map[string]any)
		for range 30 {
			m[strings.Repeat("x", 50)+words(r.IntN(1<<40))] = map[string]any{"a": nil}
		}
		return words(r.IntN(900)), m
	},
	"deep trees": func(r *rand.Rand) (string, any) {
		var v any = "end"
		for range 250 {
			v = map[string]any{words(r.IntN(1 << 30)): v, "list": []any{v}}
			if r.IntN(40) == 0 {
				v = "end"
			}
		}
		return "a", v
	},
	"event types": func(r *rand.Rand) (string, any) {
		return words(r.IntN(1 << 40)), map[string]any{words(r.IntN(1 << 40)): map[string]any{"x": 1, "y": []any{"z"}}}
	},
	"values": func(r *rand.Rand) (string, any) {
		m := make(map[string]any)
		for i := range 500 {
			m[words(i)+"_status"] = words(r.IntN(1<<40)) + strings.Repeat("x", 20)
		}
		return words(r.IntN(500)), m
	},
	"a large array": func(r *rand.Rand) (string, any) {
		list := make([]any, 200_000)
		for i := range list {
			list[i] = map[string]any{words(r.IntN(1 << 40)): 1}
		}
		return "a", list
	},
	"findings": func(r *rand.Rand) (string, any) {
		m := map[string]any{"old": map[string]any{}}
		if r.IntN(20) == 0 {
			for range 100 {
				m[strings.Repeat("y", 40)+words(r.IntN(1<<40))] = 1
			}
		}
		return words(r.IntN(20)), m
	},
}

// TestMemory measures what a tracker takes that has seen hostile payloads. It does
// not run beside other tests.
func TestMemory(t *testing.T) {
	const limit = 1 << 20
	for name, next := range hostile {
		t.Run(name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(5, 6))
			reserved := 0
			before := heap()
			tracker := drift.New(drift.Config{MaxBytes: limit, Events: 20, Age: -1, Reserve: func(n int) bool {
				reserved += n
				return true
			}})
			at := begin
			events := 400
			if name == "findings" {
				events = 3000
			}
			if name == "a large array" {
				events = 5
			}
			var longest time.Duration
			for range events {
				at = at.Add(time.Second)
				typ, payload := next(r)
				start := time.Now()
				tracker.Observe(typ, strings.Repeat("i", 500), at, payload)
				longest = max(longest, time.Since(start))
			}
			after := heap()
			rep := tracker.Report()
			runtime.KeepAlive(tracker)
			t.Logf("%d bytes of heap, %d accounted for, %d places, full %v, %d findings, %d unlisted, longest %v",
				after-before, rep.Bytes, rep.Places, rep.Full, len(rep.Findings), rep.Unlisted, longest)
			if rep.Bytes > limit || reserved != rep.Bytes {
				t.Errorf("%d bytes are accounted for, and %d reserved", rep.Bytes, reserved)
			}
			if used := after - before; used > limit+limit/8 {
				t.Errorf("%d bytes are used", used)
			}
			if len(rep.Findings) > drift.MaxFindings {
				t.Errorf("%d findings", len(rep.Findings))
			}
			data, err := tracker.Snapshot()
			if err != nil || len(data) > 4*limit {
				t.Errorf("a snapshot of %d bytes, %v", len(data), err)
			}
			if err := drift.New(drift.Config{MaxBytes: limit}).Restore(data); err != nil {
				t.Error(err)
			}
			tracker.Close()
			if reserved != 0 {
				t.Errorf("%d bytes are reserved in the end", reserved)
			}
		})
	}
}

func heap() int {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// TestFull finds what is new in what had been learned before the memory was full,
// and nothing in what had not.
func TestFull(t *testing.T) {
	t.Parallel()
	l := newLab(t, drift.Config{MaxBytes: 64 << 10, Events: 20, Age: -1})
	l.learn(50, "a", `{"x": 1, "y": {"z": 1}}`)
	r := rand.New(rand.NewPCG(7, 8))
	for range 100 {
		typ, payload := hostile["new members in many objects"](r)
		l.observe("b."+typ, payload)
	}
	l.tracker.Acknowledge()
	if rep := l.tracker.Report(); !rep.Full {
		t.Fatalf("it is not full: %+v", rep)
	}
	l.want(l.send("a", `{"x": 1, "y": {"z": 1, "new": 1}}`), "field a/y/new")
	l.learn(50, "b.a", fmt.Sprintf(`{%q: 1}`, "never"))
	if rep := l.tracker.Report(); len(rep.Findings) != 1 {
		t.Errorf("%v", rep.Findings)
	}
}

// TestMoreRoom: what did not fit is learned once there is room, after a change of the
// settings and after a restart, and is no finding until it has been learned.
func TestMoreRoom(t *testing.T) {
	t.Parallel()
	small := drift.Config{MaxBytes: 64 << 10, Events: 20, Age: -1}
	large := small
	large.MaxBytes = 4 << 20
	fill := func() *lab {
		l := newLab(t, small)
		l.learn(50, "a", `{"x": 1}`)
		r := rand.New(rand.NewPCG(7, 8))
		for range 100 {
			typ, payload := hostile["new members in many objects"](r)
			l.observe("b."+typ, payload)
		}
		l.tracker.Acknowledge()
		if rep := l.tracker.Report(); !rep.Full {
			t.Fatalf("it is not full: %+v", rep)
		}
		return l
	}
	for name, grow := range map[string]func(*lab){
		"settings": func(l *lab) { l.tracker.Configure(large) },
		"restart": func(l *lab) {
			data, err := l.tracker.Snapshot()
			if err != nil {
				t.Fatal(err)
			}
			l.tracker = drift.New(large)
			if err := l.tracker.Restore(data); err != nil {
				t.Fatal(err)
			}
		},
	} {
		l := fill()
		grow(l)
		if rep := l.tracker.Report(); rep.Full {
			t.Errorf("%s: it is full with room: %+v", name, rep)
		}
		l.send("later", `{"y": {"z": 1}}`) // a new type, which is known after that
		l.learn(60, "later", `{"y": {"z": 1}}`)
		l.want(l.send("later", `{"y": {"z": 1, "new": 1}}`), "field later/y/new")
		l.want(l.send("a", `{"x": 1, "new": 1}`), "field a/new")
	}
}

// TestManyFindings: that no more are kept says nothing about the memory.
func TestManyFindings(t *testing.T) {
	t.Parallel()
	l := newLab(t, quick)
	payload := map[string]any{}
	for i := range drift.MaxFindings + 10 {
		payload["o"+words(i)] = map[string]any{"x": 1}
	}
	for range 50 {
		l.observe("a", payload)
	}
	for i := range drift.MaxFindings + 10 {
		payload["o"+words(i)] = map[string]any{"x": 1, "new": 1}
	}
	l.observe("a", payload)
	if rep := l.tracker.Report(); rep.Full || rep.Unlisted != 10 || len(rep.Findings) != drift.MaxFindings {
		t.Errorf("full %v, %d findings, %d unlisted", rep.Full, len(rep.Findings), rep.Unlisted)
	}
}

// TestShared shares one account among trackers.
func TestShared(t *testing.T) {
	t.Parallel()
	left := 100 << 10
	cfg := quick
	cfg.Reserve = func(n int) bool {
		if n > left {
			return false
		}
		left -= n
		return true
	}
	r := rand.New(rand.NewPCG(9, 9))
	first, second := drift.New(cfg), drift.New(cfg)
	for range 30 {
		for _, tracker := range []*drift.Tracker{first, second} {
			typ, payload := hostile["new members in many objects"](r)
			tracker.Observe(typ, "x", begin, payload)
		}
	}
	if sum := first.Report().Bytes + second.Report().Bytes; !first.Report().Full || left < 0 || left+sum != 100<<10 {
		t.Errorf("%d bytes are left, %d are used", left, sum)
	}
	first.Close()
	second.Close()
	if left != 100<<10 {
		t.Errorf("%d bytes are left in the end", left)
	}
	none := cfg
	none.Reserve = func(int) bool { return false }
	idle := drift.New(none)
	idle.Observe("a", "x", begin, map[string]any{"x": 1})
	if r := idle.Report(); !r.Full || r.Places != 0 {
		t.Errorf("without any memory: %+v", r)
	}
	if data, err := idle.Snapshot(); data != nil || err != nil {
		t.Errorf("a snapshot of %d bytes, %v", len(data), err)
	}
}
