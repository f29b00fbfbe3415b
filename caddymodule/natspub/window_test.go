package natspub

import (
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// TestWindow says what ids in the deduplication window cost a server: memory, and
// the time until a stream takes events after a restart. WINDOW_IDS is how many, as
// numbers with commas between them.
func TestWindow(t *testing.T) {
	counts := "20000"
	if text := os.Getenv("WINDOW_IDS"); text != "" {
		counts = text
	}
	for text := range strings.SplitSeq(counts, ",") {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatalf("WINDOW_IDS: %v", err)
		}
		t.Run(text, func(t *testing.T) { measureWindow(t, n) })
	}
}

func measureWindow(t *testing.T, n int) {
	dir := t.TempDir()
	options := func(o *server.Options) { o.SyncAlways = false } // its price is not what is measured
	s := runServer(t, dir, 0, options)
	p := ready(t, s.ClientURL(), onlyStream)
	before := heap()
	js, err := jetstream.New(p.cfg.Conn, jetstream.WithPublishAsyncMaxPending(2000))
	if err != nil {
		t.Fatal(err)
	}
	payload := []byte(strings.Repeat("x", 100))
	for i := range n {
		m := &nats.Msg{Subject: "wh.v1.acme.billing.x", Data: payload, Header: nats.Header{headerMsgID: {MsgID("acme", "billing", strconv.Itoa(i))}}}
		if _, err := js.PublishMsgAsync(m, jetstream.WithStallWait(10*time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	<-js.PublishAsyncComplete()
	if have := stored(t, p, "WEBHOOKS"); have != uint64(n) {
		t.Fatalf("%d events of %d", have, n)
	}
	cost := heap() - before
	s.Shutdown()
	s.WaitForShutdown()
	begin := time.Now()
	s, err = server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: dir, NoLog: true, NoSigs: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	go s.Start()
	if !s.ReadyForConnections(5 * time.Minute) {
		t.Fatal("the server is not ready")
	}
	q := newPublisher(t, s.ClientURL(), onlyStream)
	checkFor(t, 5*time.Minute, func() error {
		ack, err := q.Publish(within(t, 5*time.Second), testEvent("new", "{}"))
		if err == nil && ack.Sequence != uint64(n)+1 {
			t.Fatalf("%+v", ack)
		}
		return err
	})
	took := time.Since(begin)
	m := &nats.Msg{Subject: "wh.v1.acme.billing.x", Data: payload, Header: nats.Header{headerMsgID: {MsgID("acme", "billing", "0")}}}
	ack, err := q.js.PublishMsg(t.Context(), m)
	if err != nil || !ack.Duplicate {
		t.Errorf("the first id is forgotten: %+v, %v", ack, err)
	}
	each := float64(cost) / float64(n)
	t.Logf("%d ids: %d MiB of heap (%.0f bytes each, with what the stream itself keeps), a restart takes %.2f s", n, cost>>20, each, took.Seconds())
	if each > 3*bytesPerID {
		t.Errorf("an id costs %.0f bytes, and preflight counts %d", each, bytesPerID)
	}
}

// heap is what is in use after everything that can be freed is.
func heap() int64 {
	var m runtime.MemStats
	for range 3 {
		runtime.GC()
		time.Sleep(50 * time.Millisecond)
	}
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
