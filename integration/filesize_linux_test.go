package integration

import (
	"path/filepath"
	"strconv"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
)

// cmdFileSize limits, from now on, the size of files that the one background
// process of a program writes, so that writes fail as on a full disk; 0 takes
// the limit away:
//
//	filesize PROGRAM BYTES
func cmdFileSize(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: filesize PROGRAM BYTES")
	}
	limit, err := strconv.ParseUint(args[1], 10, 63)
	ts.Check(err)
	if limit == 0 {
		limit = unix.RLIM_INFINITY
	}
	for _, cmd := range ts.BackgroundCmds() {
		if filepath.Base(cmd.Path) == args[0] {
			ts.Check(unix.Prlimit(cmd.Process.Pid, unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: limit, Max: unix.RLIM_INFINITY}, nil))
		}
	}
}
