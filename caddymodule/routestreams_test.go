package caddymodule_test

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// TestRouteStreams: streams of routes whose tenants the request names, of routes
// that verify nothing, and on a further connection; with settings of their own and
// those of the stream of all.
func TestRouteStreams(t *testing.T) {
	s := newSite(t)
	first, second := freeAddr(t), freeAddr(t)
	runCluster(t, first)
	runCluster(t, second)
	for _, tenant := range []string{"acme", "other"} {
		if err := os.MkdirAll(filepath.Join(s.dir, "secrets", tenant), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(s.dir, "secrets", tenant, "code"), []byte(secret), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.load(`webhooks {
		nats nats://`+first+`
		spool off
		stream {
			max_age 3d
			preflight strict
		}
		route_stream CODE {
			max_age 2d
			duplicate_window 1d
		}
		route_stream OPEN
		route_stream UNUSED
		nats more nats://`+second+` {
			route_stream CODE {
				max_bytes 1GiB
			}
		}
	}`, `
		webhooks /t/*/code github {
			source code
			tenant {path.1}
			secrets_from dir `+s.dir+`/secrets/{tenant}/{source}
			publish {
				stream CODE
			}
		}
		webhooks /plain github {env.GITHUB_SECRET}
		webhooks /open github {
			source open
			insecure_skip_verify
			publish {
				stream OPEN
			}
		}
		webhooks /more github {env.GITHUB_SECRET} {
			source more
			publish {
				nats more
				stream CODE
			}
		}
		respond 404`)
	for path, id := range map[string]string{"/t/acme/code": "1", "/t/other/code": "2", "/plain": "3", "/open": "4", "/more": "5"} {
		if r := s.post(path, id, `{}`, nil); r.status != http.StatusOK {
			t.Errorf("%s: got %d %s", path, r.status, r.body)
		}
	}
	for _, want := range []struct {
		addr, stream, subjects string
		maxAge, window         time.Duration
		maxBytes               int64
		events                 uint64
	}{
		{first, "WEBHOOKS", "wh.v1.default.plain.>", 72 * time.Hour, 72 * time.Hour, -1, 1},
		{first, "CODE", "wh.v1.*.code.>", 48 * time.Hour, 24 * time.Hour, -1, 2},
		{first, "OPEN", "wh-unverified.v1.default.open.>", 72 * time.Hour, 72 * time.Hour, -1, 1},
		{second, "CODE", "wh.v1.default.more.>", 168 * time.Hour, 72 * time.Hour, 1 << 30, 1},
	} {
		c, state := streamConfig(t, want.addr, want.stream)
		if strings.Join(c.Subjects, " ") != want.subjects || c.MaxAge != want.maxAge || c.Duplicates != want.window || c.MaxBytes != want.maxBytes || state.Msgs != want.events {
			t.Errorf("%s: got %v, %v, %v, %d bytes, %d events, want %+v", want.stream, c.Subjects, c.MaxAge, c.Duplicates, c.MaxBytes, state.Msgs, want)
		}
	}
	for addr, want := range map[string][]string{first: {"CODE", "OPEN", "WEBHOOKS", "WEBHOOKS_QUARANTINE"}, second: {"CODE", "WEBHOOKS_QUARANTINE"}} {
		if got := streamNames(t, addr); !slices.Equal(got, want) {
			t.Errorf("got the streams %v, want %v", got, want)
		}
	}
}

func connect(t *testing.T, addr string) jetstream.JetStream {
	t.Helper()
	nc, err := nats.Connect("nats://" + addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

func streamConfig(t *testing.T, addr, name string) (jetstream.StreamConfig, jetstream.StreamState) {
	t.Helper()
	s, err := connect(t, addr).Stream(t.Context(), name)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return s.CachedInfo().Config, s.CachedInfo().State
}

// streamNames are those of streams of events, in order.
func streamNames(t *testing.T, addr string) []string {
	t.Helper()
	var names []string
	list := connect(t, addr).StreamNames(t.Context())
	for name := range list.Name() {
		if name != "WEBHOOKS_OPS" && !strings.Contains(name, "_WEBHOOKS_") { // which come a little later
			names = append(names, name)
		}
	}
	if list.Err() != nil {
		t.Fatal(list.Err())
	}
	slices.Sort(names)
	return names
}
