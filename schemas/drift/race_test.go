//go:build race

package drift_test

// stableEvents are fewer with the race detector, since there is one sender.
const stableEvents = 40_000
