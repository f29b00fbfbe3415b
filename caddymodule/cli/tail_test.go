package cli_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/nats-io/nats.go"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/cli"
	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/natsembed"
	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/natspub"
)

// broker is an embedded server with a publisher, and an address for clients.
type broker struct {
	url string
	pub *natspub.Publisher
}

func startBroker(t *testing.T) *broker {
	t.Helper()
	s, err := natsembed.Start(natsembed.Config{StoreDir: t.TempDir(), Listen: "127.0.0.1:0", Readable: []string{"WEBHOOKS"}, SyncInterval: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := s.WaitReady(ctx); err != nil {
		t.Fatal(err)
	}
	user, password := s.Credentials()
	nc, err := nats.Connect("", nats.InProcessServer(s), nats.UserInfo(user, password))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	pub, err := natspub.New(natspub.Config{Conn: nc, Stream: natspub.StreamConfig{Name: "WEBHOOKS", Window: time.Hour, Create: true}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pub.Close)
	if _, err := pub.Preflight(ctx); err != nil {
		t.Fatal(err)
	}
	return &broker{"nats://" + s.Addr().String(), pub}
}

func (b *broker) publish(t *testing.T, source, id, body string) {
	t.Helper()
	_, err := b.pub.Publish(t.Context(), &gateway.Event{
		Tenant: "default", Source: source, Provider: "github", TypePrefix: "com.github", ID: id, HasID: true, Type: "push",
		IngestID: "i" + id, Received: time.Now(), Body: []byte(body), Digest: sha256.Sum256([]byte(body)), Trust: gateway.Verified, Dedupe: true,
	})
	if err != nil {
		t.Fatal(err)
	}
}

// payloads runs tail with JSON and returns what it has printed.
func payloads(t *testing.T, o cli.TailOptions) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	o.JSON = true
	var out bytes.Buffer
	if err := cli.Tail(ctx, &out, o); err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(out.String()) {
		var r struct {
			Subject string
			Seq     uint64
			Headers map[string][]string
			Payload string
			Base64  []byte `json:"payload_base64"`
		}
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("%v: %q", err, line)
		}
		if !strings.HasPrefix(r.Subject, "wh.v1.default.") || r.Seq == 0 || len(r.Headers["ce-id"]) != 1 {
			t.Errorf("got %+v, want subject, seq and headers", r)
		}
		got = append(got, r.Payload+string(r.Base64))
	}
	return strings.Join(got, " ")
}

func TestTail(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	b.publish(t, "rare", "r1", "rare1")
	b.publish(t, "rare", "r2", "rare2")
	middle := time.Now()
	for i := range 30 {
		b.publish(t, "a", fmt.Sprint(i), fmt.Sprint(i))
	}
	for name, tc := range map[string]struct {
		o    cli.TailOptions
		want string
	}{
		"last":          {cli.TailOptions{From: "last:3", Count: 3}, "27 28 29"},
		"count alone":   {cli.TailOptions{Count: 2}, "28 29"},
		"last, fewer":   {cli.TailOptions{From: "last:3", Count: 1}, "27"},
		"all":           {cli.TailOptions{From: "all", Count: 3}, "rare1 rare2 0"},
		"since":         {cli.TailOptions{From: middle.UTC().Format(time.RFC3339Nano), Count: 2}, "0 1"},
		"ago":           {cli.TailOptions{From: "1h", Count: 1}, "rare1"},
		"filter":        {cli.TailOptions{Subject: "wh.v1.default.rare.>", From: "last:1", Count: 1}, "rare2"},
		"filter, all":   {cli.TailOptions{Subject: "wh.v1.default.rare.>", From: "last:2", Count: 2}, "rare1 rare2"},
		"more than all": {cli.TailOptions{From: "last:500", Count: 2}, "rare1 rare2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tc.o.NATS = b.url
			if got := payloads(t, tc.o); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func TestTailFollows(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	b.publish(t, "a", "1", "old")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	out, in := io.Pipe()
	done := make(chan error, 1)
	go func() {
		done <- cli.Tail(ctx, in, cli.TailOptions{Reach: cli.Reach{Getenv: func(string) string { return b.url }}, JSON: true})
	}()
	lines := json.NewDecoder(out)
	for _, want := range []string{"old", "a\xff\x1b", "\u009b\x1b[2J\u202e\U000E0001"} {
		if want != "old" {
			b.publish(t, "a", fmt.Sprint(len(want)), want)
		}
		var r struct {
			Payload string
			Base64  []byte `json:"payload_base64"`
		}
		if err := lines.Decode(&r); err != nil {
			t.Fatal(err)
		}
		if got := r.Payload + string(r.Base64); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("at the end of the context: got %v, want no error", err)
	}
}

func TestTailForPeople(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	b.publish(t, "a", "id\x1b 1", `{"a":{"b":"`+"\u009b2J\u202e"+`","c":[1]}}`)
	b.publish(t, "a", "2", "plain\r\n\x1b]0;title\a\xff")
	b.publish(t, "a", "3", strings.Repeat("[", 9000)+strings.Repeat("]", 9000))
	var out bytes.Buffer
	if err := cli.Tail(t.Context(), &out, cli.TailOptions{Reach: cli.Reach{NATS: b.url}, From: "all", Count: 3, Headers: true}); err != nil {
		t.Fatal(err)
	}
	got := out.String()
	for _, want := range []string{
		"  wh.v1.default.a.push\n", `id id\u001b 1`, "type com.github.push", "trust verified", "\n  ce-whtrust: verified\n",
		"\n  {\n    \"a\": {\n      \"b\": \"\\u009b2J\\u202e\",", "\n  plain\\u000d\n  \\u001b]0;title\\u0007\\xff\n", "bytes more",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%.3000s", want, got)
		}
	}
	if strings.ContainsAny(got, "\x1b\r\a\u009b\u202e") || !utf8.ValidString(got) || len(got) > 20000 {
		t.Errorf("%d bytes, in which there are control characters or too much: %.3000q", len(got), got)
	}
}

func TestTailFails(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	for name, tc := range map[string]struct {
		o    cli.TailOptions
		want error
		text string
	}{
		"from":           {cli.TailOptions{From: "yesterday"}, cli.ErrUsage, "last:10"},
		"negative":       {cli.TailOptions{From: "last:-1"}, cli.ErrUsage, "last:10"},
		"count":          {cli.TailOptions{Count: -1}, cli.ErrUsage, "--count"},
		"two forms":      {cli.TailOptions{JSON: true, Raw: true}, cli.ErrUsage, "--raw"},
		"no server":      {cli.TailOptions{Reach: cli.Reach{NATS: "nats://u:hidden@127.0.0.1:1"}}, nats.ErrNoServers, "is the server running"},
		"no credentials": {cli.TailOptions{Reach: cli.Reach{Credentials: filepath.Join(t.TempDir(), "none")}}, nil, "reading the credentials"},
		"bad URL":        {cli.TailOptions{Reach: cli.Reach{NATS: "nats://u:hidden@127.0.0.1:x"}}, cli.ErrUsage, "not a URL"},
		"no stream":      {cli.TailOptions{Reach: cli.Reach{NATS: b.url}, Stream: "OTHER"}, cli.ErrUnreachable, "OTHER: nats: no responders available for request: is its name right"},
		"no gateway":     {cli.TailOptions{Reach: cli.Reach{Admin: "127.0.0.1:1"}}, cli.ErrUnreachable, "is Caddy running"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
			defer cancel()
			err := cli.Tail(ctx, io.Discard, tc.o)
			if err == nil || tc.want != nil && !errors.Is(err, tc.want) || !strings.Contains(err.Error(), tc.text) {
				t.Fatalf("got %v, want %v with %q", err, tc.want, tc.text)
			}
			if strings.Contains(err.Error(), "hidden") {
				t.Errorf("the error holds a password: %v", err)
			}
		})
	}
}
