//go:build !race

package natspub

// sideBySide is how many tests run at one time at least: most of them wait for
// servers and for timeouts, and not for the processor.
const sideBySide = 10
