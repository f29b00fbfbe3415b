package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/natspub"
)

// Defaults of [TailOptions].
const (
	DefaultNATS   = "nats://127.0.0.1:4222"
	DefaultStream = "WEBHOOKS"
	DefaultLast   = 10
)

const (
	connectTimeout = 5 * time.Second
	askTimeout     = 10 * time.Second
)

// TailOptions say what [Tail] reads.
type TailOptions struct {
	// NATS are the servers' URLs, separated by commas. Empty means the
	// environment variable NATS_URL, and without it [DefaultNATS].
	NATS string
	// Context is the name of a context of the nats tool, instead of NATS,
	// Credentials and CA. Empty means none.
	Context string
	// Credentials is the path of a file with a JWT and a seed. Empty means
	// none.
	Credentials string
	// CA is the path of a PEM file with the authorities that may have signed
	// the servers' certificates. Empty means the host's.
	CA string
	// Stream is the stream to read. Empty means [DefaultStream].
	Stream string
	// Subject is a filter such as "wh.v1.*.github.>". Empty means everything.
	Subject string

	// Last is how many of the stored events come first. Zero means Count, and
	// if that is zero as well [DefaultLast].
	Last int
	// All means that all stored events come first, New that none do. At most
	// one of All, New, Last and Since is set.
	All, New bool
	// Count ends after so many events. Zero means that it goes on until the
	// context ends.
	Count int
	// JSON writes one JSON object for each event and line.
	JSON bool
	// Fetch reads the bodies that are kept apart from their events.
	Fetch bool
	// Headers shows all headers of each event to a person.
	Headers bool
	// From says it in one word: "last:10", "all", "new", an RFC 3339 time, or a
	// duration such as "1h" for so long ago. It sets Last, All, New or Since.
	From string
	// Since is the time from which on stored events come; zero means no time.
	Since time.Time

	// Getenv reads the environment. Nil means os.Getenv.
	Getenv func(string) string
}

// Tail writes events that are stored, and then those that come in, to w, in the
// order of the stream, each once. It does not acknowledge or change anything,
// and other readers do not notice it. It goes on over restarts of the server.
// The end of ctx is not an error. The error otherwise wraps [ErrUsage] or says
// why there is nothing to read.
func Tail(ctx context.Context, w io.Writer, o TailOptions) error {
	if err := o.complete(); err != nil {
		return err
	}
	nc, prefix, err := (&Reach{NATS: o.NATS, Context: o.Context, Credentials: o.Credentials, CA: o.CA}).connect()
	if err != nil {
		return err
	}
	defer nc.Close()
	ctx, end := permitted(ctx, nc)
	defer end()
	var js jetstream.JetStream
	if prefix == "" {
		js, err = jetstream.New(nc)
	} else {
		js, err = jetstream.NewWithAPIPrefix(nc, prefix)
	}
	if err != nil {
		return fmt.Errorf("using JetStream: %w", err)
	}
	stream, err := o.stream(ctx, js)
	if err != nil {
		return quiet(ctx, err)
	}
	consumer, skip, err := o.consumer(ctx, stream)
	if err != nil {
		return quiet(ctx, fmt.Errorf("reading %s: %w", o.Stream, err))
	}
	messages, err := consumer.Messages()
	if err != nil {
		return quiet(ctx, fmt.Errorf("reading %s: %w", o.Stream, err))
	}
	defer messages.Stop()
	for n := 0; o.Count == 0 || n < o.Count; {
		m, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			return quiet(ctx, fmt.Errorf("reading %s: %w", o.Stream, err))
		}
		if skip > 0 {
			skip--
			continue
		}
		if err := o.write(ctx, w, js, m); err != nil {
			return fmt.Errorf("writing: %w", err)
		}
		n++
	}
	return nil
}

// quiet is for the person who presses Ctrl-C: that is how tailing ends.
func quiet(ctx context.Context, err error) error {
	if err = because(ctx, err); ctx.Err() != nil && !errors.Is(err, ErrDenied) {
		return nil
	}
	return err
}

func (o *TailOptions) complete() error {
	if o.Getenv == nil {
		o.Getenv = os.Getenv
	}
	if o.Context != "" && (o.NATS != "" || o.Credentials != "" || o.CA != "") {
		return fmt.Errorf("%w: --context says where NATS is and how to log in: leave --nats, --creds and --ca out", ErrUsage)
	}
	if o.NATS == "" && o.Context == "" {
		o.NATS = cmp.Or(o.Getenv("NATS_URL"), DefaultNATS)
	}
	if o.Stream == "" {
		o.Stream = DefaultStream
	}
	if err := o.parseFrom(); err != nil {
		return err
	}
	chosen := 0
	for _, set := range []bool{o.All, o.New, o.Last != 0, !o.Since.IsZero()} {
		if set {
			chosen++
		}
	}
	switch {
	case chosen > 1:
		return fmt.Errorf("%w: more than one place to start from", ErrUsage)
	case o.Last < 0 || o.Count < 0:
		return fmt.Errorf("%w: --from last:n and --count are numbers of events", ErrUsage)
	case o.Last == 0 && o.Count > 0:
		o.Last = o.Count
	case o.Last == 0:
		o.Last = DefaultLast
	}
	return nil
}

func (o *TailOptions) parseFrom() error {
	if o.From == "" {
		return nil
	}
	last, isLast := strings.CutPrefix(o.From, "last:")
	n, notNumber := strconv.Atoi(last)
	ago, notDuration := time.ParseDuration(o.From)
	at, notTime := time.Parse(time.RFC3339, o.From)
	switch {
	case o.From == "all":
		o.All = true
	case o.From == "new", isLast && notNumber == nil && n == 0:
		o.New = true
	case isLast && notNumber == nil && n > 0:
		o.Last = n
	case notDuration == nil && ago > 0:
		o.Since = time.Now().Add(-ago)
	case notTime == nil:
		o.Since = at
	default:
		return fmt.Errorf("%w: --from %q: write last:10, all, new, a time such as 2026-01-02T15:04:05Z, or a duration such as 1h", ErrUsage, o.From)
	}
	return nil
}

func (o *TailOptions) connect() (*nats.Conn, error) {
	// The error of nats.go would show a password in it.
	for server := range strings.SplitSeq(o.NATS, ",") {
		if _, err := url.Parse(strings.TrimSpace(server)); err != nil {
			return nil, fmt.Errorf("%w: the address of NATS is not a URL such as %s", ErrUsage, DefaultNATS)
		}
	}
	opts := []nats.Option{
		nats.Name("caddy webhooks tail"),
		nats.Timeout(connectTimeout),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(time.Second),
		// It would print on the terminal otherwise; the reader recovers.
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}),
	}
	if o.Credentials != "" {
		if _, err := os.Stat(o.Credentials); err != nil {
			return nil, ofFile(fmt.Errorf("reading the credentials: %w", err))
		}
		opts = append(opts, nats.UserCredentials(o.Credentials))
	}
	if o.CA != "" {
		opts = append(opts, nats.RootCAs(o.CA))
	}
	nc, err := nats.Connect(o.NATS, opts...)
	if err = mark(ErrUnreachable, ofNATS(err)); errors.Is(err, ErrDenied) {
		return nil, fmt.Errorf("connecting to %s: %w: the login is refused: give one with --creds, --context, or in the URL of $NATS_URL", withoutPasswords(o.NATS), err)
	} else if err != nil {
		return nil, fmt.Errorf("connecting to %s: %w: is the server running? Embedded NATS takes connections only with `listen` in its block",
			withoutPasswords(o.NATS), err)
	}
	return nc, nil
}

// withoutPasswords is for messages.
func withoutPasswords(servers string) string {
	list := strings.Split(servers, ",")
	for i, s := range list {
		u, err := url.Parse(strings.TrimSpace(s))
		if err != nil {
			continue // connect has refused it
		}
		list[i] = u.Redacted()
		if u.User != nil {
			u.User = url.User("xxxxx") // a lone user is a token
			list[i] = u.String()
		}
	}
	return strings.Join(list, ",")
}

func (o *TailOptions) stream(ctx context.Context, js jetstream.JetStream) (jetstream.Stream, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	s, err := js.Stream(ctx, o.Stream)
	if !errors.Is(err, jetstream.ErrStreamNotFound) {
		if err != nil {
			return nil, noStream(o.Stream, err)
		}
		return s, o.canHave(s.CachedInfo().Config.Subjects)
	}
	var names []string
	lister := js.StreamNames(ctx)
	for name := range lister.Name() {
		names = append(names, name)
	}
	if lister.Err() != nil || len(names) == 0 {
		return nil, fmt.Errorf("there is no stream %s: %w", o.Stream, err)
	}
	slices.Sort(names)
	return nil, fmt.Errorf("there is no stream %s, but %s: %w", o.Stream, strings.Join(names, ", "), err)
}

// canHave returns an error if a stream with these subjects never has what is asked
// for: the server would let it be waited for. A mirror has no subjects.
func (o *TailOptions) canHave(subjects []string) error {
	if o.Subject == "" || len(subjects) == 0 ||
		slices.ContainsFunc(subjects, func(s string) bool { return natspub.Overlap(s, o.Subject) }) {
		return nil
	}
	return fmt.Errorf("%w: the stream %s has nothing on %s, but on %s: name the stream with --stream", ErrUsage, o.Stream, o.Subject, strings.Join(subjects, ", "))
}

// consumer starts reading. The first skip messages are older than what was
// asked for.
func (o *TailOptions) consumer(ctx context.Context, stream jetstream.Stream) (c jetstream.Consumer, skip int, err error) {
	cfg := jetstream.OrderedConsumerConfig{}
	if o.Subject != "" {
		cfg.FilterSubjects = []string{o.Subject}
	}
	switch {
	case o.All:
		c, err = stream.OrderedConsumer(ctx, cfg)
		return c, 0, err
	case o.New:
		cfg.DeliverPolicy = jetstream.DeliverNewPolicy
		c, err = stream.OrderedConsumer(ctx, cfg)
		return c, 0, err
	}
	if !o.Since.IsZero() {
		cfg.DeliverPolicy, cfg.OptStartTime = jetstream.DeliverByStartTimePolicy, &o.Since
		c, err = stream.OrderedConsumer(ctx, cfg)
		return c, 0, err
	}
	// Where the last ones begin is not known if there is a filter or a gap: look
	// further and further back until there are enough.
	state := stream.CachedInfo().State
	cfg.DeliverPolicy = jetstream.DeliverByStartSequencePolicy
	for back := uint64(o.Last); ; back *= 4 { //nolint:gosec // it is above zero
		cfg.OptStartSeq = max(state.FirstSeq, 1)
		if state.LastSeq > back {
			cfg.OptStartSeq = max(cfg.OptStartSeq, state.LastSeq-back+1)
		}
		if c, err = stream.OrderedConsumer(ctx, cfg); err != nil {
			return nil, 0, err
		}
		found := c.CachedInfo().NumPending
		if found >= uint64(o.Last) || cfg.OptStartSeq <= max(state.FirstSeq, 1) { //nolint:gosec // it is above zero
			return c, max(0, int(found)-o.Last), nil //nolint:gosec // a stream of so many events would not be read
		}
		if err := stream.DeleteConsumer(ctx, c.CachedInfo().Name); err != nil {
			return nil, 0, err
		}
	}
}
