package natsembed_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/natsembed"
)

// TestJetStreamDoesNotActForClients: a consumer that pushes is one way to make
// JetStream publish in the streams' account, on any subject that somebody there
// listens to by exactly its name. Nobody does.
func TestJetStreamDoesNotActForClients(t *testing.T) {
	t.Parallel()
	s := start(t, natsembed.Config{Listen: "127.0.0.1:0", Readable: []string{"WEBHOOKS", "WEBHOOKS_QUARANTINE"}})
	gw := gateway(t, s)
	createStreams(t, gw)
	for _, subject := range []string{"wh.v1.default.a.b", "wh-quarantine.v1.default.a.schema"} {
		if _, err := gw.Publish(t.Context(), subject, []byte(`{}`)); err != nil {
			t.Fatal(err)
		}
	}
	nc := connect(t, "nats://"+s.Addr().String()).Conn()
	if _, err := nc.SubscribeSync("wh.v1.>"); err != nil {
		t.Fatal(err)
	}
	for i, tt := range []struct{ stream, subject string }{
		{"WEBHOOKS_QUARANTINE", "wh.v1.default.a.forged"},
		{"WEBHOOKS", "wh-quarantine.v1.default.a.forged"},
		{"WEBHOOKS", "$JS.API.STREAM.PURGE.WEBHOOKS"},
		{"WEBHOOKS", "$JS.API.STREAM.DELETE.WEBHOOKS_QUARANTINE"},
		{"WEBHOOKS_QUARANTINE", "$JS.API.STREAM.PURGE.WEBHOOKS"},
	} {
		name := fmt.Sprintf("push%d", i)
		if _, err := nc.SubscribeSync(tt.subject); err != nil {
			t.Fatal(err)
		}
		m, err := nc.Request("$JS.API.CONSUMER.DURABLE.CREATE."+tt.stream+"."+name,
			fmt.Appendf(nil, `{"stream_name":%q,"config":{"durable_name":%q,"deliver_subject":%q,"ack_policy":"none"}}`, tt.stream, name, tt.subject), 5*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		c, err := gw.PushConsumer(t.Context(), tt.stream, name)
		if err != nil {
			t.Fatalf("%s to %s: %v, %s", tt.stream, tt.subject, err, m.Data)
		}
		if info := c.CachedInfo(); info.PushBound || info.Delivered.Consumer != 0 {
			t.Errorf("%s to %s: it delivers, want nobody to listen", tt.stream, tt.subject)
		}
	}
	for _, cfg := range streams {
		if got := messages(t, gw, cfg.Name); got != 1 {
			t.Errorf("%s: got %d messages, want 1", cfg.Name, got)
		}
	}
	info, err := gw.Conn().Request("$JS.API.STREAM.NAMES", nil, 5*time.Second)
	if err != nil || !strings.Contains(string(info.Data), `"total":2`) {
		t.Errorf("got %s, %v, want two streams", info.Data, err)
	}
}
