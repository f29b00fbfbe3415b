package integration

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// process is a program that a test starts, kills and starts again. Its output
// is collected over all its lives.
type process struct {
	name string
	args []string
	env  []string
	log  lockedBuffer
	cmd  *exec.Cmd
	done chan error
}

// caddyBin is the Caddy that is tested: that of CADDY_BIN, or this package's own.
func caddyBin() string {
	if bin := os.Getenv("CADDY_BIN"); bin != "" {
		return bin
	}
	return "caddy"
}

// caddyProcess is a Caddy, not yet started, that serves a Caddyfile and keeps
// everything in dir.
func caddyProcess(dir, file string, env ...string) *process {
	return &process{
		name: caddyBin(), args: []string{"run", "--config", file, "--adapter", "caddyfile"},
		env: append([]string{"HOME=" + dir, "XDG_DATA_HOME=" + dir, "XDG_CONFIG_HOME=" + dir}, env...),
	}
}

func (p *process) start(t *testing.T) {
	t.Helper()
	p.cmd = exec.Command(p.name, p.args...)
	p.cmd.Env = append(os.Environ(), p.env...)
	p.cmd.Stdout, p.cmd.Stderr = &p.log, &p.log
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("starting %s: %v", p.name, err)
	}
	cmd, done := p.cmd, make(chan error, 1)
	p.done = done
	go func() { done <- cmd.Wait(); close(done) }()
}

// kill ends the process without giving it time for anything.
func (p *process) kill() {
	_ = p.cmd.Process.Signal(syscall.SIGKILL)
	<-p.done
}

// stop ends it as an operator does.
func (p *process) stop(t *testing.T) {
	t.Helper()
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-p.done:
		if err != nil {
			t.Errorf("%s did not stop cleanly: %v", p.name, err)
		}
	case <-time.After(30 * time.Second):
		p.kill()
		t.Errorf("%s did not stop within 30 s of SIGTERM", p.name)
	}
}

// cluster is some nats-server processes that know each other; one alone is no
// cluster, and runs JetStream for itself.
type cluster struct {
	servers []*process
	urls    []string
	conn    *nats.Conn
	js      jetstream.JetStream
}

// startCluster starts that many servers, with settings of JetStream added to the
// configuration of each.
func startCluster(t *testing.T, size int, settings string) *cluster {
	t.Helper()
	c := &cluster{}
	var routes []string
	clients, peers := make([]string, size), make([]string, size)
	for i := range size {
		clients[i], peers[i] = freeAddr(t), freeAddr(t)
		routes = append(routes, "nats-route://"+peers[i])
	}
	for i := range size {
		dir := t.TempDir()
		text := fmt.Sprintf("server_name: n%d\nlisten: %q\njetstream { store_dir: %q, %s }\n", i, clients[i], filepath.Join(dir, "js"), settings)
		if size > 1 {
			text += fmt.Sprintf("cluster { name: c, listen: %q, routes: [%s] }\n", peers[i], strings.Join(routes, ", "))
		}
		file := filepath.Join(dir, "nats.conf")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		p := &process{name: "nats-server", args: []string{"-c", file}}
		p.start(t)
		c.servers = append(c.servers, p)
		c.urls = append(c.urls, "nats://"+clients[i])
		t.Cleanup(func() {
			p.kill()
			if t.Failed() {
				text := p.log.String()
				t.Logf("the end of the log of n%d:\n%s", i, text[max(0, len(text)-4000):])
			}
		})
	}
	var err error
	if c.conn, err = dialNATS(strings.Join(c.urls, ",")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.conn.Close)
	if c.js, err = jetstream.New(c.conn); err != nil {
		t.Fatal(err)
	}
	waitFor(t, patience, "JetStream answers", func() error {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_, err := c.js.AccountInfo(ctx)
		return err
	})
	return c
}

// leader returns which server leads the stream.
func (c *cluster) leader(stream string) (int, error) {
	info, err := c.info(stream)
	if err != nil {
		return 0, err
	}
	var i int
	if info.Cluster == nil || info.Cluster.Leader == "" {
		return 0, errors.New("the stream has no leader")
	}
	_, err = fmt.Sscanf(info.Cluster.Leader, "n%d", &i)
	return i, err
}

// whole returns nil when the stream has a leader and every server of it is up
// to date.
func (c *cluster) whole(stream string) error {
	info, err := c.info(stream)
	switch {
	case err != nil:
		return err
	case info.Cluster == nil || info.Cluster.Leader == "":
		return errors.New("the stream has no leader")
	case len(info.Cluster.Replicas) != len(c.servers)-1:
		return fmt.Errorf("the stream is on %d other servers", len(info.Cluster.Replicas))
	}
	for _, r := range info.Cluster.Replicas {
		if !r.Current || r.Offline {
			return fmt.Errorf("%s is behind", r.Name)
		}
	}
	return nil
}

func (c *cluster) info(stream string) (*jetstream.StreamInfo, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	s, err := c.js.Stream(ctx, stream)
	if err != nil {
		return nil, err
	}
	return s.CachedInfo(), nil
}

// each reads the whole stream, headers alone, and calls with each message's
// headers and sequence.
func (c *cluster) each(t *testing.T, stream string, call func(h nats.Header, seq uint64)) {
	t.Helper()
	info, err := c.info(stream)
	if err != nil {
		t.Fatal(err)
	}
	// Where a server has just come back, the request for a reader, or what the
	// reader asks for, may be answered by nobody: it begins anew.
	var last uint64
	for n, tries := uint64(0), 0; n < info.State.Msgs; tries++ {
		if tries == 10 {
			t.Fatalf("%d of %d messages could be read", n, info.State.Msgs)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		consumer, err := c.js.OrderedConsumer(ctx, stream, jetstream.OrderedConsumerConfig{
			HeadersOnly: true, DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: last + 1,
		})
		cancel()
		if err != nil {
			t.Logf("making a reader: %v", err)
			continue
		}
		messages, err := consumer.Messages()
		if err != nil {
			t.Fatal(err)
		}
		for n < info.State.Msgs {
			m, err := messages.Next(jetstream.NextMaxWait(10 * time.Second))
			if err != nil {
				break
			}
			meta, err := m.Metadata()
			if err != nil {
				t.Fatal(err)
			}
			last = meta.Sequence.Stream
			call(m.Headers(), last)
			n++
		}
		messages.Stop()
	}
}
