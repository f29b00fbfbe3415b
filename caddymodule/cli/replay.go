package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"golang.org/x/term"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/natspub"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

const (
	// replayLook is how often a job of the gateway is looked at, and replaySay the
	// time between two lines about it.
	replayLook = 250 * time.Millisecond
	replaySay  = 5 * time.Second
	// replayAway is how long a gateway may be away while it replays.
	replayAway = 2 * time.Minute
)

// ErrReplayStopped means that a job has ended early, and can be resumed.
var ErrReplayStopped = errors.New("the replay has stopped")

// ReplayOptions say what [ReplayEvents] does.
type ReplayOptions struct {
	Reach
	// Spec is what to replay and where to. Its Stream is [DefaultStream] if it is
	// empty, and its times are Since and Until.
	Spec natspub.ReplaySpec
	// Since and Until are RFC 3339 times, or durations such as "1h" for so long ago.
	Since, Until string
	// Signing is with what events are signed once more, if Spec says so.
	Signing Signing
	// DryRun says what would be replayed.
	DryRun bool
	// Yes begins a new replay without saying first what it would send, and asking.
	Yes bool
	// Stdin and Prompt are where is asked, if Stdin is a terminal; else a new replay
	// without Yes sends nothing.
	Stdin  io.Reader
	Prompt io.Writer
	// Resume goes on with this job, and Stop stops one that the gateway runs.
	Resume, Stop string
	// List lists the jobs of the last 30 days.
	List bool
	// Detach leaves the gateway alone with the job.
	Detach bool
	// JSON prints JSON: the plan, the jobs, or the job's state each time that
	// something is said about it.
	JSON bool
	// Progress is where it is said how far it is, if it is a terminal.
	Progress io.Writer

	bar *Progress
}

// ReplayRequest is what the admin API is asked for.
type ReplayRequest struct {
	natspub.ReplaySpec
	// Connection is the name of the connection to NATS, "default" for the one
	// without a name. It may be left out where only one is open.
	Connection string `json:"connection,omitempty"`
	By         string `json:"by,omitempty"`
	DryRun     bool   `json:"dry_run,omitempty"`
}

// ReplayJob is what the admin API is asked for about a job.
type ReplayJob struct {
	Connection string `json:"connection,omitempty"`
	By         string `json:"by,omitempty"`
}

// ReplayJobs are what the admin API answers.
type ReplayJobs struct {
	Jobs []natspub.ReplayState `json:"jobs"`
}

// ReplayEvents sends events of a stream once more, and writes to w what comes of
// it. The error is, or wraps, [ErrReplayStopped] if not all was sent; when ctx
// ends, too, and Resume goes on.
func ReplayEvents(ctx context.Context, w io.Writer, o ReplayOptions) error {
	if err := o.complete(); err != nil {
		return err
	}
	b, ctx, end, err := o.backend(ctx)
	if err != nil {
		return err
	}
	defer end()
	return ofReplay(ctx, o.do(ctx, w, b))
}

// ofReplay marks an error of a replay with its kind.
func ofReplay(ctx context.Context, err error) error {
	if errors.Is(err, natspub.ErrReplaySpec) || errors.Is(err, natspub.ErrNoReplay) {
		return mark(ErrUsage, err)
	}
	return because(ctx, err)
}

func (o *ReplayOptions) do(ctx context.Context, w io.Writer, b replayBackend) error {
	switch {
	case o.List:
		jobs, err := b.list(ctx)
		if err != nil {
			return err
		}
		return o.writeJobs(w, jobs)
	case o.Stop != "":
		st, err := b.stop(ctx, o.Stop)
		if err != nil {
			return err
		}
		return o.writeState(w, st)
	case o.DryRun:
		plan, err := b.plan(ctx)
		if err != nil {
			return err
		}
		return o.writePlan(w, plan)
	}
	if o.Resume == "" && !o.Yes {
		if sure, err := o.ask(ctx, w, b); !sure {
			return err
		}
	}
	o.bar = NewProgress(o.Progress, "replaying")
	defer o.bar.Done()
	w = o.bar.Over(w)
	st, err := b.run(ctx, func(st natspub.ReplayState) { _ = o.writeState(w, st) })
	if st.Job == "" || o.Detach && err == nil {
		return err
	}
	if writeErr := o.writeState(w, st); writeErr != nil {
		return writeErr
	}
	switch {
	case err == nil && st.Status == natspub.ReplayDone:
		return nil
	case errors.Is(err, natspub.ErrReplayTaken):
		return err
	case err == nil || ctx.Err() != nil:
		err = errors.New(st.Error)
		if st.Error == "" {
			err = context.Canceled
		}
	}
	return fmt.Errorf("%w: %w: `caddy webhooks replay --resume %s` goes on where it was", ErrReplayStopped, err, st.Job)
}

// ask says what would be sent, and returns whether it should be. Where nobody can be
// asked the error says how to do without.
func (o *ReplayOptions) ask(ctx context.Context, w io.Writer, b replayBackend) (bool, error) {
	if o.JSON {
		return false, fmt.Errorf("%w: nothing was sent: with --json write --yes, or --dry-run to see what would be", ErrUsage)
	}
	plan, err := b.plan(ctx)
	if err != nil {
		return false, err
	}
	if err := o.writePlan(w, plan); err != nil || plan.Events == 0 {
		return false, err
	}
	in, ok := o.Stdin.(*os.File)
	if !ok || o.Prompt == nil || !term.IsTerminal(int(in.Fd())) {
		return false, fmt.Errorf("%w: nothing was sent: write --yes to send them", ErrUsage)
	}
	_, _ = io.WriteString(o.Prompt, "send them? [y/N] ")
	answer := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(in).ReadString('\n')
		answer <- strings.ToLower(strings.TrimSpace(line))
	}()
	select {
	case <-ctx.Done():
		return false, ctx.Err()
	case text := <-answer:
		if text == "y" || text == "yes" {
			return true, nil
		}
	}
	_, _ = io.WriteString(o.Prompt, "nothing was sent\n")
	return false, ErrNo
}

func (o *ReplayOptions) complete() error {
	if err := o.Reach.complete(); err != nil {
		return err
	}
	if o.Spec.Stream == "" {
		o.Spec.Stream = DefaultStream
	}
	actions := 0
	for _, set := range []bool{o.List, o.DryRun, o.Resume != "", o.Stop != ""} {
		if set {
			actions++
		}
	}
	switch {
	case actions > 1:
		return fmt.Errorf("%w: --list, --dry-run, --resume and --stop are one at a time", ErrUsage)
	case actions > 0 && o.Yes:
		return fmt.Errorf("%w: --yes is for a new replay", ErrUsage)
	case o.direct() && (o.Stop != "" || o.Detach):
		return fmt.Errorf("%w: --stop and --detach are for replays by the gateway; one on a connection of its own runs in its own process", ErrUsage)
	case !o.Spec.Resign && o.Signing != (Signing{}) && o.Resume == "":
		return fmt.Errorf("%w: --secret-env, --secret-file and --public-url belong to --resign", ErrUsage)
	}
	if o.Spec.Resign {
		text, err := json.Marshal(o.Signing)
		if err != nil {
			return err
		}
		o.Spec.Signing = text
	}
	var err error
	if o.Spec.Since, err = moment("--since", o.Since); err != nil {
		return err
	}
	o.Spec.Until, err = moment("--until", o.Until)
	return err
}

// moment reads a time, or a duration for so long ago.
func moment(flag, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, nil
	}
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return time.Now().Add(-ago), nil
	}
	return time.Time{}, fmt.Errorf("%w: %s %q: write a time such as 2026-01-02T15:04:05Z, or a duration such as 1h for an hour ago", ErrUsage, flag, text)
}

// replayBackend is who replays: the gateway, or this process.
type replayBackend interface {
	plan(ctx context.Context) (natspub.ReplayPlan, error)
	list(ctx context.Context) ([]natspub.ReplayState, error)
	stop(ctx context.Context, job string) (natspub.ReplayState, error)
	// run begins or resumes a job, and waits for its end. A state without a job
	// means that there is none.
	run(ctx context.Context, say func(natspub.ReplayState)) (natspub.ReplayState, error)
}

func (o *ReplayOptions) backend(ctx context.Context) (replayBackend, context.Context, func(), error) {
	if !o.direct() {
		a, err := o.admin()
		return &adminReplay{o: o, admin: a}, ctx, func() {}, err
	}
	nc, prefix, err := o.connect()
	if err != nil {
		return nil, nil, nil, err
	}
	ctx, end := permitted(ctx, nc)
	return &directReplay{o: o, conn: nc, prefix: prefix}, ctx, func() { end(); nc.Close() }, nil
}

// ReplaySign returns what signs the requests of a job, for [natspub.ReplayConfig]; with
// providers and environment as in [Signing.Signer].
func ReplaySign(lookupProvider func(string) (verifiers.Provider, error), getenv func(string) string) func(json.RawMessage) (natspub.ReplaySign, error) {
	return func(text json.RawMessage) (natspub.ReplaySign, error) {
		var s Signing
		if err := json.Unmarshal(text, &s); err != nil {
			return nil, err
		}
		return s.Signer(lookupProvider, getenv), nil
	}
}

// directReplay replays in this process.
type directReplay struct {
	o      *ReplayOptions
	conn   *nats.Conn
	prefix string
}

func (b *directReplay) replayer(say func(natspub.ReplayState)) (*natspub.Replayer, error) {
	said := time.Now()
	return natspub.NewReplayer(natspub.ReplayConfig{
		Conn: b.conn, APIPrefix: b.prefix, By: b.o.By,
		Sign: ReplaySign(nil, b.o.Getenv),
		Progress: func(st natspub.ReplayState) {
			b.o.progress(st)
			if say != nil && st.Status == natspub.ReplayRunning && b.o.due(said) {
				said = time.Now()
				say(st)
			}
		},
	})
}

func (b *directReplay) plan(ctx context.Context) (natspub.ReplayPlan, error) {
	r, err := b.replayer(nil)
	if err != nil {
		return natspub.ReplayPlan{}, err
	}
	return r.Plan(ctx, b.o.Spec)
}

func (b *directReplay) list(ctx context.Context) ([]natspub.ReplayState, error) {
	r, err := b.replayer(nil)
	if err != nil {
		return nil, err
	}
	return r.Jobs(ctx)
}

func (*directReplay) stop(context.Context, string) (natspub.ReplayState, error) {
	return natspub.ReplayState{}, ErrUsage
}

func (b *directReplay) run(ctx context.Context, say func(natspub.ReplayState)) (natspub.ReplayState, error) {
	r, err := b.replayer(say)
	if err != nil {
		return natspub.ReplayState{}, err
	}
	var j *natspub.Replay
	if b.o.Resume != "" {
		j, err = r.Reopen(ctx, b.o.Resume)
	} else {
		j, err = r.Begin(ctx, b.o.Spec)
	}
	if err != nil {
		return natspub.ReplayState{}, err
	}
	say(j.State())
	err = j.Run(ctx)
	return j.State(), err
}

// adminReplay has the gateway replay.
type adminReplay struct {
	o     *ReplayOptions
	admin *admin
}

func (b *adminReplay) query() string {
	if b.o.Connection == "" {
		return ""
	}
	return "?connection=" + url.QueryEscape(b.o.Connection)
}

func (b *adminReplay) plan(ctx context.Context) (plan natspub.ReplayPlan, err error) {
	err = b.admin.call(ctx, http.MethodPost, "replay", ReplayRequest{b.o.Spec, b.o.Connection, b.o.By, true}, &plan)
	return plan, err
}

func (b *adminReplay) list(ctx context.Context) ([]natspub.ReplayState, error) {
	var answer ReplayJobs
	err := b.admin.call(ctx, http.MethodGet, "replay"+b.query(), nil, &answer)
	return answer.Jobs, err
}

func (b *adminReplay) stop(ctx context.Context, job string) (natspub.ReplayState, error) {
	return b.about(ctx, job, "stop")
}

func (b *adminReplay) about(ctx context.Context, job, verb string) (st natspub.ReplayState, err error) {
	err = b.admin.call(ctx, http.MethodPost, "replay/"+url.PathEscape(job)+"/"+verb, ReplayJob{b.o.Connection, b.o.By}, &st)
	return st, err
}

// run has the gateway work and looks at it. What the gateway could not finish
// because it was reloaded, restarted or killed it is told to go on with.
func (b *adminReplay) run(ctx context.Context, say func(natspub.ReplayState)) (st natspub.ReplayState, err error) {
	if b.o.Resume != "" {
		st, err = b.about(ctx, b.o.Resume, "resume")
	} else {
		err = b.admin.call(ctx, http.MethodPost, "replay", ReplayRequest{b.o.Spec, b.o.Connection, b.o.By, false}, &st)
	}
	if err != nil {
		return natspub.ReplayState{}, err
	}
	said, answered := time.Now(), time.Now()
	say(st)
	if b.o.Detach {
		return st, nil
	}
	for st.Status == natspub.ReplayRunning || st.Interrupted {
		if !sleep(ctx, replayLook) {
			return b.halt(ctx, st)
		}
		now, err := b.look(ctx, st.Job)
		switch {
		case ctx.Err() != nil:
			return b.halt(ctx, st)
		case err == nil:
			st, answered = now, time.Now()
		case time.Since(answered) > replayAway:
			return st, err
		}
		b.o.progress(st)
		if b.o.due(said) {
			said = time.Now()
			say(st)
		}
	}
	if st.Status == natspub.ReplayStopped {
		return st, errors.New(st.Error)
	}
	return st, nil
}

// look returns how far the job is, after telling a gateway to go on with one that
// it does not work on.
func (b *adminReplay) look(ctx context.Context, job string) (natspub.ReplayState, error) {
	var now struct {
		natspub.ReplayState
		Active bool `json:"active"`
	}
	if err := b.admin.call(ctx, http.MethodGet, "replay/"+url.PathEscape(job)+b.query(), nil, &now); err != nil {
		return natspub.ReplayState{}, err
	}
	if !now.Active && (now.Status == natspub.ReplayRunning || now.Interrupted) {
		return b.about(ctx, job, "resume")
	}
	return now.ReplayState, nil
}

// halt stops the job for a person who has pressed Ctrl-C.
func (b *adminReplay) halt(ctx context.Context, st natspub.ReplayState) (natspub.ReplayState, error) {
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), askTimeout)
	defer cancel()
	stopped, err := b.stop(last, st.Job)
	if err != nil {
		return st, fmt.Errorf("stopping: %w", err)
	}
	return stopped, ctx.Err()
}

func (o *ReplayOptions) progress(st natspub.ReplayState) {
	o.bar.At(int(st.Sent+st.Refused), st.Position, st.Last) //nolint:gosec // there are not that many
}

// due reports whether a line about a job is due that was last said something about
// then. A bar says enough for a person.
func (o *ReplayOptions) due(said time.Time) bool {
	return time.Since(said) > replaySay && (o.bar == nil || o.JSON)
}

func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

func (o *ReplayOptions) writeState(w io.Writer, st natspub.ReplayState) error {
	if o.JSON {
		return printJSON(w, st)
	}
	line := fmt.Sprintf("%s  %s  at %d of %d  %d sent", st.Job, st.Status, st.Position, st.Last, st.Sent)
	if st.Duplicates > 0 {
		line += fmt.Sprintf(", %d of them were there already", st.Duplicates)
	}
	if st.Refused > 0 {
		line += fmt.Sprintf(", %d refused and skipped", st.Refused)
	}
	line += "  to " + visible(withoutQuery(st.Spec.To), false)
	if st.Error != "" {
		line += "\n  " + visible(st.Error, false)
	}
	_, err := fmt.Fprintln(w, line)
	return err
}

// withoutQuery is for people: a query may hold a token.
func withoutQuery(to string) string {
	before, _, cut := strings.Cut(to, "?")
	if cut {
		return before + "?…"
	}
	return to
}

func (o *ReplayOptions) writeJobs(w io.Writer, jobs []natspub.ReplayState) error {
	if o.JSON {
		return printJSON(w, ReplayJobs{Jobs: append([]natspub.ReplayState{}, jobs...)})
	}
	if len(jobs) == 0 {
		_, err := fmt.Fprintln(w, "no replays in the last 30 days")
		return err
	}
	for _, st := range jobs {
		if err := o.writeState(w, st); err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, "  by %s at %s\n", visible(st.By, false), st.Updated.Local().Format(time.RFC3339)); err != nil {
			return err
		}
	}
	return nil
}

func (o *ReplayOptions) writePlan(w io.Writer, p natspub.ReplayPlan) error {
	if o.JSON {
		return printJSON(w, p)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d events, %d bytes, of %s would go to %s\n", p.Events, p.Bytes, p.Stream, visible(withoutQuery(p.To), false))
	if p.Events > 0 {
		fmt.Fprintf(&b, "stored from %s to %s\n", p.Oldest.Local().Format(time.RFC3339), p.Newest.Local().Format(time.RFC3339))
	}
	for _, source := range slices.Sorted(maps.Keys(p.BySource)) {
		fmt.Fprintf(&b, "  %8d  %s\n", p.BySource[source], visible(source, false))
	}
	if len(p.First) > 0 {
		fmt.Fprintln(&b, "the first:")
	}
	for _, e := range p.First {
		fmt.Fprintf(&b, "  seq %d  %s  id %s  type %s\n", e.Seq, e.Time.Local().Format(time.RFC3339), visible(e.ID, false), visible(e.Type, false))
	}
	_, err := io.WriteString(w, b.String())
	return err
}
