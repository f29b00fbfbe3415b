package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/providers"
)

// ErrNotSignable means that nothing but the sender itself can sign.
// It wraps [ErrUsage].
var ErrNotSignable = mark(ErrUsage, errors.New("this cannot be signed here"))

const (
	sendTimeout = 30 * time.Second
	maxAnswer   = 64 << 10
	userAgent   = "caddy-webhooks-send/1"
)

// SendOptions say what to send and where to.
type SendOptions struct {
	// Provider is a name or an alias of the catalogue.
	Provider string
	// URL is where to send to, and PublicURL what is signed by senders that sign
	// a URL; empty means URL.
	URL, PublicURL string
	// Body is a file whose bytes are sent as they are; "-" is Stdin, and empty a
	// sample event.
	Body  string
	Stdin io.Reader
	// ID and Type are the event's. Empty means a fresh id and the type of the
	// sample.
	ID, Type string
	// Headers are further headers, "Name: value". They replace those of the
	// sample, and are there before it is signed.
	Headers []string
	// SecretEnv is an environment variable and SecretFile a file with the
	// secret. Getenv reads the environment; nil means os.Getenv.
	SecretEnv, SecretFile string
	Getenv                func(string) string
	// Options are the provider's, "name=value", and OptionEnvs those whose values
	// are in environment variables, "name=VARIABLE". One that is secret has to be
	// there, or in the variable that the provider's page names.
	Options, OptionEnvs []string
	// Describe is how the sender "hmac" signs.
	Describe HMACOptions
	// Gzip compresses bodies.
	Gzip bool
	// Faults are what is wrong with the events.
	Faults Faults
	// Handshake sends the provider's challenges instead of events.
	Handshake bool
	// Count is how many events are sent; 0 means 1, or no end if Duration is set.
	Count int
	// Rate is how many events are sent in a second, Concurrency how many are on
	// their way at one time, and Duration how long it goes on. If one of them is
	// set the answers are not printed but counted.
	Rate        float64
	Concurrency int
	Duration    time.Duration
	// Expect is the expected status; 0 means any 2xx, and any refusal where a
	// fault has to be refused.
	Expect int
	// PublicKey prints the public half of the private key and sends nothing.
	PublicKey bool
	// JSON prints one JSON object for each answer, or one for a load.
	JSON bool
	// Notes is where remarks go that are no part of the output, and Progress where
	// it is said how far it is, if it is a terminal; nil means nowhere.
	Notes, Progress io.Writer
}

// HMACOptions describe a sender that is not in the catalogue.
type HMACOptions struct {
	Hash, SignatureHeader, Prefix, Encoding, Content, TimestampHeader string
}

// Sent is what came back.
type Sent struct {
	Status int    `json:"status"`
	Body   string `json:"body"`
	ID     string `json:"id,omitempty"`
	Type   string `json:"type,omitempty"`
	Millis int64  `json:"duration_ms"`
	// Duplicate is 0 for the first of the same requests, and the number of the
	// others.
	Duplicate int `json:"duplicate,omitempty"`
	// Fault is what was wrong with the request, or which challenge it was.
	Fault     string `json:"fault,omitempty"`
	Handshake string `json:"handshake,omitempty"`
	// Finding says what is wrong with the answer.
	Finding string `json:"finding,omitempty"`
	OK      bool   `json:"ok"`
}

// Send signs events as the provider does, with the faults that are asked for,
// sends them and prints the answers. The error wraps [ErrUnexpectedStatus] if an
// answer is not as expected, [ErrUsage] if the options contradict each other or
// the provider, [ErrUnreachable] if there was no answer, and [ErrNotSignable]
// where nobody but the sender can sign; it never holds the secret.
func Send(ctx context.Context, o SendOptions, out io.Writer) error {
	p, err := o.provider()
	if err != nil {
		return err
	}
	if o.PublicKey {
		text, err := publicHalf(p, o.SecretFile)
		if err == nil {
			_, err = fmt.Fprintln(out, text)
		}
		return err
	}
	if err := o.check(); err != nil {
		return err
	}
	if o.Handshake {
		return sendHandshakes(ctx, p, &o, out)
	}
	if err := signable(p); err != nil {
		return err
	}
	s, err := newSender(p, &o)
	if err != nil {
		return err
	}
	if o.load() {
		return s.load(ctx, out)
	}
	count, failed := max(o.Count, 1), 0
	finding := ""
	style := StyleOf(out)
	bar := NewProgress(o.Progress, "sending")
	defer bar.Done()
	out = bar.Over(out)
	for i := range count {
		bar.At(i, uint64(i), uint64(count))
		m, err := s.message(time.Now())
		if err != nil {
			return err
		}
		for n := range o.Faults.Duplicate + 1 {
			res, err := s.send(ctx, m)
			if err != nil {
				return err
			}
			if res.Duplicate = n; !res.OK {
				failed++
				finding = res.Finding
			}
			if err := printSent(out, style, res, &o); err != nil {
				return err
			}
		}
	}
	if failed > 0 {
		return fmt.Errorf("%w: %s (%d of %d answers)", ErrUnexpectedStatus, finding, failed, count*(o.Faults.Duplicate+1))
	}
	return nil
}

// check reports options that contradict each other.
func (o *SendOptions) check() error {
	switch {
	case o.Count < 0 || o.Concurrency < 0 || o.Rate < 0 || o.Duration < 0 || o.Faults.Duplicate < 0 || o.Faults.Slow < 0:
		return fmt.Errorf("%w: --count, --rate, --concurrency, --duration, --duplicate and --slow are not negative", ErrUsage)
	case o.Count > 0 && o.Duration > 0:
		return fmt.Errorf("%w: --count and --duration both say when to stop: choose one", ErrUsage)
	case o.Rate > 0 && o.Count == 0 && o.Duration == 0:
		return fmt.Errorf("%w: --rate has no end: add --count or --duration", ErrUsage)
	case o.Handshake && (o.load() || o.Count > 1 || o.Gzip || o.Faults != (Faults{}) || o.Body != "" || o.ID != "" || o.Type != ""):
		return fmt.Errorf("%w: --handshake sends the challenges of the provider as they are: it goes with no fault, no load, no body, id or type", ErrUsage)
	}
	return o.Faults.check()
}

func (o *SendOptions) getenv(name string) string {
	if o.Getenv != nil {
		return o.Getenv(name)
	}
	return os.Getenv(name)
}

// note prints a remark.
func (o *SendOptions) note(format string, args ...any) {
	if o.Notes != nil {
		fmt.Fprintf(o.Notes, "note: "+format+"\n", args...)
	}
}

// judge says whether the status is as expected, and if not what that means.
func (s *sender) judge(status int) (finding string, ok bool) {
	f := s.fault
	switch expect := s.options.Expect; {
	case expect != 0:
		if status == expect {
			return "", true
		}
		return fmt.Sprintf("the answer was %d, not %d", status, expect), false
	case f.refused && status/100 == 2:
		return "the receiver accepted a request " + f.what, false
	case f.refused && status/100 == 4 && !unrelated[status]:
		return "", true
	case f.refused:
		return fmt.Sprintf("the answer was %d, which neither accepts nor refuses a request %s; --expect %d if this receiver refuses with it", status, f.what, status), false
	case status/100 == 2:
		return "", true
	}
	return fmt.Sprintf("the answer was %d, not 2xx", status), false
}

// unrelated are refusals that say nothing about a signature.
var unrelated = map[int]bool{404: true, 405: true, 408: true, 413: true, 415: true, 429: true}

func printSent(out io.Writer, style Style, s Sent, o *SendOptions) error {
	if o.JSON {
		return printJSON(out, s)
	}
	line := style.verdict(s.Status, s.OK)
	if body := strings.TrimSpace(s.Body); body != "" {
		line += " " + visible(body, false)
	}
	about := fmt.Sprintf("%d ms", s.Millis)
	if s.Type != "" {
		about = "type " + visible(s.Type, false) + ", " + about
	}
	if s.ID != "" {
		about = "id " + visible(s.ID, false) + ", " + about
	}
	if s.Duplicate > 0 {
		about = fmt.Sprintf("duplicate %d of %d, ", s.Duplicate, o.Faults.Duplicate) + about
	}
	if s.Fault != "" {
		about = s.Fault + ", " + about
	}
	_, err := fmt.Fprintf(out, "%s  %s\n", line, style.Faint("("+about+")"))
	return err
}

// verdict is a status, coloured as it was expected or not.
func (s Style) verdict(status int, ok bool) string {
	if !ok {
		return s.Bad(strconv.Itoa(status))
	}
	return s.Good(strconv.Itoa(status))
}

// signable reports whether the sender's side of the scheme is known, and a key for it
// could be.
func signable(p verifiers.Provider) error {
	_, known := p.Scheme.(verifiers.Signer)
	switch {
	case known && (p.SecretHint != "" || p.Name == providers.HMAC.Name || keyTypeOf(p).public()):
		return nil
	case p.SecretHint != "":
		return fmt.Errorf("%w: only the receiving side of %s is known; let it send a real event instead", ErrNotSignable, p.Title)
	}
	return fmt.Errorf("%w: the key of %s is nowhere but at the sender; let it send a real event instead", ErrNotSignable, p.Title)
}
