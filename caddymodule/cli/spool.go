package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"text/tabwriter"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/natspub"
)

// DefaultDrainTimeout is how long [SpoolDrain] waits.
const DefaultDrainTimeout = time.Minute

const (
	// drainLook is how often a spool is looked at while it drains, and drainAgain how
	// often an attempt is asked for.
	drainLook  = 200 * time.Millisecond
	drainAgain = 2 * time.Second
)

// SpoolOptions say which spool is meant.
type SpoolOptions struct {
	// Reach says where the admin API is; a spool is nowhere else. Its Connection is that
	// of the spool; empty means all.
	Reach
	// Timeout is how long SpoolDrain waits; 0 means [DefaultDrainTimeout].
	Timeout time.Duration
	// JSON prints JSON.
	JSON bool
	// Progress is where it is said how far SpoolDrain is, if it is a terminal.
	Progress io.Writer
}

// spoolReport is a spool, as the admin API describes it.
type spoolReport struct {
	Connection string `json:"connection"`
	Dir        string `json:"dir"`
	MaxAge     string `json:"max_age,omitempty"`
	natspub.SpoolReport
}

// spoolReports is the answer of the admin API.
type spoolReports struct {
	Spools []spoolReport `json:"spools"`
	None   string        `json:"none,omitempty"`
}

func (a *spoolReports) events() (n int64) {
	for _, s := range a.Spools {
		n += s.Events
	}
	return n
}

// taken is how many events the clusters have got from the spools since the start.
func (a *spoolReports) taken() (n uint64) {
	for _, s := range a.Spools {
		n += s.Forwarded + s.Duplicates + s.Conflicts
	}
	return n
}

// spoolClient asks the admin API.
func (o *SpoolOptions) spoolClient() (*admin, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	a, err := o.admin()
	if err == nil {
		a.hint = ""
	}
	return a, err
}

func (o *SpoolOptions) ask(ctx context.Context, a *admin) (answer spoolReports, err error) {
	path := "spool"
	if o.Connection != "" {
		path += "?connection=" + url.QueryEscape(o.Connection)
	}
	return answer, a.call(ctx, http.MethodGet, path, nil, &answer)
}

// SpoolStatus writes how the gateway's spools are. The error wraps [ErrNo] if there is
// none.
func SpoolStatus(ctx context.Context, w io.Writer, o SpoolOptions) error {
	a, err := o.spoolClient()
	if err != nil {
		return err
	}
	answer, err := o.ask(ctx, a)
	if err != nil {
		return err
	}
	if o.JSON {
		err = printJSON(w, answer)
	} else {
		err = answer.print(w)
	}
	if err == nil && len(answer.Spools) == 0 {
		return ErrNo
	}
	return err
}

func (a *spoolReports) print(w io.Writer) error {
	if len(a.Spools) == 0 {
		_, err := fmt.Fprintf(w, "there is no spool: %s\n", visible(a.None, false))
		return err
	}
	style := StyleOf(w)
	for i := range a.Spools {
		if i > 0 {
			fmt.Fprintln(w)
		}
		if err := a.Spools[i].print(w, style); err != nil {
			return err
		}
	}
	return nil
}

func (s *spoolReport) print(w io.Writer, style Style) error {
	now := time.Now()
	state := string(s.State)
	switch s.State {
	case natspub.SpoolIdle:
		state = style.Good(state)
	case natspub.SpoolWaiting, natspub.SpoolHolding:
		state = style.Bad(state)
	case natspub.SpoolDraining:
		state = style.Warn(state)
	}
	fmt.Fprintf(w, "%s  %s in %s\n", state, style.Strong("connection "+visible(s.Connection, false)), visible(s.Dir, false))
	tw := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	line := func(name, value string) { fmt.Fprintf(tw, "  %s\t%s\n", name, visible(value, false)) }
	line("waits", fmt.Sprintf("%d events, %s of %s", s.Events, size(s.Bytes), size(s.MaxBytes)))
	if !s.Oldest.IsZero() {
		limit := ""
		if s.MaxAge != "" {
			limit = ", of at most " + s.MaxAge
		}
		line("the oldest", fmt.Sprintf("%s, %s ago%s", s.Oldest.Local().Format(time.RFC3339), ago(now, s.Oldest), limit))
	}
	switch {
	case s.Out:
		cause := ""
		if s.Cause != "" {
			cause = ": " + s.Cause
		}
		line("cluster", fmt.Sprintf("takes no events since %s, for %s%s", s.Since.Local().Format(time.RFC3339), ago(now, s.Since), cause))
	case s.State == natspub.SpoolWaiting:
		line("cluster", "is not connected")
	default:
		line("cluster", "takes events")
	}
	if s.Held > 0 {
		line("held", fmt.Sprintf("%d events, whose subjects the cluster refuses", s.Held))
	}
	if s.Stuck > 0 {
		line("stuck", fmt.Sprintf("%d events, which are larger than the cluster takes, or whose id may have been forgotten", s.Stuck))
	}
	rate := ""
	if s.Rate >= 0.05 {
		rate = fmt.Sprintf(", now %s a second", figure(s.Rate))
	}
	line("since the start", fmt.Sprintf("%d kept, %d forwarded%s; %d duplicates, %d conflicts", s.Kept, s.Forwarded, rate, s.Duplicates, s.Conflicts))
	if s.LastError != "" {
		line("last error", fmt.Sprintf("%s ago: %s", ago(now, s.LastErrorAt), s.LastError))
	}
	if err := tw.Flush(); err != nil || len(s.Sources) == 0 {
		return err
	}
	tw = tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(tw, "  TENANT/SOURCE\tSTREAM\tEVENTS\tBYTES")
	for _, src := range s.Sources {
		held := ""
		if !src.Held.IsZero() {
			held = "\theld for " + ago(now, src.Held)
		}
		fmt.Fprintf(tw, "  %s\t%s\t%d\t%s%s\n", visible(src.Tenant+"/"+src.Source, false), visible(src.Stream, false), src.Events, size(src.Bytes), held)
	}
	return tw.Flush()
}

func ago(now, then time.Time) string { return max(now.Sub(then), 0).Round(time.Second).String() }

// size writes a number of bytes in the unit that fits.
func size(n int64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	f, i := float64(n), 0
	for f >= 1024 && i < len(units)-1 {
		f, i = f/1024, i+1
	}
	if i == 0 {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f %s", f, units[i])
}

// drained is what has come of SpoolDrain, in JSON.
type drained struct {
	Empty     bool    `json:"empty"`
	Forwarded uint64  `json:"forwarded"`
	Seconds   float64 `json:"seconds"`
	spoolReports
}

// SpoolDrain has the gateway try at once to forward what waits in its spools, and waits
// until nothing is left. The error wraps [ErrNo] if something is when the time is over,
// or if there is no spool.
func SpoolDrain(ctx context.Context, w io.Writer, o SpoolOptions) error {
	if o.Timeout == 0 {
		o.Timeout = DefaultDrainTimeout
	}
	if o.Timeout < 0 {
		return fmt.Errorf("%w: --timeout must not be negative", ErrUsage)
	}
	a, err := o.spoolClient()
	if err != nil {
		return err
	}
	drain := func() (answer spoolReports, err error) {
		return answer, a.call(ctx, http.MethodPost, "spool/drain", map[string]string{"connection": o.Connection}, &answer)
	}
	answer, err := drain()
	if err != nil {
		return err
	}
	if len(answer.Spools) == 0 {
		if o.JSON {
			err = printJSON(w, answer)
		} else {
			err = answer.print(w)
		}
		return cmp.Or(err, ErrNo)
	}
	bar := NewProgress(o.Progress, "draining")
	defer bar.Done()
	start, asked := time.Now(), time.Now()
	before := answer.taken()
	forwarded := uint64(0)
	for answer.events() > 0 && time.Since(start) < o.Timeout {
		bar.At(int(forwarded), forwarded, forwarded+uint64(answer.events())) //nolint:gosec // there are not that many
		if !sleep(ctx, drainLook) {
			return ctx.Err()
		}
		look := func() (spoolReports, error) { return o.ask(ctx, a) }
		if time.Since(asked) > drainAgain {
			look, asked = drain, time.Now()
		}
		now, err := look()
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, ErrUnreachable) && time.Since(start) < o.Timeout, err == nil && len(now.Spools) == 0:
			continue // as on a reload
		case err != nil:
			return err
		}
		if now.taken() < before { // another configuration has begun to count
			before = 0
		}
		answer, forwarded = now, now.taken()-before
	}
	bar.Done()
	empty := answer.events() == 0
	took := time.Since(start)
	switch {
	case o.JSON:
		err = printJSON(w, drained{empty, forwarded, took.Seconds(), answer})
	case empty:
		_, err = fmt.Fprintf(w, "the spool is empty: %d events forwarded in %s\n", forwarded, took.Round(100*time.Millisecond))
	default:
		_, err = fmt.Fprintf(w, "%d events forwarded in %s, and %d are left:\n", forwarded, took.Round(100*time.Millisecond), answer.events())
		if err == nil {
			err = answer.print(w)
		}
	}
	if empty {
		return err
	}
	return cmp.Or(err, ErrNo)
}
