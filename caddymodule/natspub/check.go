package natspub

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	// bytesPerID is what the server keeps in memory for each id that it
	// remembers, as measured with nats-server 2.15.
	bytesPerID = 145
	// manyIDs is when a restart takes long: 5 million took 16 s.
	manyIDs = 5_000_000
	// someIDs is when it is worth a word.
	someIDs = 100_000
	// shortestMeasure is over what time a rate says something.
	shortestMeasure = time.Hour
)

// check compares the stream with what the gateway promises.
func check(info *jetstream.StreamInfo, root string, cfg StreamConfig) []Finding {
	have := info.Config
	var found []Finding
	add := func(s Severity, problem, cure string) {
		found = append(found, Finding{s, cfg.Name, problem, cure})
	}
	if missing := cfg.missing(root, have.Subjects); len(missing) > 0 {
		add(Fatal, "it does not take "+strings.Join(missing, ", "), "add the subject with "+cfg.edit(cfg.flags(root)))
	}
	if have.Storage != jetstream.FileStorage {
		add(Fatal, "its events are in memory and end with the server", "use a stream with file storage")
	}
	if have.Retention != jetstream.LimitsPolicy {
		add(Fatal, "its events end when they are read, and their ids with them after a restart", "use limits retention")
	}
	if have.NoAck {
		add(Fatal, "it does not acknowledge", cfg.edit("--ack"))
	}
	if !cfg.DropOldest && have.Discard != jetstream.DiscardNew {
		add(Fatal, "when it is full it drops events that were acknowledged", cfg.edit("--discard new"))
	}
	if have.MaxMsgsPerSubject > 0 {
		add(Fatal, "it keeps only some events of a type", cfg.edit("--max-msgs-per-subject=-1"))
	}
	if have.Duplicates < cfg.Window {
		flags := "--dupe-window " + cfg.Window.String()
		if have.MaxAge > 0 && have.MaxAge < cfg.Window {
			flags = "--max-age " + cfg.Window.String() + " " + flags
		}
		add(Warning, fmt.Sprintf("it remembers ids for %s, and senders repeat events for up to %s", have.Duplicates, cfg.Window),
			fmt.Sprintf("%s; each id costs the server about %d bytes of memory", cfg.edit(flags), bytesPerID))
	}
	if have.MaxAge > 0 && have.MaxAge < have.Duplicates {
		add(Warning, fmt.Sprintf("its events end after %s, and their ids with them", have.MaxAge), cfg.edit("--max-age "+have.Duplicates.String()))
	}
	if have.Replicas < cfg.Replicas {
		add(Warning, fmt.Sprintf("%d servers keep its events, and %d were asked for", have.Replicas, cfg.Replicas), cfg.edit(fmt.Sprintf("--replicas %d", cfg.Replicas)))
	}
	if have.Discard == jetstream.DiscardNew && have.MaxBytes > 0 && info.State.Bytes > uint64(have.MaxBytes)/10*9 {
		add(Warning, fmt.Sprintf("it is full to %d %%; when it is full senders are asked to try again", info.State.Bytes*100/uint64(have.MaxBytes)),
			"raise the limit with "+cfg.edit("--max-bytes=<n>")+", or let events end sooner with `--max-age`")
	}
	if info.Cluster != nil {
		for _, r := range info.Cluster.Replicas {
			if r.Offline {
				add(Warning, "one of the servers that keep its events is offline: "+r.Name, "start it, or see `nats stream cluster` about how to replace it")
			}
		}
	}
	if f := checkMemory(info); f != nil {
		found = append(found, *f)
	}
	if have.Sealed || have.Mirror != nil || have.AllowMsgCounter {
		add(Fatal, "it is sealed, a mirror or a counter, and takes no events", "use another stream")
	}
	return found
}

// checkMemory says what the ids in the window cost at the rate of the events
// that the stream has.
func checkMemory(info *jetstream.StreamInfo) *Finding {
	span := info.TimeStamp.Sub(info.State.FirstTime)
	if info.State.Msgs == 0 || span < shortestMeasure {
		return nil
	}
	ids := int64(float64(info.State.Msgs) * float64(info.Config.Duplicates) / float64(span))
	f := &Finding{Severity: Note, Stream: info.Config.Name, Problem: fmt.Sprintf("at the rate of the last %s it remembers %d ids, "+
		"which cost the server %d MB of memory", span.Round(time.Hour), ids, ids*bytesPerID>>20)}
	switch {
	case ids < someIDs:
		return nil
	case ids >= manyIDs:
		f.Severity, f.Cure = Warning, "expect restarts of the server to take as long as reading them, or give the busiest routes a stream of their own"
	}
	return f
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

// minServer is the first line without the defect that a failed publish leaves
// its id behind, so that the retry is refused although nothing is stored.
// syncedServer is the first line without known defects in syncing.
var minServer, syncedServer = [2]int{2, 11}, [2]int{2, 15}

// checkServer looks at the server's version.
func checkServer(version string) []Finding {
	var major, minor int
	if _, err := fmt.Sscanf(version, "%d.%d", &major, &minor); err != nil {
		return []Finding{{Warning, "", fmt.Sprintf("the version %q of the NATS server is not understood", version), "use nats-server 2.11 or later"}}
	}
	have := [2]int{major, minor}
	switch {
	case slices.Compare(have[:], minServer[:]) < 0:
		return []Finding{{Warning, "", "nats-server " + version + " may refuse the retry of an event that it failed to store", "use nats-server 2.11 or later"}}
	case slices.Compare(have[:], syncedServer[:]) < 0:
		return []Finding{{Note, "", "nats-server " + version + " has defects in syncing to disk that are mended in 2.15", ""}}
	}
	return nil
}

// What Preflight says of a stream that it has made, or brought up to date.
const (
	Created = "it did not exist and has been created"
	Updated = "its limits were not those of the configuration and have been set"
)

// What it says where it only looks.
const (
	ToCreate = "it does not exist yet; the gateway will create it"
	ToUpdate = "its limits are not those of the configuration; the gateway will set them"
)

// Denied reports whether the finding is that the gateway's user lacks a
// permission.
func (f Finding) Denied() bool {
	return strings.Contains(f.Problem, "the gateway may not ")
}

// WorthPrefix is how the Note begins that says what an acknowledgement is worth.
const WorthPrefix = "a 2xx means "

// worth says in words what an acknowledgement of the stream is worth.
func worth(replicas int, embedded, always bool) string {
	switch {
	case embedded && always:
		return WorthPrefix + "that the event is on this machine's disk, synced"
	case embedded:
		return WorthPrefix + "that the event is written and not yet synced: a power failure loses the events of the last sync interval"
	case replicas == 2:
		return WorthPrefix + "that two servers have the event, and none is taken while one of them is away; it is on their disks, synced, only if they run with sync_interval: always"
	case replicas >= 3:
		return fmt.Sprintf(WorthPrefix+"that most of %d servers have the event; it is on their disks, synced, only if they run with sync_interval: always", replicas)
	}
	return WorthPrefix + "that one server has the event; it is on its disk, synced, only if it runs with sync_interval: always, and it is lost with that server"
}
