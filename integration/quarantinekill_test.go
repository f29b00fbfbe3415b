package integration

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// desk is a gateway with a quarantine, and those who work on it.
type desk struct {
	t     *testing.T
	caddy *process
	dir   string
	addr  string // of the site
	admin string
	*senders
}

// deskConfig has one route whose schema is in dir/schemas.
const deskConfig = `{
	admin %s
	auto_https off
	persist_config off
	webhooks {
		nats %s
		spool off
		stream {
			preflight off
		}
	}
}
http://%s {
	webhooks /strict github {env.KILL_SECRET} {
		schema {
			dir %s
		}
	}
	respond 404
}
`

// newDesk starts a gateway on the server, with the schemas of a directory, which the
// test writes and mends.
func newDesk(t *testing.T, server, schemas string) *desk {
	t.Helper()
	dir := t.TempDir()
	d := &desk{t: t, dir: dir, addr: freeAddr(t), admin: freeAddr(t)}
	d.senders = newSenders("http://" + d.addr)
	file := filepath.Join(dir, "Caddyfile")
	if err := os.WriteFile(file, fmt.Appendf(nil, deskConfig, d.admin, server, d.addr, schemas), 0o600); err != nil {
		t.Fatal(err)
	}
	d.caddy = caddyProcess(dir, file, "KILL_SECRET="+killSecret)
	d.start()
	t.Cleanup(func() {
		d.caddy.kill()
		d.client.CloseIdleConnections()
		if text := d.caddy.log.String(); t.Failed() {
			t.Logf("the end of caddy's log:\n%s", text[max(0, len(text)-6000):])
		}
	})
	return d
}

func (d *desk) start() {
	d.t.Helper()
	d.caddy.start(d.t)
	waitFor(d.t, patience, "the quarantine can be read", func() error {
		_, err := d.list()
		return err
	})
}

// writeSchema writes the schema: events are numbers, so that one that wants strings
// refuses them.
func writeSchema(t *testing.T, dir, typ string) {
	t.Helper()
	text := fmt.Sprintf(`{"properties": {"event": {"type": %q}}}`, typ)
	if err := errors.Join(os.MkdirAll(dir, 0o700), os.WriteFile(filepath.Join(dir, "push.json"), []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
}

// deskResult is what became of one event.
type deskResult struct {
	Sequence uint64 `json:"sequence"`
	Result   string `json:"result"`
	Problem  string `json:"problem"`
}

type deskAnswer struct {
	Results []deskResult `json:"results"`
	Next    uint64       `json:"next"`
	Stopped string       `json:"stopped"`
}

// do has the gateway do something with events. No answer is an error.
func (d *desk) do(action string, request map[string]any) (deskAnswer, error) {
	var answer deskAnswer
	body, err := json.Marshal(request)
	if err != nil {
		return answer, err
	}
	err = d.ask(http.MethodPost, "/webhooks/quarantine/"+action, body, &answer)
	return answer, err
}

// list returns the sequences of what is in quarantine, in their order.
func (d *desk) list() ([]uint64, error) {
	var all []uint64
	for from := uint64(1); from > 0; {
		var page struct {
			Events []struct {
				Sequence uint64 `json:"sequence"`
			} `json:"events"`
			Next uint64 `json:"next"`
		}
		if err := d.ask(http.MethodGet, fmt.Sprintf("/webhooks/quarantine?limit=1000&from=%d", from), nil, &page); err != nil {
			return nil, err
		}
		for _, e := range page.Events {
			all = append(all, e.Sequence)
		}
		from = page.Next
	}
	return all, nil
}

func (d *desk) ask(method, path string, body []byte, into any) error {
	req, err := http.NewRequest(method, "http://"+d.admin+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Close = true
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%d %s", res.StatusCode, text)
	}
	return json.Unmarshal(text, into)
}

// fill sends events that the schema refuses, and returns their bodies by id.
func (d *desk) fill(n int) map[string][]byte {
	d.t.Helper()
	bodies := make(map[string][]byte)
	for i := range n {
		id := fmt.Sprintf("aside-%05d", i)
		bodies[id] = fmt.Appendf(nil, `{"event":%d}`, i)
		waitFor(d.t, patience, "the event is in quarantine", func() error {
			if status := d.post("/strict", id, bodies[id]); status != http.StatusOK {
				return fmt.Errorf("answered %d", status)
			}
			return nil
		})
	}
	if list, err := d.list(); err != nil || len(list) != n {
		d.t.Fatalf("%d events are in quarantine, want %d: %v", len(list), n, err)
	}
	return bodies
}

// published returns the ids in the stream in their order.
func published(t *testing.T, c *cluster) (ids []string) {
	t.Helper()
	c.each(t, "WEBHOOKS", func(h nats.Header, _ uint64) { ids = append(ids, h["ce-id"][0]) })
	return ids
}

// once checks that each of the events is in the stream once, and nothing else.
func once(t *testing.T, c *cluster, bodies map[string][]byte) {
	t.Helper()
	found := make(map[string]int)
	for _, id := range published(t, c) {
		found[id]++
		if bodies[id] == nil {
			t.Errorf("an event that nobody has sent: %s", id)
		}
	}
	for id := range bodies {
		if found[id] != 1 {
			t.Errorf("%s: %d messages, want 1", id, found[id])
		}
	}
}

// TestQuarantineKills kills the gateway while it lets events out of quarantine:
// when a message has just been stored and its original is still in quarantine, and
// at any other moment. Then the command is given again, and the sender sends the
// event again as well. Every event must be stored once. KILL_QUARANTINE_ROUNDS is
// how many kills.
func TestQuarantineKills(t *testing.T) {
	t.Parallel()
	rounds, each := 6, 3
	if text := os.Getenv("KILL_QUARANTINE_ROUNDS"); text != "" {
		var err error
		if rounds, err = strconv.Atoi(text); err != nil || rounds < 1 {
			t.Fatalf("KILL_QUARANTINE_ROUNDS: %q is not a number of rounds", text)
		}
	}
	c := startCluster(t, 1, "")
	schemas := filepath.Join(t.TempDir(), "schemas")
	writeSchema(t, schemas, "string")
	d := newDesk(t, strings.Join(c.urls, " "), schemas)
	// Some more where no kill has come at the right moment yet.
	most := max(rounds, 30)
	bodies := d.fill(most * each)
	d.caddy.kill()
	writeSchema(t, schemas, "integer")
	d.start()

	// Whoever consumes events sees them before they are removed from quarantine.
	seen := make(chan *nats.Msg, 1000)
	sub, err := c.conn.ChanSubscribe("wh.v1.>", seen)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	between, before, after := 0, 0, 0
	kills := 0
	for round := 0; round < rounds || between == 0 && round < most; round++ {
		kills++
		list, err := d.list()
		if err != nil {
			t.Fatal(err)
		}
		chosen := list[:min(each, len(list))]
		action, request := "retry", map[string]any{"sequences": chosen}
		if round%2 == 1 {
			action, request["reason"] = "release", "a test"
		}
		for len(seen) > 0 {
			<-seen
		}
		was := len(published(t, c))
		answered := make(chan error, 1)
		go func() { _, err := d.do(action, request); answered <- err }()
		if round%3 == 2 {
			time.Sleep(rand.N(8 * time.Millisecond))
		} else {
			for range 1 + rand.IntN(each) {
				select {
				case <-seen:
				case <-time.After(patience):
					t.Fatal("nothing is published")
				}
			}
			if round%3 == 1 {
				time.Sleep(rand.N(time.Millisecond))
			}
		}
		d.caddy.kill()
		<-answered
		now := len(published(t, c)) - was
		info, err := c.info("WEBHOOKS_QUARANTINE")
		if err != nil {
			t.Fatal(err)
		}
		kept := int(info.State.Msgs) - (len(list) - len(chosen))
		switch {
		case now+kept > len(chosen):
			between++ // one is in both
		case kept > 0:
			before++
		default:
			after++
		}
		d.start()
		// The sender's own retry may come first.
		if round%2 == 0 {
			for id, body := range bodies {
				if status := d.post("/strict", id, body); status != http.StatusOK {
					t.Errorf("the sender's retry of %s: %d", id, status)
				}
				break
			}
		}
		waitFor(t, patience, "the command is through", func() error {
			answer, err := d.do(action, request)
			if err != nil {
				return err
			}
			for _, r := range answer.Results {
				if r.Result == "failed" || r.Result == "kept" {
					return fmt.Errorf("%+v", r)
				}
			}
			return nil
		})
	}
	// What nobody has let out yet, and what its sender has sent again.
	answer, err := d.do("retry", map[string]any{"all": true, "rate": 10000})
	if err != nil || slices.ContainsFunc(answer.Results, func(r deskResult) bool { return r.Result != "duplicate" && r.Result != "published" }) {
		t.Errorf("the rest: %+v %v", answer, err)
	}
	if list, err := d.list(); err != nil || len(list) > 0 {
		t.Errorf("in quarantine: %v %v", list, err)
	}
	once(t, c, bodies)
	t.Logf("%d SIGKILLs: %d between publish and removal, %d with events left and none in both, %d after the last; %d events, each stored once",
		kills, between, before, after, len(bodies))
	if between == 0 {
		t.Error("no kill came between publish and removal: the test does not look at what it should")
	}
}

// TestQuarantineTwoOperators has two gateways of one cluster let out the same
// events at the same time, while the senders send them again.
func TestQuarantineTwoOperators(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 1, "")
	schemas := filepath.Join(t.TempDir(), "schemas")
	writeSchema(t, schemas, "string")
	const events = 60
	first := newDesk(t, strings.Join(c.urls, " "), schemas)
	bodies := first.fill(events)
	first.caddy.kill()
	writeSchema(t, schemas, "integer")
	first.start()
	second := newDesk(t, strings.Join(c.urls, " "), schemas)

	var mu sync.Mutex
	results := make(map[uint64][]string)
	var work sync.WaitGroup
	operate := func(d *desk, action string) {
		work.Go(func() {
			answer, err := d.do(action, map[string]any{"all": true, "rate": 10000, "reason": "a test"})
			if err != nil || answer.Stopped != "" || answer.Next != 0 {
				t.Errorf("%s: %+v %v", action, answer, err)
			}
			mu.Lock()
			defer mu.Unlock()
			for _, r := range answer.Results {
				results[r.Sequence] = append(results[r.Sequence], r.Result)
			}
		})
	}
	// The first third the operators have for themselves: their order stays.
	list, err := first.list()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range []*desk{first, second} {
		work.Go(func() {
			answer, err := d.do("release", map[string]any{"sequences": list[:events/3], "rate": 10000, "reason": "a test"})
			if err != nil || slices.ContainsFunc(answer.Results, func(r deskResult) bool { return r.Result == "failed" || r.Result == "kept" }) {
				t.Errorf("%+v %v", answer, err)
			}
		})
	}
	work.Wait()
	if ids := published(t, c); !slices.IsSorted(ids) || len(ids) != events/3 {
		t.Errorf("in another order, or not once: %v", ids)
	}
	// Now everybody at once, and each gateway has two operators.
	operate(first, "release")
	operate(second, "release")
	operate(first, "retry")
	operate(second, "retry")
	for _, d := range []*desk{first, second} {
		work.Go(func() {
			for id, body := range bodies {
				if status := d.post("/strict", id, body); status != http.StatusOK {
					t.Errorf("the sender's retry of %s: %d", id, status)
				}
			}
		})
	}
	work.Wait()
	for sequence, list := range results {
		n := 0
		for _, r := range list {
			switch r {
			case "published":
				n++
			case "duplicate", "gone":
			default:
				t.Errorf("%d: %s", sequence, r)
			}
		}
		if n > 1 {
			t.Errorf("%d was published %d times: %v", sequence, n, list)
		}
	}
	if list, err := second.list(); err != nil || len(list) > 0 {
		t.Errorf("in quarantine: %v %v", list, err)
	}
	once(t, c, bodies)
}

// TestQuarantineFullStream: what a full stream does not take stays in quarantine,
// in its order, until there is room. What was done and why is told.
func TestQuarantineFullStream(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 1, "")
	limit := jetstream.StreamConfig{
		Name: "WEBHOOKS", Subjects: []string{"wh.v1.>"}, Discard: jetstream.DiscardNew, MaxMsgs: 2, Duplicates: time.Hour, AllowDirect: true,
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, err := c.js.CreateStream(ctx, limit); err != nil {
		t.Fatal(err)
	}
	schemas := filepath.Join(t.TempDir(), "schemas")
	writeSchema(t, schemas, "string")
	d := newDesk(t, strings.Join(c.urls, " "), schemas)
	bodies := d.fill(6)
	list, err := d.list()
	if err != nil {
		t.Fatal(err)
	}
	release := func(action string, want ...string) {
		t.Helper()
		answer, err := d.do(action, map[string]any{"all": true, "reason": "the schema is wrong", "by": "alice"})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, r := range answer.Results {
			got = append(got, r.Result)
		}
		stopped := slices.Contains(want, "failed")
		if !slices.Equal(got, want) || (answer.Stopped != "") != stopped || (answer.Next != 0) != stopped {
			t.Errorf("%s: %+v, want %v", action, answer, want)
		}
		if stopped && !strings.Contains(answer.Stopped, "full") {
			t.Errorf("%s: it stopped because of: %s", action, answer.Stopped)
		}
	}
	release("release", "published", "published", "failed")
	release("release", "failed")
	d.caddy.kill()
	writeSchema(t, schemas, "integer")
	d.start()
	release("retry", "failed")
	if rest, err := d.list(); err != nil || !slices.Equal(rest, list[2:]) {
		t.Errorf("in quarantine: %v %v, want %v", rest, err, list[2:])
	}
	// The sender is not told that it has arrived either, though it is in quarantine.
	if status := d.post("/strict", "aside-00002", bodies["aside-00002"]); status != http.StatusServiceUnavailable {
		t.Errorf("the sender's retry: %d, want 503", status)
	}
	limit.MaxMsgs = 5
	if _, err := c.js.UpdateStream(ctx, limit); err != nil {
		t.Fatal(err)
	}
	release("retry", "published", "published", "published", "failed")
	if _, err := d.do("drop", map[string]any{"sequences": list[5:], "reason": "nobody wants it", "by": "bob"}); err != nil {
		t.Fatal(err)
	}
	if ids := published(t, c); !slices.Equal(ids, []string{"aside-00000", "aside-00001", "aside-00002", "aside-00003", "aside-00004"}) {
		t.Errorf("stored: %v", ids)
	}

	// The records.
	counts := make(map[string]int)
	info, err := c.info("WEBHOOKS_OPS")
	if err != nil {
		t.Fatal(err)
	}
	ops, err := c.js.Stream(ctx, "WEBHOOKS_OPS")
	if err != nil {
		t.Fatal(err)
	}
	for seq := info.State.FirstSeq; seq <= info.State.LastSeq; seq++ {
		m, err := ops.GetMsg(ctx, seq)
		if err != nil {
			t.Fatal(err)
		}
		name := m.Subject[strings.LastIndexByte(m.Subject, '.')+1:]
		counts[name]++
		var record struct {
			Sequence uint64 `json:"sequence"`
			Event    string `json:"event_id"`
			Result   string `json:"result"`
			Reason   string `json:"reason"`
			By       string `json:"by"`
		}
		if err := json.Unmarshal(m.Data, &record); err != nil {
			t.Fatal(err)
		}
		if name == "quarantine_drop" && (record.Sequence != list[5] || record.Event != "aside-00005" || record.Result != "dropped" ||
			record.Reason != "nobody wants it" || record.By != "bob") {
			t.Errorf("the record of the drop: %s", m.Data)
		}
	}
	if counts["quarantine_release"] != 2 || counts["quarantine_retry"] != 3 || counts["quarantine_drop"] != 1 {
		t.Errorf("records: %v", counts)
	}
}
