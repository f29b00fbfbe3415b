//go:build !linux

package integration

import "github.com/rogpeppe/go-internal/testscript"

// cmdFileSize needs a call that only Linux has; scripts ask for [linux].
func cmdFileSize(ts *testscript.TestScript, _ bool, _ []string) {
	ts.Fatalf("limiting the files of another process works on Linux only")
}
