package natsembed_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/natsembed"
)

func start(t *testing.T, cfg natsembed.Config) *natsembed.Server {
	t.Helper()
	if cfg.StoreDir == "" {
		cfg.StoreDir = t.TempDir()
	}
	s, err := natsembed.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, s) })
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := s.WaitReady(ctx); err != nil {
		t.Fatal(err)
	}
	return s
}

func stop(t *testing.T, s *natsembed.Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Error(err)
	}
}

// gateway connects as the gateway does.
func gateway(t *testing.T, s *natsembed.Server) jetstream.JetStream {
	t.Helper()
	user, password := s.Credentials()
	return connect(t, "", nats.InProcessServer(s), nats.UserInfo(user, password))
}

func connect(t *testing.T, url string, opts ...nats.Option) jetstream.JetStream {
	t.Helper()
	nc, err := nats.Connect(url, append(opts, nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc, jetstream.WithDefaultTimeout(2*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	return js
}

var streams = []jetstream.StreamConfig{
	{Name: "WEBHOOKS", Subjects: []string{"wh.v1.>"}, Storage: jetstream.FileStorage, AllowDirect: true},
	{Name: "WEBHOOKS_QUARANTINE", Subjects: []string{"wh-quarantine.v1.>"}, Storage: jetstream.FileStorage, AllowDirect: true},
}

func createStreams(t *testing.T, js jetstream.JetStream) {
	t.Helper()
	for _, cfg := range streams {
		if _, err := js.CreateStream(t.Context(), cfg); err != nil {
			t.Fatal(err)
		}
	}
}

func messages(t *testing.T, js jetstream.JetStream, stream string) uint64 {
	t.Helper()
	s, err := js.Stream(t.Context(), stream)
	if err != nil {
		t.Fatal(err)
	}
	return s.CachedInfo().State.Msgs
}

func TestEventsSurviveARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := start(t, natsembed.Config{StoreDir: dir})
	js := gateway(t, s)
	createStreams(t, js)
	for range 10 {
		if _, err := js.Publish(t.Context(), "wh.v1.default.a.b", []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	stop(t, s)
	if got := messages(t, gateway(t, start(t, natsembed.Config{StoreDir: dir})), "WEBHOOKS"); got != 10 {
		t.Errorf("got %d messages after a restart, want 10", got)
	}
}

func TestClientsReadAndCannotWrite(t *testing.T) {
	t.Parallel()
	s := start(t, natsembed.Config{Listen: "127.0.0.1:0", Readable: []string{"WEBHOOKS"}})
	gw := gateway(t, s)
	createStreams(t, gw)
	for range 3 {
		if _, err := gw.Publish(t.Context(), "wh.v1.default.a.b", []byte("event")); err != nil {
			t.Fatal(err)
		}
	}
	js := connect(t, "nats://"+s.Addr().String())
	nc := js.Conn()

	t.Run("ordered consumer", func(t *testing.T) {
		c, err := js.OrderedConsumer(t.Context(), "WEBHOOKS", jetstream.OrderedConsumerConfig{FilterSubjects: []string{"wh.v1.default.>"}})
		if err != nil {
			t.Fatal(err)
		}
		fetch(t, c, 3)
	})
	t.Run("durable consumer", func(t *testing.T) {
		c, err := js.CreateConsumer(t.Context(), "WEBHOOKS", jetstream.ConsumerConfig{Durable: "worker", AckPolicy: jetstream.AckExplicitPolicy})
		if err != nil {
			t.Fatal(err)
		}
		fetch(t, c, 3)
		info, err := c.Info(t.Context())
		if err != nil || info.NumAckPending != 0 || info.AckFloor.Stream != 3 {
			t.Errorf("got %+v (%v), want 3 acknowledged", info, err)
		}
	})
	t.Run("single message", func(t *testing.T) {
		stream, err := js.Stream(t.Context(), "WEBHOOKS")
		if err != nil {
			t.Fatal(err)
		}
		m, err := stream.GetMsg(t.Context(), 2)
		if err != nil || string(m.Data) != "event" {
			t.Errorf("got %v (%v), want the event", m, err)
		}
	})

	attempts := map[string]func() error{
		"publish": func() error {
			_, err := js.Publish(t.Context(), "wh.v1.default.a.b", []byte("forged"))
			return err
		},
		"create a stream": func() error {
			_, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "MINE", Subjects: []string{"mine"}})
			return err
		},
		"delete a stream": func() error { return js.DeleteStream(t.Context(), "WEBHOOKS") },
		"purge": func() error {
			_, err := nc.Request("$JS.API.STREAM.PURGE.WEBHOOKS", nil, time.Second)
			return err
		},
		"read quarantine": func() error {
			_, err := js.OrderedConsumer(t.Context(), "WEBHOOKS_QUARANTINE", jetstream.OrderedConsumerConfig{})
			return err
		},
		"log in as the gateway": func() error {
			other, err := nats.Connect("nats://"+s.Addr().String(), nats.UserInfo("gateway", ""))
			if err == nil {
				other.Close()
			}
			return err
		},
	}
	for name, attempt := range attempts {
		t.Run(name, func(t *testing.T) {
			if err := attempt(); err == nil {
				t.Error("got no error")
			}
		})
	}
	// What JetStream could be made to publish in the client's place.
	t.Run("answers as events", func(t *testing.T) {
		for _, subject := range []string{"$JS.API.INFO", "$JS.API.STREAM.INFO.WEBHOOKS", "$JS.API.DIRECT.GET.WEBHOOKS", "$JS.API.CONSUMER.MSG.NEXT.WEBHOOKS.worker"} {
			if err := nc.PublishRequest(subject, "wh.v1.default.a.forged", []byte(`{"seq":1,"batch":1}`)); err != nil {
				t.Fatal(err)
			}
		}
		_, _ = nc.Request("$JS.API.CONSUMER.DURABLE.CREATE.WEBHOOKS.push",
			[]byte(`{"stream_name":"WEBHOOKS","config":{"durable_name":"push","deliver_subject":"wh.v1.default.a.forged","ack_policy":"none"}}`), time.Second)
		if err := nc.Flush(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(200 * time.Millisecond) // nothing must arrive, and there is no sign of nothing
	})
	for _, stream := range []string{"WEBHOOKS", "WEBHOOKS_QUARANTINE"} {
		want := uint64(0)
		if stream == "WEBHOOKS" {
			want = 3
		}
		if got := messages(t, gw, stream); got != want {
			t.Errorf("%s has %d messages, want %d", stream, got, want)
		}
	}
}

func fetch(t *testing.T, c jetstream.Consumer, want int) {
	t.Helper()
	batch, err := c.Fetch(want, jetstream.FetchMaxWait(5*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	got := 0
	for m := range batch.Messages() {
		if string(m.Data()) != "event" || m.Subject() != "wh.v1.default.a.b" {
			t.Errorf("got %q on %s", m.Data(), m.Subject())
		}
		if c.CachedInfo().Config.AckPolicy == jetstream.AckExplicitPolicy {
			if err := m.DoubleAck(t.Context()); err != nil {
				t.Errorf("acknowledging: %v", err)
			}
		}
		got++
	}
	if got != want || batch.Error() != nil {
		t.Errorf("got %d messages (%v), want %d", got, batch.Error(), want)
	}
}

func TestOneServerForOneDirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := start(t, natsembed.Config{StoreDir: dir})
	if _, err := natsembed.Start(natsembed.Config{StoreDir: dir}); !errors.Is(err, natsembed.ErrLocked) {
		t.Errorf("got %v, want ErrLocked", err)
	}
	stop(t, s)
	start(t, natsembed.Config{StoreDir: dir})
}

// A port that is taken must be an error and not the end of the process.
func TestPortTaken(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s, err := natsembed.Start(natsembed.Config{StoreDir: t.TempDir(), Listen: l.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	defer stop(t, s)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := s.WaitReady(ctx); !errors.Is(err, natsembed.ErrFailed) {
		t.Errorf("got %v, want ErrFailed", err)
	}
}

func TestConfigMistakes(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]natsembed.Config{
		"no directory":  {},
		"no port":       {StoreDir: t.TempDir(), Listen: "127.0.0.1"},
		"port is text":  {StoreDir: t.TempDir(), Listen: "127.0.0.1:nats"},
		"not writeable": {StoreDir: "/dev/null/x"},
	} {
		if _, err := natsembed.Start(cfg); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
}

// Ready is asked again and again while events arrive: it must not say no to a
// healthy server now and then.
func TestReadyIsSteady(t *testing.T) {
	t.Parallel()
	s := start(t, natsembed.Config{})
	for i := range 2000 {
		if err := s.Ready(); err != nil {
			t.Fatalf("look %d: %v", i, err)
		}
	}
}

// What the operator can do nothing about does not go into the log as a warning.
func TestQuietStart(t *testing.T) {
	t.Parallel()
	var text bytes.Buffer
	// The buffer is read when nobody writes any more.
	stop(t, start(t, natsembed.Config{Logger: slog.New(slog.NewTextHandler(&text, &slog.HandlerOptions{Level: slog.LevelWarn}))}))
	if text.Len() > 0 {
		t.Errorf("a healthy start warns:\n%s", text.String())
	}
}
