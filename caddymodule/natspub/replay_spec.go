package natspub

import (
	"encoding/json"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strings"
	"time"
)

// ReplaySpec says which events are replayed, and where to. Of each list an event
// has to fit one item; an empty list fits all.
type ReplaySpec struct {
	// Stream is the stream to read. Required.
	Stream string `json:"stream"`
	// FromSeq and ToSeq are the first and the last sequence; 0 means the stream's.
	// What comes in after the start is not replayed in any case.
	FromSeq uint64 `json:"from_seq,omitempty"`
	ToSeq   uint64 `json:"to_seq,omitempty"`
	// Since and Until are the times between which an event was stored, both
	// included; zero means that there is no such limit.
	Since time.Time `json:"since,omitzero"`
	Until time.Time `json:"until,omitzero"`
	// Tenants and Sources are names of routes.
	Tenants []string `json:"tenants,omitempty"`
	Sources []string `json:"sources,omitempty"`
	// Types are globs of types as the provider writes them, such as
	// "invoice.*", or of ce-type, such as "com.stripe.*".
	Types []string `json:"types,omitempty"`
	// IDs are the providers' ids of events.
	IDs []string `json:"ids,omitempty"`

	// To is a URL, to which each event is sent with POST, or the beginning of a
	// subject, which the event's tenant, source and type follow. Empty means
	// `wh-replay.v1.<job>`.
	To string `json:"to,omitempty"`
	// Rate is how many events are sent in a second; 0 means as fast as they are
	// taken.
	Rate float64 `json:"rate,omitempty"`
	// Attempts is how often an event is sent to a URL that does not take it now;
	// 0 means 8.
	Attempts int `json:"attempts,omitempty"`
	// SkipRefused goes on after an event that a URL refuses for good.
	SkipRefused bool `json:"skip_refused,omitempty"`
	// Resign signs each request to a URL anew: [ReplayConfig.Sign].
	Resign bool `json:"resign,omitempty"`
	// Signing is the caller's, for its Sign; it must hold no secret.
	Signing json.RawMessage `json:"signing,omitempty"`
}

const (
	replayAttempts = 8
	// largestSpec bounds what is stored of a job each time that it gets on.
	largestSpec = 64 << 10
	// slowestReplay is the least rate: one event an hour, about.
	slowestReplay = 0.00025
)

// complete fills in defaults and returns what is wrong, as [ErrReplaySpec].
func (s *ReplaySpec) complete() error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: "+format, append([]any{ErrReplaySpec}, args...)...)
	}
	switch {
	case s.Stream == "":
		return bad("no stream is named")
	case strings.ContainsAny(s.Stream, " \t\r\n.*>/\\"):
		return bad("%q is not the name of a stream", s.Stream)
	case s.ToSeq > 0 && s.ToSeq < s.FromSeq:
		return bad("the last sequence %d is before the first, %d", s.ToSeq, s.FromSeq)
	case !s.Until.IsZero() && s.Until.Before(s.Since):
		return bad("the end %s is before the beginning, %s", s.Until.Format(time.RFC3339), s.Since.Format(time.RFC3339))
	case s.Rate < 0 || s.Attempts < 0:
		return bad("rate and attempts must not be negative")
	case s.Rate != 0 && !(s.Rate >= slowestReplay) || math.IsInf(s.Rate, 0):
		return bad("the rate %v is no number of events in a second: write one from %v, or leave it out", s.Rate, slowestReplay)
	case s.Resign && !s.toURL():
		return bad("only what goes to a URL can be signed anew")
	case s.SkipRefused && !s.toURL():
		return bad("only a URL can refuse an event")
	}
	if s.Attempts == 0 {
		s.Attempts = replayAttempts
	}
	for _, list := range []*[]string{&s.Tenants, &s.Sources, &s.Types, &s.IDs} {
		*list = slices.Compact(slices.Sorted(slices.Values(*list))) // two filters must not overlap
		if slices.Contains(*list, "") {
			return bad("an empty name fits nothing: leave it out, or name something")
		}
	}
	if slices.Contains(s.Tenants, "*") || slices.Contains(s.Sources, "*") {
		return bad(`"*" is no tenant and no source: to have all, leave it out`)
	}
	if text, err := json.Marshal(s); err != nil || len(text) > largestSpec {
		return bad("what is to be replayed may be described with %d bytes, and here are %d: choose by sequence, time, source or type instead of by so many ids", largestSpec, len(text))
	}
	if s.toURL() {
		u, err := url.Parse(s.To)
		if err != nil || u.Host == "" {
			return bad("the target is not a URL: write it in full, such as http://127.0.0.1:8080/path")
		}
		if u.User != nil {
			return bad("the target's URL holds a password, which would be stored with the job: leave it out")
		}
		return nil
	}
	return s.checkSubject()
}

func (s *ReplaySpec) toURL() bool {
	return strings.HasPrefix(s.To, "http://") || strings.HasPrefix(s.To, "https://")
}

// checkSubject refuses subjects on which an event would not be what it says.
func (s *ReplaySpec) checkSubject() error {
	if s.To == "" {
		return nil
	}
	tokens := strings.Split(s.To, ".")
	for _, t := range tokens {
		if t == "" || strings.ContainsAny(t, "*> \t\r\n") {
			return fmt.Errorf("%w: %q is neither a URL nor the beginning of a subject, such as my-replay", ErrReplaySpec, s.To)
		}
	}
	for _, root := range []string{Root, UnverifiedRoot, QuarantineRoot, OpsRoot, LanesRoot, RetiredRoot} {
		if first, _, _ := strings.Cut(root, "."); tokens[0] == first {
			return fmt.Errorf("%w: %s is where the gateway publishes: JetStream would take the events for duplicates and drop them, "+
				"and consumers could not tell them from new ones; leave the target out for %s.<job>, or name another subject", ErrReplaySpec, s.To, ReplayRoot)
		}
	}
	if strings.HasPrefix(tokens[0], "$") || tokens[0] == "_INBOX" {
		return fmt.Errorf("%w: %s is a subject of NATS itself", ErrReplaySpec, s.To)
	}
	return nil
}

// to completes the target with the name of the job: trust stays in the root. A
// stream that has no subjects of its own, such as a mirror, does not say whose
// events it has. The error is ErrReplaySpec.
func (s *ReplaySpec) to(job string, subjects []string) error {
	if under(s.To, ReplayRoot) && slices.ContainsFunc(subjects, func(have string) bool {
		return under(have, UnverifiedRoot) || under(have, QuarantineRoot) || under(have, UnverifiedReplayRoot)
	}) {
		return fmt.Errorf("%w: what is in %s was not verified, and does not belong under %s: write %s.<name>, or leave the target out",
			ErrReplaySpec, s.Stream, ReplayRoot, UnverifiedReplayRoot)
	}
	if s.To != "" {
		return nil
	}
	s.To = ReplayRoot + "." + job
	if len(subjects) == 0 || slices.ContainsFunc(subjects, func(have string) bool { return !under(have, Root) }) {
		s.To = UnverifiedReplayRoot + "." + job
	}
	return nil
}

// under reports whether the subject is the root or begins with it.
func under(subject, root string) bool { return strings.HasPrefix(subject+".", root+".") }

// filters are the subjects that can hold what is wanted.
func (s *ReplaySpec) filters(subjects []string) []string {
	if len(s.Tenants)+len(s.Sources) == 0 {
		return nil
	}
	any := []string{"*"}
	var list []string
	for _, subject := range subjects {
		root := replayRootOf(subject)
		if root == "" {
			return nil // it is a stream of another's making: look at headers alone
		}
		for _, tenant := range orAny(s.Tenants, any) {
			for _, source := range orAny(s.Sources, any) {
				list = append(list, root+token(tenant)+token(source)+".>")
			}
		}
	}
	return slices.Compact(slices.Sorted(slices.Values(list))) // a stream may have several subjects of one root
}

func orAny(list, any []string) []string {
	if len(list) == 0 {
		return any
	}
	return list
}

func token(name string) string {
	if name == "*" {
		return ".*"
	}
	var b strings.Builder
	writeToken(&b, name)
	return b.String()
}

// replayRootOf returns the root that a subject, or a stream's, begins with, or
// "".
func replayRootOf(subject string) string {
	for _, root := range []string{Root, UnverifiedRoot, QuarantineRoot} {
		if strings.HasPrefix(subject, root+".") {
			return root
		}
	}
	return ""
}

// selects reports whether the event is wanted. That its sequence is in the range
// is the caller's to know.
func (s *ReplaySpec) selects(e *replayed) bool {
	switch {
	case !s.Since.IsZero() && e.at.Before(s.Since), !s.Until.IsZero() && e.at.After(s.Until):
		return false
	case len(s.Tenants) > 0 && !slices.Contains(s.Tenants, one(e.header, "ce-whtenant")):
		return false
	case len(s.Sources) > 0 && !slices.Contains(s.Sources, one(e.header, "ce-whsource")):
		return false
	case len(s.IDs) > 0 && !slices.Contains(s.IDs, unescape(one(e.header, "ce-id"))):
		return false
	}
	return len(s.Types) == 0 || s.fitsType(e)
}

func (s *ReplaySpec) fitsType(e *replayed) bool {
	full := unescape(one(e.header, "ce-type"))
	raw := providerType(full, e.tail())
	return slices.ContainsFunc(s.Types, func(glob string) bool { return fits(glob, full) || fits(glob, raw) })
}

// providerType returns the type as the provider writes it: the end of ce-type
// whose tokens are those at the end of the subject.
func providerType(full, tail string) string {
	for rest := full; ; {
		_, after, ok := strings.Cut(rest, ".")
		if !ok {
			return ""
		}
		rest = after
		var b strings.Builder
		writeType(&b, rest)
		if b.String() == "."+tail {
			return rest
		}
	}
}

// fits reports whether text fits the glob, in which "*" is any run of characters.
func fits(glob, text string) bool {
	parts := strings.Split(glob, "*")
	if len(parts) == 1 {
		return glob == text
	}
	first, last := parts[0], parts[len(parts)-1]
	if !strings.HasPrefix(text, first) || len(text) < len(first)+len(last) || !strings.HasSuffix(text, last) {
		return false
	}
	text = text[len(first) : len(text)-len(last)]
	for _, part := range parts[1 : len(parts)-1] {
		i := strings.Index(text, part)
		if i < 0 {
			return false
		}
		text = text[i+len(part):]
	}
	return true
}
