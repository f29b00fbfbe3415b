package natspub

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// RetiredRoot is what the subjects of a stream begin with that takes no events any
// more and keeps those that it has.
const RetiredRoot = "wh-retired.v1"

// subjects are what the stream takes, of everything under the root.
func (cfg StreamConfig) subjects(root string) []string {
	if len(cfg.Subjects) > 0 {
		return cfg.Subjects
	}
	return []string{root + ".>"}
}

// root is what the subjects of a stream of routes begin with.
func (cfg StreamConfig) root() string {
	if strings.HasPrefix(cfg.Subjects[0], UnverifiedRoot+".") {
		return UnverifiedRoot
	}
	return Root
}

// missing are those of the subjects that the list does not take.
func (cfg StreamConfig) missing(root string, list []string) []string {
	return slices.DeleteFunc(slices.Clone(cfg.subjects(root)), func(s string) bool {
		return covers(list, strings.TrimSuffix(s, ".>"))
	})
}

// within makes a subject that the stream takes, for a message that it refuses for
// another reason.
func (cfg StreamConfig) within(root, name string) string {
	s := strings.ReplaceAll(strings.TrimSuffix(cfg.subjects(root)[0], ".>"), "*", "_")
	if s == root {
		s += "._"
	}
	return s + "." + name
}

// flags are the subjects as the nats tool takes them.
func (cfg StreamConfig) flags(root string) string {
	var b strings.Builder
	for _, s := range cfg.subjects(root) {
		fmt.Fprintf(&b, " --subjects '%s'", s)
	}
	return b.String()[1:]
}

// rooted is a stream and the root of its subjects.
type rooted struct {
	root string
	StreamConfig
}

// streams are all that events are stored in, those that take a whole root first.
func (p *Publisher) streams() []rooted {
	list := []rooted{{Root, p.cfg.Stream}, {UnverifiedRoot, p.cfg.Unverified}, {QuarantineRoot, p.cfg.Quarantine}}
	for _, s := range p.cfg.Routes {
		list = append(list, rooted{s.root(), s})
	}
	return slices.DeleteFunc(list, func(r rooted) bool { return r.Name == "" })
}

// routeStream returns the stream of the event's route, if it has one of its own
// here.
func (p *Publisher) routeStream(name string) (string, bool) {
	return name, name != "" && slices.ContainsFunc(p.routes(), func(s StreamConfig) bool { return s.Name == name })
}

// makeRoom takes subjects from streams of ours that have them. What they hold
// stays, and one that is configured gets its own when it is looked at. It is for a
// server that nobody else changes streams on. A whole root is taken from none unless
// it is to be divided: another name for the stream of all may be a mistake, and
// consumers would not notice.
func (p *Publisher) makeRoom(ctx context.Context, name string, subjects []string) error {
	list := p.js.ListStreams(ctx)
	for info := range list.Info() {
		have := info.Config
		if have.Name == name || have.Metadata[ownerKey] == "" || len(p.cfg.Routes) == 0 && slices.ContainsFunc(have.Subjects, wholeRoot) {
			continue
		}
		left := slices.DeleteFunc(slices.Clone(have.Subjects), func(s string) bool {
			return slices.ContainsFunc(subjects, func(t string) bool { return Overlap(s, t) })
		})
		if len(left) == len(have.Subjects) {
			continue
		}
		if have.Subjects = left; len(left) == 0 {
			have.Subjects = []string{RetiredRoot + "." + have.Name + ".>"}
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), question)
		_, err := p.js.UpdateStream(ctx, have)
		cancel()
		if err != nil {
			return fmt.Errorf("taking subjects from the stream %s: %w", have.Name, err)
		}
		p.cfg.Logger.Warn("a stream has other subjects now; what it holds stays", "stream", have.Name, "subjects", have.Subjects)
	}
	return list.Err()
}

func wholeRoot(subject string) bool {
	return subject == Root+".>" || subject == UnverifiedRoot+".>" || subject == QuarantineRoot+".>"
}

// Overlap reports whether some subject fits both patterns, which are subjects of
// NATS with or without wildcards.
func Overlap(a, b string) bool {
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	for i := range min(len(x), len(y)) {
		if x[i] == ">" || y[i] == ">" {
			return true
		}
		if x[i] != y[i] && x[i] != "*" && y[i] != "*" {
			return false
		}
	}
	return len(x) == len(y)
}

// forRoute is the message for the stream of its route, where a spool, whose own
// streams are few, has it for another. What the publisher's routes are counts, and not
// what they were when it was kept: a stream takes nothing but its subjects.
func (m *message) forRoute(p *Publisher) *message {
	c := m.again()
	for _, s := range p.routes() {
		if slices.ContainsFunc(s.Subjects, func(pattern string) bool { return Overlap(pattern, m.subject) }) {
			c.stream, c.header = s.Name, maps.Clone(m.header)
			c.header[headerStream] = []string{s.Name}
			break
		}
	}
	return c
}

// routes are the streams of routes; there are none without a publisher.
func (p *Publisher) routes() []StreamConfig {
	if p == nil {
		return nil
	}
	return p.cfg.Routes
}
