//go:build linux

package natspub

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/nats-io/nats.go"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/natsembed"
)

const (
	// powerRounds names the variable that asks for the test: it needs root, and
	// mounts a file system of its own.
	powerRounds = "POWER_LOSS_ROUNDS"
	// powerRole and powerDir tell the child what to do, and where.
	powerRole, powerDir = "POWER_LOSS_ROLE", "POWER_LOSS_DIR"

	// shutdownFS is FS_IOC_SHUTDOWN, and noLogFlush its argument by which nothing
	// that is not yet on disk gets there, not even the journal.
	shutdownFS, noLogFlush = 0x8004587d, 2
)

// TestPowerLoss cuts the power, as far as a file system can tell: it is shut down
// at a random moment while events are published, what was not synced is gone, the
// process is killed, and the store is opened again. Every event that was
// acknowledged must be there, once. With POWER_LOSS_ROUNDS=n it does so n times, and
// then a few times more with a server that does not sync, to see that it would
// notice.
func TestPowerLoss(t *testing.T) {
	rounds, _ := strconv.Atoi(os.Getenv(powerRounds))
	switch {
	case os.Getenv(powerRole) != "":
		playPower(t)
		return
	case rounds == 0:
		t.Skip("set " + powerRounds + ", as root, to cut the power of a file system that often")
	case os.Geteuid() != 0:
		t.Skip("mounting needs root")
	}
	for _, tool := range []string{"mkfs.ext4", "mount", "umount"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip(err)
		}
	}
	disk := newDisk(t)
	got := cutOften(t, disk, rounds, "always")
	t.Logf("%d rounds: %d events acknowledged, %d of them in batches, %d lost, %d doubled", rounds, got.acked, got.batched, got.lost, got.doubled)
	if got.lost > 0 || got.doubled > 0 {
		t.Errorf("%d events were lost, and %d doubled", got.lost, got.doubled)
	}
	if got.batched == 0 {
		t.Error("nothing was stored in batches")
	}
	if got := cutOften(t, disk, 3, "interval"); got.lost == 0 {
		t.Errorf("without syncs none of %d events was lost: the power was not cut", got.acked)
	}
}

// TestKilled kills the process at a random moment while events are published, in
// batches and one by one, and opens the store again.
func TestKilled(t *testing.T) {
	t.Parallel()
	rounds := 3
	if n, _ := strconv.Atoi(os.Getenv("KILL_ROUNDS")); n > 0 {
		rounds = n
	}
	got := cutOften(t, &disk{t: t, root: t.TempDir()}, rounds, "always")
	t.Logf("%d rounds: %d events acknowledged, %d of them in batches, %d lost, %d doubled", rounds, got.acked, got.batched, got.lost, got.doubled)
	if got.lost > 0 || got.doubled > 0 || got.acked == 0 || got.acked > 1000 && got.batched == 0 {
		t.Errorf("got %+v, want none lost or doubled, and some in batches", got)
	}
}

type toll struct{ acked, batched, lost, doubled int }

// cutOften cuts the power of a store, and of a new one every twenty times.
func cutOften(t *testing.T, d *disk, rounds int, mode string) (sum toll) {
	t.Helper()
	promised := make(map[string]bool)
	for round := range rounds {
		if round%20 == 0 {
			d.format()
			clear(promised)
		}
		d.mount()
		acked := cutPower(t, d, mode, round)
		sum.acked += len(acked)
		for _, id := range acked {
			promised[id] = true
		}
		d.unmount()
		d.mount()
		there := readBack(t, d, mode)
		for id := range promised {
			stored := there[id]
			switch {
			case stored.times == 0:
				sum.lost++
			case stored.times > 1:
				sum.doubled++
			}
		}
		for _, id := range acked {
			if there[id].batch {
				sum.batched++
			}
		}
		if sum.lost > 0 {
			clear(promised) // they are counted
		}
		d.unmount()
	}
	return sum
}

// cutPower publishes in a process of its own until the power goes, and returns the
// ids that were acknowledged before. Nobody is told anything after a power failure,
// whereas here the process goes on for a moment, in which the kernel may call what
// it has given up synced.
func cutPower(t *testing.T, d *disk, mode string, round int) []string {
	t.Helper()
	child, out := d.child(t, mode+" "+strconv.Itoa(round))
	type ack struct {
		id string
		at int64
	}
	var acks []ack
	var reading sync.WaitGroup
	begun := make(chan struct{})
	reading.Go(func() {
		for s := bufio.NewScanner(out); s.Scan(); {
			var a ack
			if _, err := fmt.Sscanf(s.Text(), "acked %s %d", &a.id, &a.at); err != nil {
				continue
			}
			if len(acks) == 0 {
				close(begun)
			}
			acks = append(acks, a)
		}
	})
	select {
	case <-begun:
	case <-time.After(30 * time.Second):
		t.Fatalf("round %d: nothing was acknowledged", round)
	}
	time.Sleep(time.Duration(rand.IntN(300)) * time.Millisecond)
	cut := time.Now().UnixNano()
	d.shutdown()
	_ = child.Process.Kill()
	reading.Wait()
	_ = child.Wait()
	var ids []string
	for _, a := range acks {
		if a.at < cut {
			ids = append(ids, a.id)
		}
	}
	return ids
}

// kept is how an event is stored.
type kept struct {
	times int
	batch bool
}

// readBack opens the store again and returns its events by id.
func readBack(t *testing.T, d *disk, mode string) map[string]kept {
	t.Helper()
	child, out := d.child(t, mode+" read")
	there := make(map[string]kept)
	for s := bufio.NewScanner(out); s.Scan(); {
		if id, ok := strings.CutPrefix(s.Text(), "there "); ok {
			id, batch, _ := strings.Cut(id, " ")
			there[id] = kept{there[id].times + 1, batch != ""}
		}
	}
	if err := child.Wait(); err != nil {
		t.Fatalf("opening the store again: %v", err)
	}
	return there
}

// playPower is the process whose power is cut, and the one that comes after.
func playPower(t *testing.T) {
	mode, role, _ := strings.Cut(os.Getenv(powerRole), " ")
	embed := natsembed.Config{StoreDir: filepath.Join(os.Getenv(powerDir), "store"), MaxStore: 256 << 20}
	if mode == "interval" {
		embed.SyncInterval = time.Hour
	}
	server, err := natsembed.Start(embed)
	if err != nil {
		t.Fatal(err)
	}
	if err := server.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	nc, err := nats.Connect("", nats.InProcessServer(server), nats.UserInfo(server.Credentials()))
	if err != nil {
		t.Fatal(err)
	}
	cfg := testStreams
	cfg.Conn, cfg.Embedded, cfg.SyncAlways = nc, true, mode == "always"
	p, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Preflight(t.Context()); err != nil {
		t.Fatal(err)
	}
	if role == "read" {
		readAll(t, p)
		return
	}
	var out sync.Mutex
	for worker := range 64 {
		go func() {
			for n := 0; ; n++ {
				id := fmt.Sprintf("%s-%d-%d", role, worker, n)
				ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
				_, err := p.Publish(ctx, testEvent(id, strings.Repeat("x", 200+worker*16)))
				cancel()
				if err != nil {
					time.Sleep(10 * time.Millisecond)
					continue
				}
				out.Lock()
				fmt.Printf("acked %s %d\n", id, time.Now().UnixNano())
				out.Unlock()
			}
		}()
	}
	select {} // until it is killed
}

func readAll(t *testing.T, p *Publisher) {
	t.Helper()
	s, err := p.js.Stream(t.Context(), "WEBHOOKS")
	if err != nil {
		t.Fatal(err)
	}
	state := s.CachedInfo().State
	for seq := state.FirstSeq; seq <= state.LastSeq && state.Msgs > 0; seq++ {
		m, err := s.GetMsg(t.Context(), seq)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Println("there " + m.Header.Get("ce-id") + " " + m.Header.Get("Nats-Batch-Id"))
	}
}

// disk is a file system in a file, or without an image just a directory.
type disk struct {
	t           *testing.T
	image, root string
	mounted     bool
}

func newDisk(t *testing.T) *disk {
	t.Helper()
	dir := t.TempDir()
	d := &disk{t: t, image: filepath.Join(dir, "image"), root: filepath.Join(dir, "root")}
	if err := os.Mkdir(d.root, 0o700); err != nil {
		t.Fatal(err)
	}
	d.format()
	if out, err := exec.Command("mount", "-o", "loop", d.image, d.root).CombinedOutput(); err != nil {
		t.Skipf("no loop devices here: %v %s", err, out)
	}
	d.mounted = true
	d.unmount()
	t.Cleanup(func() {
		if d.mounted {
			d.unmount()
		}
	})
	return d
}

func (d *disk) run(name string, args ...string) {
	d.t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		d.t.Fatalf("%s: %v: %s", name, err, out)
	}
}

func (d *disk) format() {
	d.t.Helper()
	if d.image == "" {
		if err := os.RemoveAll(filepath.Join(d.root, "store")); err != nil {
			d.t.Fatal(err)
		}
		return
	}
	_ = os.Remove(d.image)
	f, err := os.Create(d.image)
	if err != nil {
		d.t.Fatal(err)
	}
	if err := f.Truncate(512 << 20); err != nil {
		d.t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		d.t.Fatal(err)
	}
	d.run("mkfs.ext4", "-q", d.image)
}

func (d *disk) mount() {
	d.t.Helper()
	if d.image == "" {
		return
	}
	d.run("mount", "-o", "loop", d.image, d.root)
	d.mounted = true
}

func (d *disk) unmount() {
	d.t.Helper()
	if d.image == "" {
		return
	}
	d.mounted = false
	d.run("umount", d.root)
}

// shutdown lets nothing more get to the disk.
func (d *disk) shutdown() {
	d.t.Helper()
	if d.image == "" {
		return
	}
	f, err := os.Open(d.root)
	if err != nil {
		d.t.Fatal(err)
	}
	defer f.Close()
	flags := uint32(noLogFlush)
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, f.Fd(), shutdownFS, uintptr(unsafe.Pointer(&flags))); errno != 0 {
		d.t.Fatalf("shutting the file system down: %v", errno)
	}
}

// child starts this test again, in a role.
func (d *disk) child(t *testing.T, role string) (*exec.Cmd, io.Reader) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestPowerLoss$", "-test.count=1")
	cmd.Env = append(os.Environ(), powerRole+"="+role, powerDir+"="+d.root)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, out
}
