//go:build linux

package natspub

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/integration/powercut"
)

// childPatience is how long a child may take to say something, or to end.
const childPatience = 2 * time.Minute

// child is this test in a process of its own, in a role.
type child struct {
	t      *testing.T
	role   string
	cmd    *exec.Cmd
	mu     sync.Mutex
	lines  []string
	change chan struct{} // closed and replaced with each line, and closed at the end
	ended  bool
}

// newChild starts it, with a disk.
func newChild(t *testing.T, d *powercut.Disk, role string) *child {
	t.Helper()
	c := &child{t: t, role: role, change: make(chan struct{})}
	c.cmd = exec.Command(os.Args[0], "-test.run=^TestPowerLoss$", "-test.count=1")
	c.cmd.Env = append(os.Environ(), powerRole+"="+role, powerDir+"="+d.Root())
	if _, err := c.cmd.StdinPipe(); err != nil { // it ends with this process
		t.Fatal(err)
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.cmd.Process.Kill() })
	go func() {
		s := bufio.NewScanner(out)
		for more := true; more; {
			more = s.Scan()
			c.mu.Lock()
			if more {
				c.lines = append(c.lines, s.Text())
			}
			close(c.change)
			if c.change, c.ended = make(chan struct{}), !more; c.ended {
				close(c.change)
			}
			c.mu.Unlock()
		}
	}()
	return c
}

// mustSay waits for a line that begins so.
func (c *child) mustSay(prefix string) {
	c.t.Helper()
	deadline := time.After(childPatience)
	for seen := 0; ; {
		c.mu.Lock()
		lines, change, ended := c.lines, c.change, c.ended
		c.mu.Unlock()
		if slices.ContainsFunc(lines[seen:], func(line string) bool { return strings.HasPrefix(line, prefix) }) {
			return
		}
		seen = len(lines)
		if ended {
			c.t.Fatalf("%s: it ended without %q:\n%s", c.role, prefix, strings.Join(lines[max(len(lines)-20, 0):], "\n"))
		}
		select {
		case <-change:
		case <-deadline:
			c.t.Fatalf("%s: no %q:\n%s", c.role, prefix, strings.Join(lines[max(len(lines)-20, 0):], "\n"))
		}
	}
}

func (c *child) mustAck() { c.t.Helper(); c.mustSay("acked ") }

// kill ends the process.
func (c *child) kill() {
	_ = c.cmd.Process.Kill()
	c.wait()
	_ = c.cmd.Wait()
}

// rest waits until the process ends by itself, and returns what it has said.
func (c *child) rest() []string {
	c.t.Helper()
	late := time.AfterFunc(childPatience, func() { _ = c.cmd.Process.Kill() })
	defer late.Stop()
	c.wait()
	if err := c.cmd.Wait(); err != nil {
		c.t.Fatalf("%s: %v:\n%s", c.role, err, strings.Join(c.lines[max(len(c.lines)-20, 0):], "\n"))
	}
	return c.lines
}

func (c *child) wait() {
	for {
		c.mu.Lock()
		change, ended := c.change, c.ended
		c.mu.Unlock()
		if ended {
			return
		}
		<-change
	}
}

// ackedBefore returns what was acknowledged before a moment, by stream and id. The
// process has ended.
func (c *child) ackedBefore(cut time.Time) (keys []string) {
	for _, line := range c.lines {
		var stream, id string
		var at int64
		if _, err := fmt.Sscanf(line, "acked %s %s %d", &stream, &id, &at); err == nil && at < cut.UnixNano() {
			keys = append(keys, stream+" "+id)
		}
	}
	return keys
}
