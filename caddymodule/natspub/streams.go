package natspub

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// StreamConfig says what a stream has to be like.
type StreamConfig struct {
	// Name is the stream's. Empty means that there is none.
	Name string
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
	// Create makes the stream where there is none, and raises the window of
	// one that this package has made.
	Create bool
}

// Severity says how bad a finding is.
type Severity string

// The severities.
const (
	// Fatal: events cannot be stored, or the gateway's promises do not hold.
	Fatal Severity = "fatal"
	// Warning: they hold less well than the operator may think.
	Warning Severity = "warning"
	// Note: worth knowing.
	Note Severity = "note"
)

// Finding is one thing that Preflight has found.
type Finding struct {
	Severity Severity
	// Stream is the stream's name, or "" if it is not about one.
	Stream string
	// Problem says what is, and Cure what to do about it, "" for a Note.
	Problem, Cure string
}

// String returns the finding in one line.
func (f Finding) String() string {
	s := f.Problem
	if f.Stream != "" {
		s = "stream " + f.Stream + ": " + s
	}
	if f.Cure != "" {
		s += ": " + f.Cure
	}
	return s
}

// bytesPerID is what the server keeps in memory for each id that it remembers,
// as measured with nats-server 2.15.
const bytesPerID = 145

// ownerKey marks streams that this package has made.
const ownerKey = "caddy-webhooks"

// minServer is the first line without the defect that a failed publish leaves
// its id behind, so that the retry is refused although nothing is stored.
var minServer = [2]int{2, 11}

// preflight creates or checks the stream and reports what it found. The error
// means that it could not look.
func preflight(ctx context.Context, js jetstream.JetStream, root string, cfg StreamConfig) ([]Finding, error) {
	s, err := js.Stream(ctx, cfg.Name)
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound):
		if !cfg.Create {
			return []Finding{{Fatal, cfg.Name, "it does not exist", "create it with `" + cfg.addCommand(root) + "`, or let the gateway do it with `create on`"}}, nil
		}
		if s, err = js.CreateStream(ctx, cfg.config(root)); err != nil {
			return nil, fmt.Errorf("creating the stream %s: %w", cfg.Name, err)
		}
	case err != nil:
		return nil, fmt.Errorf("looking at the stream %s: %w", cfg.Name, err)
	}
	info := s.CachedInfo()
	if cfg.Create && info.Config.Metadata[ownerKey] != "" && needsUpdate(info.Config, cfg) {
		updated := info.Config
		updated.Duplicates = max(updated.Duplicates, cfg.Window)
		updated.MaxAge, updated.MaxBytes, updated.Replicas = cfg.MaxAge, cfg.maxBytes(), max(cfg.Replicas, 1)
		if s, err = js.UpdateStream(ctx, updated); err != nil {
			return nil, fmt.Errorf("updating the stream %s: %w", cfg.Name, err)
		}
		info = s.CachedInfo()
	}
	return check(info, root, cfg), nil
}

func needsUpdate(have jetstream.StreamConfig, want StreamConfig) bool {
	return have.Duplicates < want.Window || have.MaxAge != want.MaxAge ||
		have.MaxBytes != want.maxBytes() || have.Replicas != max(want.Replicas, 1)
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
		Description: "Webhooks on " + root + ".>, stored by caddy-webhooks",
		Subjects:    []string{root + ".>"},
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
	return fmt.Sprintf("nats stream add %s --subjects '%s.>' --storage file --retention limits --discard %s "+
		"--replicas %d --max-age %s --max-bytes %d --dupe-window %s --allow-direct --defaults",
		cfg.Name, root, discard, max(cfg.Replicas, 1), cfg.MaxAge, cfg.maxBytes(), cfg.Window)
}

// check compares the stream with what the gateway promises.
func check(info *jetstream.StreamInfo, root string, cfg StreamConfig) []Finding {
	have := info.Config
	var found []Finding
	add := func(s Severity, problem, cure string) {
		found = append(found, Finding{s, cfg.Name, problem, cure})
	}
	if !covers(have.Subjects, root) {
		add(Fatal, "it does not take "+root+".>", "add the subject with `nats stream edit "+cfg.Name+" --subjects '"+root+".>'`")
	}
	if have.Storage != jetstream.FileStorage {
		add(Fatal, "its events are in memory and end with the server", "use a stream with file storage")
	}
	if have.Retention != jetstream.LimitsPolicy {
		add(Fatal, "its events end when they are read, and their ids with them after a restart", "use limits retention")
	}
	if have.NoAck {
		add(Fatal, "it does not acknowledge", "turn --no-ack off")
	}
	if !cfg.DropOldest && have.Discard != jetstream.DiscardNew {
		add(Fatal, "when it is full it drops events that were acknowledged", "set `--discard new`")
	}
	if have.MaxMsgsPerSubject > 0 {
		add(Fatal, "it keeps only some events of a type", "set `--max-msgs-per-subject -1`")
	}
	if have.Duplicates < cfg.Window {
		add(Warning, fmt.Sprintf("it remembers ids for %s, and senders repeat events for up to %s", have.Duplicates, cfg.Window),
			fmt.Sprintf("set `--dupe-window %s`; each id costs the server about %d bytes of memory", cfg.Window, bytesPerID))
	}
	if have.MaxAge > 0 && have.MaxAge < have.Duplicates {
		add(Warning, fmt.Sprintf("its events end after %s, and their ids with them", have.MaxAge), fmt.Sprintf("set `--max-age` to %s or more", have.Duplicates))
	}
	if have.Replicas < cfg.Replicas {
		add(Warning, fmt.Sprintf("%d servers keep its events, and %d were asked for", have.Replicas, cfg.Replicas), fmt.Sprintf("set `--replicas %d`", cfg.Replicas))
	}
	if have.Sealed || have.Mirror != nil {
		add(Fatal, "it is sealed or a mirror and takes nothing", "use another stream")
	}
	return found
}

// covers reports whether one of the subjects takes everything under root.
func covers(subjects []string, root string) bool {
	want := strings.Split(root+".x.x.x", ".")
	for _, s := range subjects {
		if matches(strings.Split(s, "."), want) {
			return true
		}
	}
	return false
}

func matches(pattern, subject []string) bool {
	for i, token := range pattern {
		switch {
		case token == ">":
			return i < len(subject)
		case i >= len(subject) || token != "*" && token != subject[i]:
			return false
		}
	}
	return false // it is of one length, and types are not
}

// checkServer looks at the server's version.
func checkServer(version string) []Finding {
	var major, minor int
	if _, err := fmt.Sscanf(version, "%d.%d", &major, &minor); err != nil {
		return []Finding{{Warning, "", fmt.Sprintf("the version %q of the NATS server is not understood", version), "use nats-server 2.11 or later"}}
	}
	if major < minServer[0] || major == minServer[0] && minor < minServer[1] {
		return []Finding{{Warning, "", "nats-server " + version + " may refuse the retry of an event that it failed to store", "use nats-server 2.11 or later"}}
	}
	return nil
}

// worth says in words what an acknowledgement of the stream is worth.
func worth(replicas int, embedded, always bool) string {
	switch {
	case embedded && always:
		return "a 2xx means that the event is on this machine's disk, synced"
	case embedded:
		return "a 2xx means that the event is written and not yet synced: a power failure loses the events of the last sync interval"
	case replicas >= 3:
		return fmt.Sprintf("a 2xx means that most of %d servers have the event; it is on their disks, synced, only if they run with sync_interval: always", replicas)
	}
	return "a 2xx means that one server has the event; it is on its disk, synced, only if it runs with sync_interval: always, and it is lost with that server"
}
