package caddymodule_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// TestClientsOfTheListenerCannotForge: a client of the embedded server's
// address may make JetStream send what is in quarantine to a subject of its
// choice, and that must never become a verified event.
func TestClientsOfTheListenerCannotForge(t *testing.T) {
	s := newSite(t)
	schemas := filepath.Join(s.dir, "schemas")
	if err := os.Mkdir(schemas, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(schemas, "push.json"), []byte(`{"required":["ref"]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	natsAddr := freeAddr(t)
	s.load("webhooks {\n\t\tnats embedded {\n\t\t\tstore_dir "+filepath.Join(s.dir, "store")+"\n\t\t\tlisten "+natsAddr+"\n\t\t}\n\t}",
		"webhooks /github github {env.GITHUB_SECRET} {\n\t\tschema {\n\t\t\tdir "+schemas+"\n\t\t}\n\t}\n\t"+
			"webhooks /any generic {\n\t\tinsecure_skip_verify\n\t\tevent_type const push\n\t}\n\trespond 404")
	for path := range map[string]bool{"/github": true, "/any": true} {
		if got := s.post(path, "1", `{"forged":true}`, nil); got.status != 200 {
			t.Fatalf("%s: got %d %q", path, got.status, got.body)
		}
	}
	nc, err := nats.Connect("nats://" + natsAddr)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	stored := func(stream string) uint64 {
		t.Helper()
		h, err := js.Stream(t.Context(), stream)
		if err != nil {
			t.Fatal(err)
		}
		return h.CachedInfo().State.Msgs
	}
	for i, stream := range []string{"WEBHOOKS_QUARANTINE", "WEBHOOKS_UNVERIFIED"} {
		if got := stored(stream); got != 1 {
			t.Fatalf("%s: got %d messages, want 1", stream, got)
		}
		name := fmt.Sprintf("forger%d", i)
		_, err := nc.Request("$JS.API.CONSUMER.DURABLE.CREATE."+stream+"."+name, []byte(fmt.Sprintf(
			`{"stream_name":%q,"config":{"durable_name":%q,"deliver_subject":"wh.v1.default.github.push","ack_policy":"none"}}`, stream, name)), 2*time.Second)
		if err != nil {
			t.Logf("%s: the consumer was refused: %v", stream, err)
		}
		_ = nc.PublishRequest("$JS.API.DIRECT.GET."+stream, "wh.v1.default.github.push", []byte(`{"seq":1}`))
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	// Nothing must arrive, and there is no sign of nothing: an event of ours
	// that is published later has had the same way to go.
	if got := s.post("/github", "2", `{"ref":"main"}`, nil); got.status != 200 {
		t.Fatalf("got %d %q", got.status, got.body)
	}
	time.Sleep(500 * time.Millisecond)
	if got := stored("WEBHOOKS"); got != 1 {
		t.Errorf("got %d verified events, want only the one that was", got)
	}
}
