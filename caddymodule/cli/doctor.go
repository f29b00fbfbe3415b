package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
)

// DoctorSeverity says how bad a finding of [Doctor] is.
type DoctorSeverity string

// The severities, the worst first.
const (
	// DoctorProblem: events are refused, lost, or can be forged.
	DoctorProblem DoctorSeverity = "problem"
	// DoctorWarning: what is promised holds less well than one may think.
	DoctorWarning DoctorSeverity = "warning"
	// DoctorNote: worth knowing.
	DoctorNote DoctorSeverity = "note"
	// DoctorOK: it was looked at, and is as it should be.
	DoctorOK DoctorSeverity = "ok"
)

var doctorSeverities = []DoctorSeverity{DoctorProblem, DoctorWarning, DoctorNote, DoctorOK}

// DoctorFinding is one thing that was found. No member holds a secret, nor how
// long one is.
type DoctorFinding struct {
	// Code is a stable word; see [DoctorCodes].
	Code     string         `json:"code"`
	Severity DoctorSeverity `json:"severity"`
	// Where names the route, the site, the connection or the stream.
	Where string `json:"where,omitempty"`
	// Place is the file and the line, as far as they are known.
	Place string `json:"place,omitempty"`
	// What says what is, Why what comes of it, and Cure what to do.
	What string `json:"what"`
	Why  string `json:"why,omitempty"`
	Cure string `json:"cure,omitempty"`
}

// DoctorReport collects findings.
type DoctorReport struct {
	Findings []DoctorFinding
	// Unchecked says what could not be looked at, and why.
	Unchecked []string

	only, skip []string
}

// NewDoctorReport returns a report that takes the findings with the codes in only,
// or all if that is empty, and none with a code in skip. An error wraps [ErrUsage]
// if there is no such code.
func NewDoctorReport(only, skip []string) (*DoctorReport, error) {
	for _, code := range slices.Concat(only, skip) {
		if _, ok := doctorCode(code); !ok {
			return nil, fmt.Errorf("%w: there is no code %q: docs/doctor.md lists them, and so does `caddy webhooks doctor --codes`", ErrUsage, code)
		}
	}
	return &DoctorReport{only: only, skip: skip}, nil
}

// Add notes a finding: what it is about, file and line if they are known, and what
// is wrong. The severity, why it matters and the cure are those of the code, unless
// cure says something that fits better.
func (r *DoctorReport) Add(code, where, place, what string, cure ...string) {
	c, ok := doctorCode(code)
	if !ok {
		panic("there is no code " + code)
	}
	if len(r.only) > 0 && !slices.Contains(r.only, code) || slices.Contains(r.skip, code) {
		return
	}
	f := DoctorFinding{Code: code, Severity: c.Severity, Where: where, Place: place, What: what, Why: c.Why, Cure: c.Cure}
	if len(cure) > 0 {
		f.Cure = strings.Join(cure, "; ")
	}
	if !slices.Contains(r.Findings, f) { // sites may share what they import
		r.Findings = append(r.Findings, f)
	}
}

// OK notes what is as it should be.
func (r *DoctorReport) OK(where, what string) {
	r.Findings = append(r.Findings, DoctorFinding{Code: doctorFine, Severity: DoctorOK, Where: where, What: what})
}

// Skipped notes what could not be looked at.
func (r *DoctorReport) Skipped(what string) { r.Unchecked = append(r.Unchecked, what) }

// Count returns how many findings have the severity.
func (r *DoctorReport) Count(s DoctorSeverity) int {
	n := 0
	for i := range r.Findings {
		if r.Findings[i].Severity == s {
			n++
		}
	}
	return n
}

// Has reports whether there is a finding with this code.
func (r *DoctorReport) Has(code string) bool {
	return slices.ContainsFunc(r.Findings, func(f DoctorFinding) bool { return f.Code == code })
}

// Err is [ErrNo] if there is a problem, or, if it is strict, a warning.
func (r *DoctorReport) Err(strict bool) error {
	if r.Count(DoctorProblem) > 0 || strict && r.Count(DoctorWarning) > 0 {
		return ErrNo
	}
	return nil
}

func (r *DoctorReport) sort() {
	order := func(f *DoctorFinding) int {
		return slices.IndexFunc(DoctorCodes, func(c DoctorCode) bool { return c.Code == f.Code })
	}
	slices.SortStableFunc(r.Findings, func(a, b DoctorFinding) int {
		return cmp.Or(slices.Index(doctorSeverities, a.Severity)-slices.Index(doctorSeverities, b.Severity), order(&a)-order(&b))
	})
}

func (r *DoctorReport) summary() string {
	parts := make([]string, 0, 3)
	for _, s := range []DoctorSeverity{DoctorProblem, DoctorWarning, DoctorNote} {
		n := r.Count(s)
		text := fmt.Sprintf("%d %s", n, s)
		if n != 1 {
			text += "s"
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, ", ")
}

// WriteJSON writes the report as one object.
func (r *DoctorReport) WriteJSON(w io.Writer) error {
	r.sort()
	answer := struct {
		Findings  []DoctorFinding `json:"findings"`
		Unchecked []string        `json:"unchecked"`
		Problems  int             `json:"problems"`
		Warnings  int             `json:"warnings"`
		Notes     int             `json:"notes"`
	}{append([]DoctorFinding{}, r.Findings...), append([]string{}, r.Unchecked...), r.Count(DoctorProblem), r.Count(DoctorWarning), r.Count(DoctorNote)}
	return printJSON(w, answer)
}

// Write writes the report for a person: the worst first, what is fine in one line
// each, and a summary.
func (r *DoctorReport) Write(w io.Writer, style Style) error {
	r.sort()
	var b strings.Builder
	for i := range r.Findings {
		f := &r.Findings[i]
		head := f.Where
		switch {
		case f.Where == "" || strings.HasPrefix(f.Place, f.Where+":"):
			head = f.Place
		case f.Place != "" && !strings.Contains(head, f.Place):
			head += " (" + f.Place + ")"
		}
		if f.Severity == DoctorOK {
			text := f.What
			if head = or(f.Where, f.Place); head != "" {
				text = head + ": " + text
			}
			fmt.Fprintf(&b, "%s %s\n", paintSeverity(style, f.Severity), visible(text, false))
			continue
		}
		fmt.Fprintf(&b, "%s %s", paintSeverity(style, f.Severity), f.Code)
		if head != "" {
			fmt.Fprintf(&b, "  %s", visible(head, false))
		}
		fmt.Fprintln(&b)
		// The same need not be said of each of several.
		why, cure := f.Why, f.Cure
		if i > 0 && r.Findings[i-1].Code == f.Code {
			if why = ""; r.Findings[i-1].Cure == cure {
				cure = ""
			}
		}
		for _, part := range []struct{ label, text string }{{"", f.What}, {"why: ", why}, {"cure: ", cure}} {
			if part.text == "" {
				continue
			}
			lines := strings.Split(visible(part.text, true), "\n")
			fmt.Fprintf(&b, "         %s%s\n", part.label, lines[0])
			for _, line := range lines[1:] {
				fmt.Fprintf(&b, "           %s\n", line)
			}
		}
	}
	for _, text := range r.Unchecked {
		fmt.Fprintf(&b, "%s %s\n", style.Faint("skipped "), visible(text, false))
	}
	fmt.Fprintln(&b, r.summary())
	_, err := io.WriteString(w, b.String())
	return err
}

func paintSeverity(style Style, s DoctorSeverity) string {
	text := fmt.Sprintf("%-8s", s)
	switch s {
	case DoctorProblem:
		return style.Bad(text)
	case DoctorWarning:
		return style.Warn(text)
	case DoctorOK:
		return style.Good(text)
	case DoctorNote:
	}
	return style.Strong(text)
}

// DoctorOptions are what [Doctor] is told besides the configuration.
type DoctorOptions struct {
	// TimeFrom is a URL whose server's clock is compared with this machine's, ""
	// for none.
	TimeFrom string
	// Strict makes warnings count.
	Strict bool
	// JSON prints an object and no text.
	JSON bool
	// Progress is standard error, where a terminal shows how far the checks are. With
	// nil nothing is shown.
	Progress io.Writer
}

// DoctorSubject is what [Doctor] looks at beyond what the configuration says by
// itself.
type DoctorSubject struct {
	// Brokers are the connections to NATS clusters.
	Brokers []DoctorBroker
}

// Doctor looks at NATS and at the clock, adds what it finds to the report, and prints
// that. The error is [ErrNo] if there is something to mend, or wraps
// [ErrUnreachable] if a URL that it was told to ask does not answer.
func Doctor(ctx context.Context, o DoctorOptions, s DoctorSubject, r *DoctorReport, out io.Writer) error {
	progress := NewProgress(o.Progress, "looking at NATS")
	for i := range s.Brokers {
		progress.At(i, uint64(i), uint64(len(s.Brokers)))
		s.Brokers[i].look(ctx, r)
	}
	progress.Done()
	unanswered := lookAtClock(ctx, o.TimeFrom, r)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	write := func() error { return r.Write(out, StyleOf(out)) }
	if o.JSON {
		write = func() error { return r.WriteJSON(out) }
	}
	if err := write(); err != nil {
		return err
	}
	if unanswered != nil {
		return unanswered
	}
	return r.Err(o.Strict)
}
