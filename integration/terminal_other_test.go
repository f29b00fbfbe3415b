//go:build !linux

package integration

import (
	"fmt"
	"os"
)

// runOnTerminal is there on Linux alone; scripts say so with [linux].
func runOnTerminal() {
	fmt.Fprintln(os.Stderr, "onterminal: not on this system")
	os.Exit(125)
}
