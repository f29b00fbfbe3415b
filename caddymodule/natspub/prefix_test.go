package natspub

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// TestAPIPrefix: JetStream that is asked elsewhere than at $JS.API, because it
// is that of a domain, or of another account: events are stored, duplicates
// proven and conflicts found.
func TestAPIPrefix(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, prefix, config, hub string }{
		{"domain", DomainPrefix("hub"), `
			jetstream { domain: edge, store_dir: "$DIR" }
			leafnodes { remotes: [{ url: "nats-leaf://$HUB" }] }
			authorization { users: [{ user: edge, password: p }] }`, `
			jetstream { domain: hub, store_dir: "$DIR" }
			leafnodes { listen: "$HUB" }`},
		{"account", "JS.HUB.API", `
			jetstream { store_dir: "$DIR" }
			accounts {
				HUB { jetstream: enabled, exports: [{ service: "$JS.API.>" }, { service: "wh.v1.>" }, { service: "wh-ops.v1.>" }, { service: "wh-replay.v1.>" }, { service: "$KV.>" }] }
				EDGE {
					users: [{ user: edge, password: p }]
					imports: [
						{ service: { account: HUB, subject: "$JS.API.>" }, to: "JS.HUB.API.>" }
						{ service: { account: HUB, subject: "wh.v1.>" } }
						{ service: { account: HUB, subject: "wh-ops.v1.>" } }
						{ service: { account: HUB, subject: "wh-replay.v1.>" } }
						{ service: { account: HUB, subject: "$KV.>" }, to: "JS.HUB.API.$KV.>" }
					]
				}
			}`, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			hub := ""
			if tt.hub != "" {
				hub = net.JoinHostPort("127.0.0.1", strconv.Itoa(freePort(t)))
				runConfigured(t, tt.hub, map[string]string{"HUB": hub})
			}
			s := runConfigured(t, tt.config, map[string]string{"HUB": hub})
			if hub != "" {
				checkFor(t, 10*time.Second, func() error {
					if s.NumLeafNodes() != 1 {
						return errors.New("the servers do not know each other")
					}
					return nil
				})
			}
			nc, err := Connect(ConnectConfig{URLs: []string{s.ClientURL()}, User: "edge", Password: "p"})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(nc.Close)
			checkFor(t, 10*time.Second, func() error { return nc.FlushTimeout(time.Second) })
			cfg := testStreams
			onlyStream(&cfg)
			cfg.Conn, cfg.APIPrefix = nc, tt.prefix
			forgetting(&cfg)
			p, err := New(cfg)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(p.Close)
			ctx := within(t, 20*time.Second)
			var found []Finding
			checkFor(t, 10*time.Second, func() error { found, err = p.Preflight(ctx); return err })
			for _, f := range found {
				if f.Severity != Note {
					t.Errorf("preflight: %s %s", f.Severity, f)
				}
			}
			for i, want := range []struct {
				body                string
				duplicate, conflict bool
			}{{`{"a":1}`, false, false}, {`{"a":1}`, true, false}, {`{"a":2}`, true, true}} {
				ack, err := p.Publish(ctx, testEvent("evt_1", want.body))
				if err != nil || ack.Duplicate != want.duplicate || ack.Conflict != want.conflict || ack.Sequence != 1 {
					t.Errorf("%d: got %+v, %v, want %+v", i, ack, err, want)
				}
			}
			operate(t, p, nc, tt.prefix)
			mustForget(t, p, testEvent("evt_1", ""))
			again := mustStore(t, p, delivery("evt_1", `{"a":1}`))
			p.ids.forget(time.Time{}, 0)
			mustRepeat(t, p, delivery("evt_1", `{"a":1}`), again, false)
			if err := p.ids.look(ctx); err != nil || p.ids.size() != 1 {
				t.Errorf("%d forgotten ids are known, %v", p.ids.size(), err)
			}
			local, err := jetstream.New(nc)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := local.Stream(within(t, 2*time.Second), "WEBHOOKS"); err == nil {
				t.Error("the stream is at the default prefix")
			}
		})
	}
}

// operate wants what is for operators to be there as well: operational events,
// whose stream is made first, and a replay.
func operate(t *testing.T, p *Publisher, nc *nats.Conn, prefix string) {
	t.Helper()
	o, err := NewOps(OpsConfig{
		Conn: nc, APIPrefix: prefix,
		Stream: StreamConfig{Name: "WEBHOOKS_OPS", Window: time.Hour, MaxAge: 24 * time.Hour, DropOldest: true, Create: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { o.Close(within(t, time.Second)) })
	o.Send(OpsEvent{Name: "drift"})
	checkFor(t, 10*time.Second, func() error {
		s, err := p.js.Stream(within(t, time.Second), "WEBHOOKS_OPS")
		if err != nil {
			return err
		}
		_, err = s.GetLastMsgForSubject(within(t, time.Second), "wh-ops.v1._._.drift")
		return err
	})
	r, err := NewReplayer(ReplayConfig{Conn: nc, APIPrefix: prefix})
	if err != nil {
		t.Fatal(err)
	}
	if st, err := r.start(within(t, 20*time.Second), ReplaySpec{Stream: "WEBHOOKS"}); err != nil || st.Sent != 1 {
		t.Errorf("replay: got %+v, %v", st, err)
	}
}

// runConfigured starts a server from the text of a configuration file, in which
// $DIR is a directory of its own.
func runConfigured(t *testing.T, text string, values map[string]string) *server.Server {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "nats.conf")
	text = os.Expand(text, func(name string) string {
		switch value, ok := values[name]; {
		case name == "DIR":
			return dir
		case ok:
			return value
		}
		return "$" + name
	})
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	opts, err := server.ProcessConfigFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return runServer(t, dir, 0, func(o *server.Options) {
		port := o.Port
		*o = *opts
		o.Host, o.Port, o.NoLog, o.NoSigs = "127.0.0.1", port, true, true
	})
}
