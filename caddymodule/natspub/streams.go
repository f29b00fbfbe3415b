package natspub

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// StreamConfig says what a stream has to be like.
type StreamConfig struct {
	// Name is the stream's. Empty means that there is none.
	Name string
	// Subjects are what it takes, each ending in ".>"; empty means everything under
	// its root.
	Subjects []string
	// Replicas is how many servers keep each event. Zero means 1.
	Replicas int
	// MaxAge is how long events are kept; zero means for ever. It must not be
	// shorter than Window: an id is forgotten with its event.
	MaxAge time.Duration
	// MaxBytes caps the stream; zero means that only the store is a limit.
	MaxBytes int64
	// Window is how long ids are remembered.
	Window time.Duration
	// DropOldest drops the oldest events when the stream is full, where
	// otherwise new ones are refused.
	DropOldest bool
	// Create makes the stream where there is none, and keeps the limits of one
	// that this package has made as they are here.
	Create bool

	spooled bool // of a spool
}

// spoolWindow is how long a spool remembers ids.
const spoolWindow = 2 * time.Minute

// ownerKey marks streams that this package has made.
const ownerKey = "caddy-webhooks"

// changed returns what a stream of ours must become, and whether that is
// anything else. A stream that other gateways may share only ever gets more:
// with less, events that are stored would go, and two gateways with different
// settings would take turns. A shorter window is never taken over, since it
// would forget ids. Subjects are added where streams are divided among routes, and
// on a server of this gateway alone they are exactly those of the configuration.
func (cfg StreamConfig) changed(root string, have jetstream.StreamConfig, shared bool) (jetstream.StreamConfig, bool) {
	want := have
	switch {
	case !shared:
		want.Subjects = cfg.subjects(root)
	case len(cfg.Subjects) > 0:
		want.Subjects = append(slices.Clone(have.Subjects), cfg.missing(root, have.Subjects)...)
	}
	want.MaxAge, want.MaxBytes, want.Replicas = cfg.MaxAge, cfg.maxBytes(), max(cfg.Replicas, 1)
	if shared {
		want.MaxAge = max(have.MaxAge, cfg.MaxAge)
		if have.MaxAge == 0 || cfg.MaxAge == 0 {
			want.MaxAge = 0
		}
		want.MaxBytes = max(have.MaxBytes, cfg.MaxBytes)
		if have.MaxBytes <= 0 || cfg.MaxBytes == 0 {
			want.MaxBytes = -1
		}
		want.Replicas = max(have.Replicas, cfg.Replicas)
	}
	want.Duplicates = max(have.Duplicates, cfg.Window)
	if want.MaxAge > 0 {
		want.Duplicates = min(want.Duplicates, want.MaxAge) // ids end with their events
	}
	return want, !slices.Equal(want.Subjects, have.Subjects) || want.Duplicates != have.Duplicates || want.MaxAge != have.MaxAge ||
		want.MaxBytes != have.MaxBytes || want.Replicas != have.Replicas
}

func (cfg StreamConfig) maxBytes() int64 {
	if cfg.MaxBytes == 0 {
		return -1
	}
	return cfg.MaxBytes
}

func (cfg StreamConfig) config(root string) jetstream.StreamConfig {
	discard := jetstream.DiscardNew
	if cfg.DropOldest {
		discard = jetstream.DiscardOld
	}
	return jetstream.StreamConfig{
		Name:        cfg.Name,
		Description: "Webhooks on " + strings.Join(cfg.subjects(root), ", ") + ", stored by caddy-webhooks",
		Subjects:    cfg.subjects(root),
		Retention:   jetstream.LimitsPolicy,
		Discard:     discard,
		MaxAge:      cfg.MaxAge,
		MaxBytes:    cfg.maxBytes(),
		MaxMsgs:     -1,
		Storage:     jetstream.FileStorage,
		Replicas:    max(cfg.Replicas, 1),
		Duplicates:  cfg.Window,
		AllowDirect: true,
		// For group commit.
		AllowAtomicPublish: true,
		Metadata:           map[string]string{ownerKey: "v1"},
	}
}

// addCommand is the line that creates the stream with the nats tool.
func (cfg StreamConfig) addCommand(root string) string {
	discard := "new"
	if cfg.DropOldest {
		discard = "old"
	}
	return fmt.Sprintf("nats stream add %s %s --storage file --retention limits --discard %s "+
		"--replicas %d --max-age %s --max-bytes=%d --dupe-window %s --allow-direct --allow-batch --defaults",
		cfg.Name, cfg.flags(root), discard, max(cfg.Replicas, 1), cfg.MaxAge, cfg.maxBytes(), cfg.Window)
}

// Spooled returns the stream of this name in the store of a [Spool]: what waits
// there ends when it is forwarded, and by nothing else. Ids are remembered for a
// short time, because the cluster recognises copies when they are forwarded, and
// each id costs memory, also of what was forwarded long ago.
func (cfg StreamConfig) Spooled() StreamConfig {
	if cfg.Name == "" {
		return cfg
	}
	return StreamConfig{Name: cfg.Name, Window: min(cfg.Window, spoolWindow), Create: true, spooled: true}
}
