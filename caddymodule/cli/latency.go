package cli

import (
	"math"
	"math/bits"
	"time"
)

// Latency is how long answers took, in milliseconds. Min and Max are exact, and the
// others at most 1 % too long.
type Latency struct {
	Min float64 `json:"min"`
	P50 float64 `json:"p50"`
	P90 float64 `json:"p90"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

// subBuckets is into how many parts each power of two is divided.
const (
	subBits    = 7
	subBuckets = 1 << subBits
)

// A histogram counts durations in buckets whose width is a fixed part of the
// duration, so that it takes the same memory for any number of them.
type histogram struct {
	count    int64
	min, max time.Duration
	buckets  [(64 - subBits) * subBuckets]int64
}

func (h *histogram) add(d time.Duration) {
	d = max(d, 1)
	if h.count == 0 || d < h.min {
		h.min = d
	}
	h.max = max(h.max, d)
	h.count++
	h.buckets[bucket(uint64(d))]++
}

// bucket returns the index for a duration: the first ones are a nanosecond wide.
func bucket(d uint64) int {
	if d < subBuckets {
		return int(d)
	}
	shift := bits.Len64(d) - subBits - 1
	return (shift+1)<<subBits + int(d>>shift) - subBuckets //nolint:gosec // it is small
}

// upper returns the longest duration of a bucket.
func upper(i int) time.Duration {
	if i < subBuckets {
		return time.Duration(i)
	}
	shift := i>>subBits - 1
	return time.Duration((int64(i&(subBuckets-1)+subBuckets)+1)<<shift - 1)
}

func (h *histogram) merge(other *histogram) {
	if other.count == 0 {
		return
	}
	if h.count == 0 || other.min < h.min {
		h.min = other.min
	}
	h.max = max(h.max, other.max)
	h.count += other.count
	for i, n := range other.buckets {
		h.buckets[i] += n
	}
}

// quantile returns the duration that a share of all does not exceed.
func (h *histogram) quantile(share float64) time.Duration {
	rank := max(1, int64(math.Ceil(share*float64(h.count))))
	for i, n := range h.buckets {
		if rank -= n; rank <= 0 {
			return max(h.min, min(h.max, upper(i)))
		}
	}
	return h.max
}

func (h *histogram) summary() Latency {
	if h.count == 0 {
		return Latency{}
	}
	return Latency{
		Min: millis(h.min), P50: millis(h.quantile(0.5)), P90: millis(h.quantile(0.9)), P99: millis(h.quantile(0.99)), Max: millis(h.max),
	}
}

// millis is a duration in milliseconds, to the microsecond.
func millis(d time.Duration) float64 { return math.Round(float64(d)/1e3) / 1e3 }
