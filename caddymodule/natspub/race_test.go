//go:build race

package natspub

// sideBySide: with the race detector the processor is what tests wait for.
const sideBySide = 1
