package caddymodule_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const watchedSite = "webhooks /github github {env.GITHUB_SECRET} {\n\t\tspool off\n\t}\n\twebhooks_health /health/*\n\thandle /metrics {\n\t\tmetrics\n\t}\n\trespond 404"

func watched(addr, mode string) string {
	return "metrics\n\twebhooks {\n\t\tnats nats://" + addr + "\n\t\tpreflight_interval 1s\n\t\tstream {\n\t\t\tpreflight " + mode + "\n\t\t}\n\t}"
}

func (s *site) get(path string) response {
	s.Helper()
	req, err := http.NewRequest(http.MethodGet, "http://"+s.addr+path, nil)
	if err != nil {
		s.Fatal(err)
	}
	return s.do(req)
}

func (s *site) jetstream(addr string) jetstream.JetStream {
	s.Helper()
	nc, err := nats.Connect("nats://" + addr)
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		s.Fatal(err)
	}
	return js
}

// discard changes the stream as its owner may at any time.
func (s *site) discard(js jetstream.JetStream, policy jetstream.DiscardPolicy) {
	s.Helper()
	stream, err := js.Stream(s.Context(), "WEBHOOKS")
	if err != nil {
		s.Fatal(err)
	}
	cfg := stream.CachedInfo().Config
	cfg.Discard = policy
	if _, err := js.UpdateStream(s.Context(), cfg); err != nil {
		s.Fatal(err)
	}
}

// TestStreamChangedWhileRunning: a stream that stops to keep what the gateway
// promises is noticed. With `strict` its events are refused until it keeps it
// again, and with `warn` they are not.
func TestStreamChangedWhileRunning(t *testing.T) {
	for _, mode := range []string{"strict", "warn"} {
		t.Run(mode, func(t *testing.T) {
			s := newSite(t)
			addr := freeAddr(t)
			runCluster(t, addr)
			s.load(watched(addr, mode), watchedSite)
			js := s.jetstream(addr)
			if got := s.post("/github", "1", "{}", nil); got.status != 200 {
				t.Fatalf("got %d %s", got.status, got.body)
			}
			if got := s.get("/health/ready"); got.status != 200 || !strings.Contains(got.body, `"status":"ready"`) || !strings.Contains(got.body, "a 2xx means that one server has the event") {
				t.Errorf("got %d %s, want ready, and what a 2xx is worth", got.status, got.body)
			}

			s.discard(js, jetstream.DiscardOld)
			s.eventually("the finding in the log", func() bool {
				for _, line := range s.logged("preflight") {
					if line["level"] == "error" && strings.Contains(line["finding"].(string), "drops events that were acknowledged") {
						return strings.Contains(line["cure"].(string), "nats stream edit WEBHOOKS --discard new")
					}
				}
				return false
			})
			if mode == "warn" {
				if got := s.post("/github", "2", "{}", nil); got.status != 200 {
					t.Errorf("got %d %s, want it accepted", got.status, got.body)
				}
				s.eventually("the warning", func() bool {
					got := s.get("/health/ready")
					return got.status == 200 && strings.Contains(got.body, `"warnings":["stream WEBHOOKS: when it is full`)
				})
				s.metric(`caddy_webhooks_preflight_findings{connection="default",severity="fatal",stream="WEBHOOKS"} 1`)
				return
			}
			s.eventually("a refusal", func() bool { return s.post("/github", "2", "{}", nil).status == 503 })
			got := s.post("/github", "2", "{}", nil)
			if got.status != 503 || got.header.Get("Retry-After") == "" {
				t.Errorf("got %d %v, want 503 and Retry-After", got.status, got.header)
			}
			for _, path := range []string{"/health/ready", "/health/sources/github", "/health/sources/default/github"} {
				if got := s.get(path); got.status != 503 || !strings.Contains(got.body, "drops events that were acknowledged") {
					t.Errorf("%s: got %d %s, want 503 and the reason", path, got.status, got.body)
				}
			}
			if got := s.get("/health/live"); got.status != 200 {
				t.Errorf("live: got %d, want 200", got.status)
			}
			s.metric(`caddy_webhooks_stream_refused{connection="default",stream="WEBHOOKS"} 1`)
			s.metric(`caddy_webhooks_broker_ready{connection="default"} 1`)

			s.discard(js, jetstream.DiscardNew)
			s.eventually("events to be taken again", func() bool { return s.post("/github", "2", "{}", nil).status == 200 })
			s.eventually("ready", func() bool { return s.get("/health/ready").status == 200 })
			for _, message := range []string{"events are refused", "events are taken again", "preflight: mended"} {
				if got := len(s.logged(message)); got != 1 {
					t.Errorf("got %q %d times in the log, want once", message, got)
				}
			}
			s.metric(`caddy_webhooks_stream_refused{connection="default",stream="WEBHOOKS"} 0`)
		})
	}
}

// metric wants a line among the metrics.
func (s *site) metric(line string) {
	s.Helper()
	if got := s.get("/metrics").body; !strings.Contains(got, "\n"+line+"\n") {
		s.Errorf("got no %s", line)
	}
}

// TestStreamDeletedWhileRunning: it is made again, and the log says what was
// lost.
func TestStreamDeletedWhileRunning(t *testing.T) {
	s := newSite(t)
	addr := freeAddr(t)
	runCluster(t, addr)
	s.load(watched(addr, "strict"), watchedSite)
	js := s.jetstream(addr)
	if got := s.post("/github", "1", "{}", nil); got.status != 200 {
		t.Fatalf("got %d %s", got.status, got.body)
	}
	if err := js.DeleteStream(t.Context(), "WEBHOOKS"); err != nil {
		t.Fatal(err)
	}
	s.eventually("events to be taken again", func() bool { return s.post("/github", "2", "{}", nil).status == 200 })
	s.eventually("a word about it", func() bool {
		for _, line := range s.logged("preflight") {
			if line["level"] == "error" && strings.Contains(line["finding"].(string), "did not exist and has been created") {
				return true
			}
		}
		return false
	})
}

// TestHealthWithoutBroker: what is not ready is said, with the reason; a source
// whose events are kept on this machine is ready all the same.
func TestHealthWithoutBroker(t *testing.T) {
	s := newSite(t)
	addr := freeAddr(t)
	s.load("webhooks {\n\t\tnats nats://"+addr+"\n\t}", "webhooks /github github {env.GITHUB_SECRET} {\n\t\tspool off\n\t}\n\twebhooks /kept github {env.GITHUB_SECRET} {\n\t\tsource kept\n\t\tspool on_outage\n\t}\n\twebhooks_health /health/*\n\trespond 404")
	for _, tt := range []struct {
		path   string
		status int
		says   string
	}{
		{"/health/live", 200, "live"},
		{"/health/ready", 503, "the connection is"},
		{"/health/sources/github", 503, "not ready"},
		{"/health/sources/kept", 200, "ready"},
		{"/health/sources/default/kept", 200, "ready"},
		{"/health/sources/other/kept", 404, ""},
		{"/health/sources/none", 404, ""},
		{"/health/", 404, ""},
	} {
		s.eventually(tt.path, func() bool {
			got := s.get(tt.path)
			return got.status == tt.status && strings.Contains(got.body, tt.says)
		})
	}
	req, err := http.NewRequest(http.MethodPost, "http://"+s.addr+"/health/ready", nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := s.do(req); got.status != 405 {
		t.Errorf("POST: got %d, want 405", got.status)
	}
	runCluster(t, addr)
	s.eventually("ready", func() bool { return s.get("/health/ready").status == 200 })
}
