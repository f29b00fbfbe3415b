package gateway_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
)

// starter is a [gateway.Starter] that notes what is begun and waited for.
type starter struct {
	gateway.Publisher
	mu      sync.Mutex
	started []int
	waited  map[int]int
	panics  int // the index at which Start panics
}

func (s *starter) Start(ctx context.Context, e *gateway.Event) func() (gateway.Ack, error) {
	i := e.Part.Index
	if i == s.panics {
		panic(marker)
	}
	s.started = append(s.started, i) // by one goroutine
	return func() (gateway.Ack, error) {
		s.mu.Lock()
		s.waited[i]++
		s.mu.Unlock()
		return s.Publish(ctx, e)
	}
}

// TestBatchOrder: elements are begun in the order of the batch, and each is
// waited for once.
func TestBatchOrder(t *testing.T) {
	t.Parallel()
	const size, bad, broken = 500, 7, 9
	var items []string
	for i := range size {
		id := fmt.Sprintf(`"e%d"`, i)
		if i == bad {
			id = "{}"
		}
		items = append(items, `{"id":`+id+`}`)
	}
	s := &starter{waited: make(map[int]int), panics: broken}
	rt, pub, _ := newRoute(t, alter(func(c *gateway.Config) { s.Publisher, c.Publisher = c.Publisher, s }))
	res := post(t, rt, "d1", "["+strings.Join(items, ",")+"]")
	want := slices.DeleteFunc(seq(size), func(i int) bool { return i == bad || i == broken })
	if !slices.Equal(s.started, want) {
		t.Errorf("got started %v", s.started)
	}
	for _, i := range want {
		if s.waited[i] != 1 {
			t.Errorf("waited %d times for %d", s.waited[i], i)
		}
	}
	if n := res.Batch.Outcomes; res.Outcome != gateway.Internal || n[gateway.Accepted] != size-2 || n[gateway.Quarantined] != 1 || n[gateway.Internal] != 1 {
		t.Errorf("got %v, %v", res.Outcome, n)
	}
	if len(pub.Events()) != size-2 || len(pub.Quarantined()) != 1 {
		t.Errorf("got %d events, %d in quarantine", len(pub.Events()), len(pub.Quarantined()))
	}
}

func seq(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}
