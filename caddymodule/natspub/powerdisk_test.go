//go:build linux

package natspub

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"unsafe"
)

// shutdownFS is FS_IOC_SHUTDOWN, and noLogFlush its argument by which nothing that
// is not yet on disk gets there, not even the journal.
const shutdownFS, noLogFlush = 0x8004587d, 2

// disk is a file system in a file, or without an image just a directory.
type disk struct {
	t           *testing.T
	image, root string
	mounted     bool
}

// newDisk skips the test where no file system can be mounted.
func newDisk(t *testing.T) *disk {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("mounting needs root")
	}
	for _, tool := range []string{"mkfs.ext4", "mount", "umount"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip(err)
		}
	}
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
	d.forget()
}

// forget loses what servers with stores on the disk had in memory.
func (d *disk) forget() {
	links, _ := filepath.Glob(filepath.Join(d.root, "*", "jetstream", "*", "streams", "*", "batches"))
	for _, link := range links {
		if to, err := os.Readlink(link); err == nil {
			_ = os.RemoveAll(to)
		}
	}
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
