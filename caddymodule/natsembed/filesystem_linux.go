package natsembed

import "golang.org/x/sys/unix"

// FileSystem returns what is wrong with the file system of a directory for a store,
// in words such as "tmpfs, which is memory"; "" if nothing is.
func FileSystem(dir string) string {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return ""
	}
	switch int64(st.Type) { //nolint:unconvert // the types differ between systems
	case unix.TMPFS_MAGIC, unix.RAMFS_MAGIC:
		return "tmpfs, which is memory and ends with the machine"
	case unix.OVERLAYFS_SUPER_MAGIC:
		return "overlay, the layer of a container, which ends with it"
	case unix.NFS_SUPER_MAGIC:
		return "NFS, a file system of a network"
	case unix.SMB_SUPER_MAGIC, unix.CIFS_SUPER_MAGIC, unix.SMB2_SUPER_MAGIC:
		return "SMB, a file system of a network"
	case unix.FUSE_SUPER_MAGIC:
		return "FUSE, a program that may not sync"
	case unix.V9FS_MAGIC:
		return "9p, a file system of another machine"
	}
	return ""
}
