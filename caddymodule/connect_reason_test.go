package caddymodule_test

import (
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule"
)

// TestWrongPassword: that the servers refuse the login is what the operator is told,
// and not that they do not answer.
func TestWrongPassword(t *testing.T) {
	s := newSite(t)
	caddymodule.WaitAtStart(t, time.Second)
	addr := freeAddr(t)
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	srv, err := server.NewServer(&server.Options{Host: host, Port: n, Username: "gateway", Password: "right", NoSigs: true, NoLog: true})
	if err != nil {
		t.Fatal(err)
	}
	srv.Start()
	t.Cleanup(srv.Shutdown)
	if !srv.ReadyForConnections(10 * time.Second) {
		t.Fatal("the NATS server did not start")
	}
	t.Setenv("NATS_PASSWORD", "wrong-password")
	s.load("webhooks {\n\t\tnats nats://"+addr+" {\n\t\t\tuser gateway\n\t\t\tpassword {env.NATS_PASSWORD}\n\t\t}\n\t}", watchedSite)
	s.eventually("the reason in the log", func() bool {
		for _, line := range s.logged("preparing the streams") {
			text, _ := line["error"].(string)
			if strings.Contains(text, "wrong-password") {
				t.Fatalf("the log has the password: %s", text)
			}
			if strings.Contains(text, "Authorization Violation") {
				return true
			}
		}
		return false
	})
	s.eventually("the reason of health", func() bool {
		got := s.get("/health/ready")
		return got.status == 503 && strings.Contains(got.body, "Authorization Violation")
	})
}
