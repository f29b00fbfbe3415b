package natspub

import (
	"hash/fnv"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
)

// Partition returns which of n partitions, counted from 0, has the events with an
// order key. It is the function of NATS's own subject mapping, partition(n, …):
// the 32-bit FNV-1a hash of the key, modulo n. n must be above zero.
func Partition(key string, n int) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(key))
	return int(h.Sum32() % uint32(n)) //nolint:gosec // n is at most 1024
}

// partition is that of an event. One without an order key, for which there is no
// order to keep, is spread by what it is deduplicated by, so that it is in the
// same partition each time that it comes.
func partition(e *gateway.Event) int {
	key := e.OrderKey
	if key == "" {
		key = e.DedupeID()
	}
	return Partition(key, e.Partitions)
}

// partitions returns how many there are by the message's header; 0 means that
// the event's subject has no such token.
func partitions(h nats.Header) int {
	_, of, _ := strings.Cut(one(h, headerPartition), "/")
	n, err := strconv.Atoi(of)
	if err != nil || n < 1 {
		return 0
	}
	return n
}
