//go:build linux

package natspub

import (
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/integration/powercut"
)

const (
	// powerRounds names the variable that asks for these tests: they need root, and
	// mount file systems of their own.
	powerRounds = "POWER_LOSS_ROUNDS"
	// powerRole and powerDir tell a child what to do, and where.
	powerRole, powerDir = "POWER_LOSS_ROLE", "POWER_LOSS_DIR"
)

// roles are what a child can be: the process whose power is cut, or the one that
// reads what it has left.
var roles = map[string]func(*testing.T, []string){
	"events": playEvents,
	"bodies": playBodies,
	"target": playTarget,
	"spool":  playSpool,
}

// TestPowerLoss cuts the power, as far as a file system can tell: it is shut down
// at a random moment while events are published, what was not synced is gone, the
// process is killed, and the store is opened again. Every event that was
// acknowledged must be there, once, though memory, in which batches are staged, is
// lost as well: in its stream, or in quarantine if it went there, from which others
// are released meanwhile, and where samples make room for samples. With POWER_LOSS_ROUNDS=n it does so n times, and then a few times more
// with a server that does not sync, to see that it would notice.
func TestPowerLoss(t *testing.T) {
	if role := strings.Fields(os.Getenv(powerRole)); len(role) > 0 {
		go func() { // nobody is left behind
			_, _ = io.Copy(io.Discard, os.Stdin)
			os.Exit(1)
		}()
		roles[role[0]](t, role[1:])
		return
	}
	rounds := powerRoundsOf(t)
	disk := powercut.New(t)
	got := cutOften(t, disk, "events always", rounds)
	t.Logf("%d rounds: %s", rounds, got)
	got.mustBeClean(t)
	if got.batched == 0 || rounds >= 20 && (got.aside == 0 || got.released == 0) {
		t.Error("nothing was stored in batches, put into quarantine, or released from it")
	}
	if got := cutOften(t, disk, "events interval", 3); got.lost == 0 {
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
	got := cutOften(t, powercut.Dir(t), "events always", rounds)
	t.Logf("%d rounds: %s", rounds, got)
	got.mustBeClean(t)
	if got.acked > 1000 && got.batched == 0 {
		t.Error("nothing was stored in batches")
	}
}

// TestPowerLossAfterKill kills a process that has written events and not synced them,
// has another one open the store, which calls copies of them duplicates from then on,
// and cuts the power. What the second one had found must be there. One that does not
// sync loses it: otherwise this would prove nothing.
func TestPowerLossAfterKill(t *testing.T) {
	powerRoundsOf(t)
	disk := powercut.New(t)
	for _, next := range []string{"interval", "always"} {
		disk.Format()
		disk.Mount()
		first := newChild(t, disk, "events interval 0")
		first.mustAck()
		time.Sleep(100 * time.Millisecond)
		first.kill()
		found := readBack(t, disk, "events "+next)
		disk.Cut()
		disk.Unmount()
		disk.Mount()
		there := readBack(t, disk, "events "+next)
		disk.Unmount()
		lost := 0
		for key := range found {
			if there[key].times == 0 {
				lost++
			}
		}
		t.Logf("sync %s: of %d events that were found %d are lost", next, len(found), lost)
		if (lost > 0) != (next == "interval") || len(found) == 0 {
			t.Errorf("sync %s: of %d events that were found %d are lost", next, len(found), lost)
		}
	}
}

// powerRoundsOf returns how often the power is to be cut, or skips the test.
func powerRoundsOf(t *testing.T) int {
	t.Helper()
	rounds, _ := strconv.Atoi(os.Getenv(powerRounds))
	if rounds == 0 {
		t.Skip("set " + powerRounds + ", as root, to cut the power of a file system that often")
	}
	return rounds
}

// toll is what cutting the power has cost.
type toll struct {
	acked, lost, doubled     int
	broken                   int // their body is not there, or is another's
	batched, aside, released int // of those that were acknowledged
	problems                 []string
}

func (n toll) String() string {
	return fmt.Sprintf("%d acknowledged (%d in batches, %d in quarantine, %d released from it), %d lost, %d doubled, %d without their body",
		n.acked, n.batched, n.aside, n.released, n.lost, n.doubled, n.broken)
}

func (n toll) mustBeClean(t *testing.T) {
	t.Helper()
	if n.lost > 0 || n.doubled > 0 || n.broken > 0 || n.acked == 0 {
		t.Errorf("got %s:\n%s", n, strings.Join(n.problems[:min(len(n.problems), 20)], "\n"))
	}
}

// cutOften cuts the power of a store, and of a new one every twenty times. Before
// every third cut the process is killed first, and another goes on: what that one
// finds written need not be synced. Each begins with what the one before had, as
// senders do that got no answer.
func cutOften(t *testing.T, d *powercut.Disk, role string, rounds int) (sum toll) {
	t.Helper()
	var promised promises
	before := ""
	for round := range rounds {
		if round%20 == 0 {
			d.Format()
			promised = make(promises)
		}
		d.Mount()
		for _, name := range []string{fmt.Sprint(round, "k"), strconv.Itoa(round)} {
			killed := strings.HasSuffix(name, "k")
			if killed && round%3 != 2 {
				continue
			}
			child := newChild(t, d, role+" "+name+" "+before)
			child.mustAck()
			time.Sleep(time.Duration(rand.IntN(300)) * time.Millisecond)
			end := time.Now()
			if !killed {
				d.Cut()
			}
			child.kill()
			promised.add(child.ackedBefore(end))
			before = name
		}
		d.Unmount()
		d.Mount()
		promised.check(readBack(t, d, role), &sum)
		d.Unmount()
	}
	return sum
}

// promises are what was acknowledged, by stream and id, and whether it is counted.
type promises map[string]bool

func (p promises) add(acked []string) {
	for _, key := range acked {
		p[key] = p[key] || false
	}
}

// check compares what was promised with what is there. What is lost is counted
// once. What was in quarantine may have been released.
func (p promises) check(there map[string]found, sum *toll) {
	for key, counted := range p {
		stream, id, _ := strings.Cut(key, " ")
		aside := stream == testStreams.Quarantine.Name
		in := there[key]
		if in.times == 0 && (!aside || there[testStreams.Stream.Name+" "+id].times == 0) {
			sum.lost++
			sum.problems = append(sum.problems, fmt.Sprintf("lost: %s", key))
			delete(p, key)
		}
		if counted {
			continue
		}
		p[key] = true
		sum.acked++
		switch {
		case in.batch:
			sum.batched++
		case aside:
			sum.aside++
		}
		if !aside && strings.HasPrefix(id, asidePrefix) {
			sum.released++
		}
	}
	for key, in := range there {
		if in.times > 1 {
			sum.doubled++
			sum.problems = append(sum.problems, fmt.Sprintf("doubled: %s, %d times", key, in.times))
		}
		if in.broken != "" {
			sum.broken++
			sum.problems = append(sum.problems, fmt.Sprintf("broken: %s: %s", key, in.broken))
		}
	}
}

// found is how an event is stored.
type found struct {
	times  int
	batch  bool
	broken string
}

// readBack opens the store again and returns its events by stream and id.
func readBack(t *testing.T, d *powercut.Disk, role string) map[string]found {
	t.Helper()
	return parseFound(newChild(t, d, role+" read").rest())
}

func parseFound(lines []string) map[string]found {
	there := make(map[string]found)
	for _, line := range lines {
		f := strings.SplitN(line, " ", 5)
		if len(f) < 4 || f[0] != "there" {
			continue
		}
		key := f[1] + " " + f[2]
		in := found{times: there[key].times + 1, batch: f[3] == "batch"}
		if len(f) == 5 {
			in.broken = f[4]
		}
		there[key] = in
	}
	return there
}
