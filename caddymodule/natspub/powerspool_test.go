//go:build linux

package natspub

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
	"github.com/caddy-webhooks/caddy-webhooks/integration/powercut"
)

// TestPowerLossSpool cuts the power of a gateway with a spool, of the server that it
// forwards to, or of both, each with a disk of its own: while events come, while
// they are forwarded, and again while what was left is forwarded afterwards. At the
// end of each round every event that was acknowledged must be at the server, once.
func TestPowerLossSpool(t *testing.T) {
	rounds := powerRoundsOf(t)
	s := newSpoolSite(t, powercut.New(t), powercut.New(t))
	got, cuts := s.cutOften(rounds, "always")
	t.Logf("%d rounds, %d cuts of the gateway and %d of the server: %s", rounds, cuts[0], cuts[1], got)
	got.mustBeClean(t)
	if rounds >= 20 && got.aside == 0 {
		t.Error("nothing was put into quarantine")
	}
	if got, _ := s.cutOften(2, "interval"); got.lost == 0 {
		t.Errorf("without syncs none of %d events was lost: the power was not cut", got.acked)
	}
}

// TestKilledSpool kills them instead.
func TestKilledSpool(t *testing.T) {
	t.Parallel()
	rounds := 2
	if n, _ := strconv.Atoi(os.Getenv("KILL_ROUNDS")); n > 0 {
		rounds = n
	}
	s := newSpoolSite(t, powercut.Dir(t), powercut.Dir(t))
	got, cuts := s.cutOften(rounds, "always")
	t.Logf("%d rounds, %d kills of the gateway and %d of the server: %s", rounds, cuts[0], cuts[1], got)
	got.mustBeClean(t)
}

// spoolSite is a gateway with a spool and a server, each on a machine of its own,
// and the network between them.
type spoolSite struct {
	t       *testing.T
	disks   [2]*powercut.Disk
	port    int
	network *proxy
	mode    string
	cuts    [2]int
	before  string // the name of the gateway before

	gateway, server *child // nil: off
}

const gatewaySide, serverSide = 0, 1

// drain is the name of a gateway that only forwards.
const drain = "drain"

func newSpoolSite(t *testing.T, gateway, server *powercut.Disk) *spoolSite {
	t.Helper()
	s := &spoolSite{t: t, disks: [2]*powercut.Disk{gateway, server}, port: freePort(t)}
	s.network = newProxy(t, "127.0.0.1:"+strconv.Itoa(s.port))
	return s
}

func (s *spoolSite) cutOften(rounds int, mode string) (sum toll, cuts [2]int) {
	s.t.Helper()
	s.mode, s.cuts = mode, [2]int{}
	var promised promises
	for round := range rounds {
		if round%20 == 0 {
			for _, d := range s.disks {
				d.Format()
			}
			promised = make(promises)
		}
		for _, d := range s.disks {
			d.Mount()
		}
		s.play(round, promised)
		there := s.read()
		promised.check(there, &sum)
		s.server.kill()
		for _, d := range s.disks {
			d.Unmount()
		}
	}
	return sum, s.cuts
}

// play is one round.
func (s *spoolSite) play(round int, promised promises) {
	s.t.Helper()
	late := round%4 == 3 // the server comes when the spool has something already
	if !late {
		s.startServer()
	}
	s.startGateway(fmt.Sprint(round, "k"))
	s.gateway.mustAck()
	pause(200)
	if round%5 == 4 { // another goes on, with what that one has written
		s.gateway.kill()
		promised.add(s.gateway.ackedBefore(time.Now()))
		s.startGateway(strconv.Itoa(round))
		s.gateway.mustAck()
	}
	pause(200)
	if late {
		s.startServer()
		pause(200)
	}
	cut := func(sides ...int) {
		if at, acked := s.cut(sides...); acked != nil {
			promised.add(acked.ackedBefore(at))
		}
	}
	switch round % 3 {
	case 0:
		cut(gatewaySide)
	case 1:
		cut(serverSide)
		pause(300)
		s.startServer()
		pause(300)
		cut(gatewaySide)
	case 2:
		cut(gatewaySide, serverSide)
		s.startServer()
	}
	// What is left is forwarded by a gateway that gets nothing new, and whose power
	// goes, or the server's, until it is let finish.
	for rand.IntN(2) == 0 {
		s.startGateway(drain)
		s.gateway.mustSay("open")
		pause(60)
		side := rand.IntN(2)
		cut(side)
		if side == serverSide {
			pause(100)
			s.startServer()
			pause(100)
			cut(gatewaySide)
		}
	}
	s.startGateway(drain)
	s.gateway.mustSay("drained")
	s.gateway.rest()
	s.gateway = nil
}

// pause waits for up to so many milliseconds.
func pause(most int) { time.Sleep(time.Duration(rand.IntN(most)) * time.Millisecond) }

func (s *spoolSite) startServer() {
	s.t.Helper()
	s.network.cut()
	s.server = newChild(s.t, s.disks[serverSide], fmt.Sprintf("target %s %d", s.mode, s.port))
	s.server.mustSay("open")
	s.network.swallow(false)
}

// startGateway starts one that publishes, and begins with what the one before had.
// With the name "drain" it only forwards.
func (s *spoolSite) startGateway(name string) {
	s.t.Helper()
	s.gateway = newChild(s.t, s.disks[gatewaySide], fmt.Sprintf("spool %s %s %s %s", s.mode, s.network.addr(), name, s.before))
	if name != drain {
		s.before = name
	}
}

// cut cuts the power of some, and starts their disks again. It returns when that
// was, and the gateway's process, if it was one of them. What a server says after
// that must not arrive, so that its network ends first.
func (s *spoolSite) cut(sides ...int) (at time.Time, gateway *child) {
	s.t.Helper()
	for _, side := range sides {
		s.cuts[side]++
		if side == serverSide {
			s.network.swallow(true)
		}
	}
	at = time.Now()
	for _, side := range sides {
		s.disks[side].Cut()
	}
	for _, side := range sides {
		if side == serverSide {
			s.server.kill()
		} else {
			gateway, s.gateway = s.gateway, nil
			gateway.kill()
		}
		s.disks[side].Unmount()
		s.disks[side].Mount()
	}
	return at, gateway
}

// read returns what the server has.
func (s *spoolSite) read() map[string]found {
	s.t.Helper()
	conn, err := Connect(ConnectConfig{URLs: []string{"nats://127.0.0.1:" + strconv.Itoa(s.port)}})
	if err != nil {
		s.t.Fatal(err)
	}
	defer conn.Close()
	cfg := testStreams
	cfg.Conn = conn
	p, err := New(cfg)
	if err != nil {
		s.t.Fatal(err)
	}
	defer p.Close()
	return parseFound(inventory(s.t, p, nil))
}

// playTarget is the server, in a process of its own.
func playTarget(t *testing.T, args []string) {
	port, err := strconv.Atoi(args[1])
	if err != nil {
		t.Fatal(err)
	}
	runServer(t, os.Getenv(powerDir), port, func(o *server.Options) {
		if args[0] == "interval" {
			o.SyncAlways, o.SyncInterval = false, time.Hour
		}
	})
	fmt.Println("open")
	select {} // until it is killed
}

// playSpool is a gateway with a spool. It publishes until it is killed, or only
// forwards what it has, and ends.
func playSpool(t *testing.T, args []string) {
	embedded, conn := embedded(t, "spool", args[0])
	cfg := testStreams
	cfg.Conn, cfg.Embedded, cfg.SyncAlways, cfg.Ready = conn, true, args[0] == "always", embedded.Ready
	cfg.Stage = embedded.Stage
	cfg.Stream, cfg.Unverified, cfg.Quarantine = cfg.Stream.Spooled(), cfg.Unverified.Spooled(), cfg.Quarantine.Spooled()
	local, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := local.Preflight(t.Context()); err != nil {
		t.Fatal(err)
	}
	s, err := NewSpool(t.Context(), SpoolConfig{Local: local})
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println("open")
	cfg = testStreams
	if cfg.Conn, err = Connect(ConnectConfig{URLs: []string{"nats://" + args[1]}}); err != nil {
		t.Fatal(err)
	}
	p, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	remote := make(chan struct{})
	go func() { // the server may be away
		defer close(remote)
		for {
			if _, err := p.Preflight(context.Background()); err == nil {
				break
			}
			time.Sleep(20 * time.Millisecond)
		}
		s.SetRemote(p)
	}()
	if args[2] == drain {
		<-remote
		drained(t, s)
		fmt.Println("drained")
		s.Close(context.Background())
		local.Close()
		if err := embedded.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		return
	}
	c := &player{t: t, name: args[2], before: strings.Join(args[3:], "")}
	sizes := []string{"{}", strings.Repeat("x", 5<<10), "{}", strings.Repeat("x", 100<<10)} // the store begins new files
	for worker := range 16 {
		to := gateway.Publisher(s.With(SpoolAlways))
		if worker%2 == 1 {
			to = s.With(SpoolOnOutage)
		}
		go c.work(to, strconv.Itoa(worker), func(id string) *gateway.Event {
			return of("s"+strconv.Itoa(worker%5), id, sizes[worker%len(sizes)])
		})
	}
	select {} // until it is killed
}
