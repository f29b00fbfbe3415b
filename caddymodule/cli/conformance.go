package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/cli/conformance"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// ConformanceOptions say which receiver to examine, and how.
type ConformanceOptions struct {
	// SendOptions say who the sender is: provider, URL, secret, options, headers,
	// the type of the events. What they say about bodies, faults and counts does not
	// count.
	SendOptions
	// Options say which checks to run.
	conformance.Options
	// CountURL is asked for the number of processed events, and CountMatch is an
	// expression whose first group is a number in the answer; all that match are
	// added up. Without it the answer is the number.
	CountURL, CountMatch string
	// ObserveCmd is a command of the shell that prints the number instead.
	ObserveCmd string
	// JUnit is a file for a report in JUnit's form.
	JUnit string
	// Progress is where a bar is drawn if it is a terminal; nil for none.
	Bar io.Writer
}

// Conformance examines a receiver of webhooks and prints a report. It returns
// whether the receiver is right: it has no flaw that must be mended. The error
// wraps [ErrUsage], [ErrUnreachable] if nothing listens at the URL, or the
// context's; with the context's the report has been printed as far as it is.
func Conformance(ctx context.Context, o ConformanceOptions, out io.Writer) (bool, error) {
	if o.Provider == "" {
		return false, fmt.Errorf("%w: say whose receiver it is: --provider", ErrUsage)
	}
	checks, err := conformance.Select(o.Only, o.Skip)
	if err != nil {
		return false, fmt.Errorf("%w: %w: `caddy webhooks conformance --list` prints them", ErrUsage, err)
	}
	target, err := o.target()
	if err != nil {
		return false, err
	}
	bar := NewProgress(o.Bar, "checking")
	o.Options.Progress = func(done, total int, _ string) { bar.At(done, uint64(done), uint64(total)) } //nolint:gosec // neither is negative
	report, err := conformance.Run(ctx, target, o.Options)
	bar.Done()
	switch {
	case err == nil:
	case errors.Is(err, conformance.ErrUnreachable):
		return false, mark(ErrUnreachable, fmt.Errorf("%s: %w", o.URL, err))
	case errors.Is(err, conformance.ErrSender):
		return false, mark(ErrUsage, fmt.Errorf("%s: %w", target.Provider.Name, err))
	case report == nil || len(report.Results) == 0:
		return false, err
	}
	if err := o.print(report, len(checks), out); err != nil {
		return false, err
	}
	if err != nil {
		return false, err // it was interrupted
	}
	return report.Diagnosis == "" && report.Flawed(conformance.Must) == 0, nil
}

func (o *ConformanceOptions) print(report *conformance.Report, checks int, out io.Writer) error {
	if o.JUnit != "" {
		if err := writeJUnit(o.JUnit, report); err != nil {
			return ofFile(fmt.Errorf("writing the report: %w", err))
		}
	}
	if o.JSON {
		return printJSON(out, newConformanceJSON(report))
	}
	return o.printReport(out, report, checks)
}

// target is the receiver, and its sender.
func (o *ConformanceOptions) target() (conformance.Target, error) {
	var t conformance.Target
	p, err := o.provider()
	if err != nil {
		return t, err
	}
	s, err := newSender(p, &o.SendOptions)
	if err != nil {
		return t, err
	}
	t = conformance.Target{
		Provider: p, Config: s.config, URL: s.target, PublicURL: s.signed, Secrets: o.secrets(p, s.config.Options),
		Sample: func(id, kind string, at time.Time) (*verifiers.Request, error) {
			if kind == "" {
				kind = o.Type
			}
			d, err := newDraft(p, s.signed, id, kind, at)
			if err != nil {
				return nil, err
			}
			maps.Copy(d.req.Header, s.header)
			return d.req, nil
		},
	}
	for _, text := range t.Secrets {
		if signer, err := parsePrivate([]byte(text)); err == nil {
			t.PublicKey = signer.Public()
		}
	}
	t.Observe, err = o.observer()
	return t, err
}

// secrets are the texts that nothing may show.
func (o *ConformanceOptions) secrets(p verifiers.Provider, options map[string]string) []string {
	var list []string
	for _, option := range p.Options {
		if option.Secret && options[option.Name] != "" {
			list = append(list, options[option.Name])
		}
	}
	if o.SecretFile != "" {
		if text, err := os.ReadFile(o.SecretFile); err == nil {
			list = append(list, strings.TrimSpace(string(text)))
		}
		return list
	}
	names := secretVariables(p.Name)
	if o.SecretEnv != "" {
		names = []string{o.SecretEnv}
	}
	for _, name := range names {
		if value := o.getenv(name); value != "" {
			list = append(list, value)
		}
	}
	return list
}

// observer returns what tells how many events were processed; nil if nothing does.
func (o *ConformanceOptions) observer() (func(context.Context) (int64, error), error) {
	match := regexp.MustCompile(`\A\s*(\d+)\s*\z`)
	if o.CountMatch != "" {
		var err error
		if match, err = regexp.Compile(o.CountMatch); err != nil {
			return nil, fmt.Errorf("%w: --count-match: %w", ErrUsage, err)
		}
		if match.NumSubexp() < 1 {
			return nil, fmt.Errorf(`%w: --count-match: put the number into a group, such as "messages":(\d+)`, ErrUsage)
		}
	}
	switch {
	case o.CountURL != "" && o.ObserveCmd != "":
		return nil, fmt.Errorf("%w: --count-url and --observe-cmd: one of them is enough", ErrUsage)
	case o.CountURL != "":
		if _, err := parseURL(o.CountURL); err != nil {
			return nil, fmt.Errorf("--count-url: %w", err)
		}
		return func(ctx context.Context) (int64, error) {
			text, err := get(ctx, o.CountURL)
			if err != nil {
				return 0, fmt.Errorf("--count-url: %w", err)
			}
			return sum(match, text)
		}, nil
	case o.ObserveCmd != "":
		return func(ctx context.Context) (int64, error) {
			text, err := shell(ctx, o.ObserveCmd).Output()
			if err != nil {
				return 0, fmt.Errorf("--observe-cmd: %w", err)
			}
			return sum(match, text)
		}, nil
	case o.CountMatch != "":
		return nil, fmt.Errorf("%w: --count-match is about --count-url or --observe-cmd", ErrUsage)
	}
	return nil, nil
}

func shell(ctx context.Context, command string) *exec.Cmd {
	if runtime.GOOS == "windows" {
		return exec.CommandContext(ctx, "cmd", "/C", command) //nolint:gosec // the operator's own command
	}
	return exec.CommandContext(ctx, "sh", "-c", command) //nolint:gosec // the operator's own command
}

func get(ctx context.Context, url string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, ofHTTP(ctx, err)
	}
	defer res.Body.Close()
	const maxCount = 16 << 20 // a page of metrics
	text, err := io.ReadAll(io.LimitReader(res.Body, maxCount))
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("the answer has status %d", res.StatusCode)
	}
	return text, err
}

// sum adds up the numbers that the first group matches.
func sum(match *regexp.Regexp, text []byte) (int64, error) {
	var total float64
	found := match.FindAllSubmatch(text, -1)
	for _, m := range found {
		n, err := strconv.ParseFloat(string(m[1]), 64)
		if err != nil {
			return 0, fmt.Errorf("%q is no number", m[1])
		}
		total += n
	}
	if len(found) == 0 && match.NumSubexp() > 0 && strings.HasPrefix(match.String(), `\A\s*`) {
		return 0, errors.New("what came is no number: say with --count-match where it is")
	}
	return int64(total), nil // none that match are none that were processed
}

// ListChecks prints the checks, as a table or as one JSON object a line.
func ListChecks(out io.Writer, only, skip []string, asJSON bool) error {
	checks, err := conformance.Select(only, skip)
	if err != nil {
		return fmt.Errorf("%w: %w: `caddy webhooks conformance --list` prints them", ErrUsage, err)
	}
	if asJSON {
		for _, c := range checks {
			if err := printJSON(out, c); err != nil {
				return err
			}
		}
		return nil
	}
	return printChecks(out, checks)
}

// CheckNames returns the codes of the checks and the names of their groups, for
// completion.
func CheckNames() []string {
	names := slices.Clone(conformance.Groups)
	for _, c := range conformance.Checks() {
		names = append(names, c.Code)
	}
	return names
}
