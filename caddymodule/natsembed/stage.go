package natsembed

import (
	"os"
	"path/filepath"
	"sync"
)

const (
	// stagingName begins the names of directories in memory.
	stagingName = "caddy-webhooks-"
	// stagingSpace is what must be free in memory: a batch for each stream.
	stagingSpace = 32 << 20
)

// staging is where the server keeps batches until they are complete.
//
// It writes each atomic batch twice: first, as its messages come, into a store
// that it makes for this batch, and when the last one is there into the stream.
// The first store takes six syncs, and is there so that a batch that was
// interrupted between its first and its last write to the stream can be completed
// at the next start. For events that belong together only because they came at
// the same time that is of no use: each is whole, none was acknowledged, and the
// senders try again. So the first store is in memory. What makes an acknowledged
// event durable is the sync of the stream, which comes before the acknowledgement
// either way.
//
// The server has no setting for it. Its directory is a symbolic link instead,
// which a server that starts removes after it has completed what it has found.
type staging struct {
	mu    sync.Mutex
	dir   string          // in memory; "" until it is needed
	lock  *os.File        // says that dir is in use
	links map[string]bool // those that lead to it
	ended bool
}

// Stage has the server keep batches for a stream in memory until they are
// complete, and reports whether it does. Otherwise they are kept on the disk,
// which makes each batch dearer and nothing less durable: on systems without a
// file system in memory, and while that is nearly full. Call it before each
// batch: it takes microseconds, and directories in memory may be removed by
// others.
func (s *Server) Stage(stream string) bool {
	st := &s.staging
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.ended {
		return false
	}
	link := filepath.Join(s.streams(), stream, "batches")
	target, err := os.Readlink(link)
	linked := err == nil
	memory, ok := memoryDir(stagingSpace)
	if !ok {
		if linked {
			_ = os.Remove(link)
		}
		return false
	}
	there := st.dir != "" && isDir(st.dir)
	if linked && there && target == st.dir {
		return true
	}
	if !there && !st.make(memory) {
		return false
	}
	// A directory of the server's goes only if it is empty.
	_ = os.Remove(link)
	if err := os.Symlink(st.dir, link); err != nil {
		return false
	}
	if st.links == nil {
		st.links = make(map[string]bool)
	}
	st.links[link] = true
	return true
}

// make makes the directory, and removes those that processes have left which were
// killed: a server needs its own only to start, and this one has started.
func (st *staging) make(memory string) bool {
	left, _ := filepath.Glob(filepath.Join(memory, stagingName+"*"))
	for _, dir := range left {
		if lock, err := lockDir(dir); err == nil {
			_ = os.RemoveAll(dir)
			unlock(lock)
		}
	}
	st.remove()
	dir, err := os.MkdirTemp(memory, stagingName)
	if err != nil {
		return false
	}
	if st.lock, err = lockDir(dir); err != nil {
		_ = os.RemoveAll(dir)
		return false
	}
	st.dir = dir
	return true
}

func (st *staging) remove() {
	if st.dir != "" {
		_ = os.RemoveAll(st.dir)
		unlock(st.lock)
		st.dir = ""
	}
}

// clear removes everything when the server has stopped.
func (st *staging) clear() {
	st.mu.Lock()
	defer st.mu.Unlock()
	for link := range st.links {
		if target, err := os.Readlink(link); err == nil && target == st.dir {
			_ = os.Remove(link)
		}
	}
	st.remove()
	st.links, st.ended = nil, true
}

// streams is where the server keeps the gateway's streams.
func (s *Server) streams() string {
	return filepath.Join(s.cfg.StoreDir, "jetstream", gatewayAcct, "streams")
}

func isDir(name string) bool {
	info, err := os.Lstat(name)
	return err == nil && info.IsDir()
}
