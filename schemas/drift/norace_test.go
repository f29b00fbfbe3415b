//go:build !race

package drift_test

// stableEvents is how many events TestStableTraffic sends.
const stableEvents = 100_000
