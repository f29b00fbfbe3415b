package natsembed

import "golang.org/x/sys/unix"

// memoryRoot is where Linux has a file system in memory.
const memoryRoot = "/dev/shm"

// memoryDir returns a directory in memory in which that many bytes are free, if
// there is one.
func memoryDir(need int64) (string, bool) {
	var st unix.Statfs_t
	if err := unix.Statfs(memoryRoot, &st); err != nil || int64(st.Type) != unix.TMPFS_MAGIC { //nolint:unconvert // the types differ between systems
		return "", false
	}
	return memoryRoot, int64(st.Bavail)*int64(st.Bsize) >= need //nolint:gosec,unconvert // the types differ between systems
}
