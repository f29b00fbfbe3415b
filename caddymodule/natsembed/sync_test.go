package natsembed

import (
	"context"
	"testing"
	"time"
)

// TestSync looks at what the running server has made of the configuration: that
// an acknowledged event is on disk hangs on this one setting.
func TestSync(t *testing.T) {
	t.Parallel()
	for _, interval := range []time.Duration{0, time.Minute} {
		s, err := Start(Config{StoreDir: t.TempDir(), SyncInterval: interval})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		if err := s.WaitReady(ctx); err != nil {
			t.Fatal(err)
		}
		cfg := s.nats.JetStreamConfig()
		if got, want := cfg.SyncAlways, interval == 0; got != want {
			t.Errorf("interval %v: got sync always %v, want %v", interval, got, want)
		}
		if interval != 0 && cfg.SyncInterval != interval {
			t.Errorf("got an interval of %v, want %v", cfg.SyncInterval, interval)
		}
		if err := s.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	}
}
