// Package powercut has disks for tests whose power can be cut: file systems that
// are mounted from a file, and lose at once what was not synced. It needs root.
package powercut

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

const (
	// shutdownFS is FS_IOC_SHUTDOWN, and noLogFlush its argument by which nothing
	// that is not yet on disk gets there, not even the journal.
	shutdownFS, noLogFlush = 0x8004587d, 2
	// size is that of a disk, in bytes. The file has only what is written.
	size = 512 << 20
	// detaching bounds how long a disk that was torn out may be in use.
	detaching = 60 * time.Second
)

// Disk is a file system in a file, or just a directory.
type Disk struct {
	t       testing.TB
	image   string // "" if it is just a directory
	root    string
	mounted bool
}

// New returns a disk that is formatted and not mounted, and skips the test, with the
// reason, where no file system can be mounted.
func New(t testing.TB) *Disk {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("mounting needs root")
	}
	for _, tool := range []string{"mkfs.ext4", "mount", "umount", "losetup"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip(err)
		}
	}
	dir := t.TempDir()
	d := &Disk{t: t, image: filepath.Join(dir, "image"), root: filepath.Join(dir, "root")}
	if err := os.Mkdir(d.root, 0o700); err != nil {
		t.Fatal(err)
	}
	d.Format()
	if out, err := exec.Command("mount", "-o", "loop", d.image, d.root).CombinedOutput(); err != nil { //nolint:gosec // paths of the test's
		t.Skipf("no loop devices here: %v %s", err, out)
	}
	d.mounted = true
	d.Unmount()
	t.Cleanup(func() {
		if d.mounted {
			d.Unmount()
		}
	})
	return d
}

// Dir returns a directory that is used like a disk. Its power cannot be cut: what
// was written stays.
func Dir(t testing.TB) *Disk {
	t.Helper()
	d := &Disk{t: t, root: filepath.Join(t.TempDir(), "root")}
	t.Cleanup(d.forget)
	return d
}

// Root is where it is mounted.
func (d *Disk) Root() string { return d.root }

// Format empties it. It is not mounted.
func (d *Disk) Format() {
	d.t.Helper()
	if d.image == "" {
		if err := os.RemoveAll(d.root); err != nil {
			d.t.Fatal(err)
		}
		if err := os.Mkdir(d.root, 0o700); err != nil {
			d.t.Fatal(err)
		}
		return
	}
	_ = os.Remove(d.image)
	f, err := os.Create(d.image)
	if err != nil {
		d.t.Fatal(err)
	}
	if err := f.Truncate(size); err != nil {
		d.t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		d.t.Fatal(err)
	}
	d.run("mkfs.ext4", "-q", d.image)
}

// Mount makes it usable. What servers with stores on it had in memory is lost, as
// by a cut.
func (d *Disk) Mount() {
	d.t.Helper()
	if d.image == "" {
		return
	}
	d.run("mount", "-o", "loop", d.image, d.root)
	d.mounted = true
	d.forget()
}

// Unmount ends that. Nobody uses it any more.
func (d *Disk) Unmount() {
	d.t.Helper()
	if d.image == "" {
		return
	}
	d.mounted = false
	d.run("umount", d.root)
}

// Cut lets nothing more get to the disk. Who writes or syncs gets an error.
func (d *Disk) Cut() {
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
	//nolint:gosec // the call wants an address
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, f.Fd(), shutdownFS, uintptr(unsafe.Pointer(&flags))); errno != 0 {
		d.t.Fatalf("shutting the file system down: %v", errno)
	}
}

// Detach takes a disk away that was cut, though it is in use, and waits until
// nobody uses it any more.
func (d *Disk) Detach() {
	d.t.Helper()
	d.mounted = false
	d.run("umount", "-l", d.root)
	for end := time.Now().Add(detaching); ; time.Sleep(50 * time.Millisecond) {
		out, err := exec.Command("losetup", "-j", d.image).CombinedOutput() //nolint:gosec // a path of the test's
		switch {
		case err != nil:
			d.t.Fatalf("losetup: %v: %s", err, out)
		case strings.TrimSpace(string(out)) == "":
			return
		case time.Now().After(end):
			d.t.Fatal("the disk that was torn out is still in use")
		}
	}
}

// forget loses what servers with stores on the disk had in memory.
func (d *Disk) forget() {
	links, _ := filepath.Glob(filepath.Join(d.root, "*", "jetstream", "*", "streams", "*", "batches"))
	for _, link := range links {
		if to, err := os.Readlink(link); err == nil {
			_ = os.RemoveAll(to)
		}
	}
}

func (d *Disk) run(name string, args ...string) {
	d.t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil { //nolint:gosec // programs of this file, with paths of the test's
		d.t.Fatalf("%s: %v: %s", name, err, out)
	}
}
