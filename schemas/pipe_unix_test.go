//go:build unix

package schemas_test

import "syscall"

func makePipe(file string) error { return syscall.Mkfifo(file, 0o600) }
