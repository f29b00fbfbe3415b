package conformance

import (
	"bufio"
	"bytes"
	"fmt"
	"math"
	"net"
	"slices"
	"strings"
	"time"
)

func timingChecks() []Check {
	return []Check{{
		Code: "timing", Group: "timing", Severity: Must, Mode: Timing, alone: true,
		Sends: "thousands of events whose signature is wrong in its first byte, and as many that are wrong in the last one",
		Wants: "answers that take as long",
		Why:   "who compares byte by byte tells how many bytes were right, and can be asked until all are",
		Cure:  "compare with hmac.Equal, crypto.timingSafeEqual, hmac.compare_digest or hash_equals",
		run:   timing,
	}}
}

const (
	timingPairs  = 1500
	timingRounds = 3
	// timingScore is how many standard deviations from nothing each round has
	// to be: such a round comes by chance once in 10^9.
	timingScore = 6
)

func timing(t *trial) {
	switch kind, _, _ := strings.Cut(t.places.Scheme, "-"); {
	case kind == "hmac", kind == "digest", kind == "token", kind == "basic", strings.HasPrefix(t.places.Scheme, "jwt-hs"):
	default:
		t.skip("verifying with a public key compares nothing that is secret")
		return
	}
	e, ok := t.event()
	if !ok {
		return
	}
	first, ok1 := t.otherwise(e, raw(func(b []byte) []byte { b = bytes.Clone(b); b[0] ^= 1; return b }))
	last, ok2 := t.otherwise(e, raw(flipped))
	if !ok1 || !ok2 {
		t.skip("its signature is not in a header or a parameter")
		return
	}
	var difference time.Duration
	least := math.Inf(1)
	for range timingRounds {
		a, b, ok := t.samples(first, last)
		if !ok {
			t.skip("the connection does not stay open: the times of new ones say nothing")
			return
		}
		t.probes++
		score := rankScore(a, b)
		least = min(least, score)
		difference = median(b) - median(a)
		if score < timingScore {
			break
		}
	}
	t.result.Note = fmt.Sprintf("%d pairs in a round, at most %.1f standard deviations from chance", timingPairs, least)
	if least >= timingScore {
		t.flaw("events with signatures that are wrong at the end", last, answer{},
			"each of %d rounds of %d says that they take longer, by about %s, than those that are wrong at the beginning",
			timingRounds, timingPairs, difference.Round(100*time.Nanosecond))
	}
}

// samples measures both by turns on one connection.
func (t *trial) samples(first, last *event) (a, b []time.Duration, ok bool) {
	var conn net.Conn
	var in *bufio.Reader
	connect := func() bool {
		var err error
		if conn, err = t.dial(t.ctx); err != nil {
			return false
		}
		in = bufio.NewReader(conn)
		return true
	}
	if !connect() {
		return nil, nil, false
	}
	defer func() { _ = conn.Close() }()
	broken := 0
	for i := 0; i < timingPairs && t.ctx.Err() == nil; i++ {
		pair := [2]*event{first, last}
		if i%2 == 1 {
			pair[0], pair[1] = pair[1], pair[0]
		}
		var took [2]time.Duration
		good := true
		for j, e := range pair {
			answer := t.on(t.ctx, conn, in, e)
			took[j], good = answer.took, good && answer.err == nil
		}
		if !good {
			_ = conn.Close()
			if broken++; broken > timingPairs/20 || !connect() {
				return nil, nil, false
			}
			continue
		}
		if i%2 == 1 {
			took[0], took[1] = took[1], took[0]
		}
		a, b = append(a, took[0]), append(b, took[1])
	}
	return a, b, len(a) >= timingPairs*9/10
}

// rankScore says how far the ranks of b are above those of a, in standard
// deviations of what chance would do (Mann and Whitney's U).
func rankScore(a, b []time.Duration) float64 {
	type sample struct {
		took time.Duration
		ofB  bool
	}
	all := make([]sample, 0, len(a)+len(b))
	for _, d := range a {
		all = append(all, sample{d, false})
	}
	for _, d := range b {
		all = append(all, sample{d, true})
	}
	slices.SortFunc(all, func(x, y sample) int { return int(x.took - y.took) })
	var sum float64
	for i := 0; i < len(all); {
		j := i
		for j < len(all) && all[j].took == all[i].took {
			j++
		}
		rank := float64(i+j+1) / 2 // of all that are equal
		for ; i < j; i++ {
			if all[i].ofB {
				sum += rank
			}
		}
	}
	n, m := float64(len(a)), float64(len(b))
	u := sum - m*(m+1)/2
	return (u - n*m/2) / math.Sqrt(n*m*(n+m+1)/12)
}
