package gateway

import (
	"crypto/sha256"
	"strconv"
	"testing"
)

// The memory is bounded, remembers at least the last maxBodies, and tells tenants
// apart.
func TestBodyMemory(t *testing.T) {
	t.Parallel()
	m := newBodyMemory()
	key := func(i int) bodyKey {
		return bodyKey{tenant: "a", source: "s", digest: sha256.Sum256([]byte(strconv.Itoa(i)))}
	}
	const n = 5 * maxBodies
	for i := range n {
		if m.other(key(i), "first") {
			t.Fatalf("body %d is new", i)
		}
		if len(m.now)+len(m.old) > 2*maxBodies {
			t.Fatalf("%d bodies", len(m.now)+len(m.old))
		}
	}
	for i := n - maxBodies; i < n; i++ {
		if !m.other(key(i), "second") {
			t.Fatalf("body %d of %d is forgotten", i, n)
		}
	}
	if m.other(key(0), "second") {
		t.Error("the first body is remembered: what bounds the memory?")
	}
	other := key(n - 1)
	other.tenant = "b"
	if m.other(other, "second") {
		t.Error("a body of one tenant makes another's suspect")
	}
}

func BenchmarkBodyMemory(b *testing.B) {
	m := newBodyMemory()
	k := bodyKey{tenant: "tenant", source: "source"}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		k.digest = [32]byte{byte(i), byte(i >> 8), byte(i >> 16)}
		m.other(k, "an-id-of-some-length-0123456789")
	}
}
