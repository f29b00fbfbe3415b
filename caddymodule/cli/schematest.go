package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
	"github.com/caddy-webhooks/caddy-webhooks/schemas"
)

// DefaultFailures is how many failing events [SchemaTest] names.
const DefaultFailures = 10

// maxTested is how many types and schemas are counted apart.
const maxTested = 10_000

// TestOptions say what [SchemaTest] tests.
type TestOptions struct {
	HistoryOptions
	// Path is the candidate: a directory, or a file for all types, perhaps with a
	// JSON Pointer. Required.
	Path string
	// Rules are "glob=file", as the lines `type <glob> <file>` of a route; only with
	// a directory. None means that files are found by name.
	Rules []string
	// Failures is how many failing events are named. Zero means [DefaultFailures],
	// and what is negative none.
	Failures int
	// JSON writes JSON.
	JSON bool
}

// TestCount counts events by what a candidate says of them.
type TestCount struct {
	Events   int `json:"events"`
	Valid    int `json:"valid"`
	Refused  int `json:"refused"`
	NoSchema int `json:"no_schema"`
	// Skipped have no JSON and no form, or their bodies could not be read.
	Skipped int `json:"skipped"`
}

// TestType counts the events of one type.
type TestType struct {
	Type string `json:"type"`
	// Schema is the address of what the type is checked by; "" if there is nothing.
	Schema string `json:"schema"`
	TestCount
}

// TestFailure is an event that a candidate refuses, without its values.
type TestFailure struct {
	Seq    uint64    `json:"seq"`
	Time   time.Time `json:"time"`
	Source string    `json:"source"`
	Type   string    `json:"type"`
	ID     string    `json:"id"`
	Schema string    `json:"schema"`
	// Was is the verdict that the event carries: valid, invalid, none.
	Was        string          `json:"was"`
	Violations []TestViolation `json:"violations,omitempty"`
	More       int             `json:"more,omitempty"`
	// Why says why the payload could not be looked at.
	Why string `json:"why,omitempty"`
}

// TestViolation is one way in which a payload does not fit.
type TestViolation struct {
	Pointer string `json:"pointer"`
	Keyword string `json:"keyword"`
	Schema  string `json:"schema"`
	// Missing are the first members that the keyword demands and that are not there.
	Missing []string `json:"missing,omitempty"`
}

// TestResult is what a candidate would do to the events of a stream.
type TestResult struct {
	Stream   string `json:"stream"`
	FirstSeq uint64 `json:"first_seq"`
	LastSeq  uint64 `json:"last_seq"`
	TestCount
	// NowRefused carry that they were valid, or that there was no schema, and
	// NowAccepted that they were not valid.
	NowRefused  int `json:"now_refused"`
	NowAccepted int `json:"now_accepted"`
	// Interrupted: not all was read, as NATS failed or the context ended.
	Interrupted bool          `json:"interrupted,omitempty"`
	Types       []TestType    `json:"types"`
	Failures    []TestFailure `json:"failures"`

	byType map[[2]string]*TestType
}

// SchemaTest checks the events of a stream against schemas that are not in use yet,
// writes what would become of them, and returns whether none is refused. The error
// wraps [ErrUsage] or [ErrNothing], is that of loading the schemas, or says why the
// stream cannot be read, or not to its end: then what was found out before is written.
func SchemaTest(ctx context.Context, w io.Writer, o TestOptions) (bool, error) {
	cfg, _, err := schemaConfig(o.Path, o.Rules)
	if err != nil {
		return false, err
	}
	set, err := schemas.Load(cfg)
	if err != nil {
		return false, ofFile(err)
	}
	if o.Failures == 0 {
		o.Failures = DefaultFailures
	}
	r := &TestResult{Stream: cmp.Or(o.Stream, DefaultStream), Failures: []TestFailure{}, byType: map[[2]string]*TestType{}}
	err = o.read(ctx, func(h *history) error {
		r.add(h, set, o.Failures)
		return nil
	})
	if err != nil && r.Events == 0 {
		return false, err
	}
	r.Interrupted = err != nil // what was found out is worth saying
	if ctx.Err() != nil {
		err = fmt.Errorf("interrupted: %w", ctx.Err())
	}
	r.sort()
	write := r.write
	if o.JSON {
		write = func(w io.Writer) error { return printJSON(w, r) }
	}
	return r.Refused == 0, errors.Join(write(w), err)
}

func (r *TestResult) add(h *history, set *schemas.Set, failures int) {
	if r.Events == 0 {
		r.FirstSeq = h.Seq
	}
	r.LastSeq = h.Seq
	info, has := set.Choose(h.typ)
	counts := []*TestCount{&r.TestCount, &r.of(h.typ, info.Schema).TestCount}
	count := func(of func(*TestCount) *int) {
		for _, c := range counts {
			c.Events++
			*of(c)++
		}
	}
	switch {
	case h.skipped != "":
		count(func(c *TestCount) *int { return &c.Skipped })
		return
	case !has:
		count(func(c *TestCount) *int { return &c.NoSchema })
		return
	}
	was := h.One("ce-whschema")
	_, err := set.Validate(h.typ, h.payload)
	if err == nil {
		count(func(c *TestCount) *int { return &c.Valid })
		if was == string(gateway.SchemaInvalid) {
			r.NowAccepted++
		}
		return
	}
	count(func(c *TestCount) *int { return &c.Refused })
	if was != string(gateway.SchemaInvalid) {
		r.NowRefused++
	}
	if len(r.Failures) < failures {
		r.Failures = append(r.Failures, failure(h, info.Schema, was, err))
	}
}

// of returns the counts of a type. Of too many types the last are counted together.
func (r *TestResult) of(typ, schema string) *TestType {
	key := [2]string{typ, schema}
	t := r.byType[key]
	if t == nil && len(r.byType) >= maxTested {
		key = [2]string{"(others)", ""}
		t = r.byType[key]
	}
	if t == nil {
		t = &TestType{Type: key[0], Schema: key[1]}
		r.byType[key] = t
	}
	return t
}

func failure(h *history, schema, was string, err error) TestFailure {
	f := TestFailure{Seq: h.Seq, Time: h.Time.UTC(), Source: h.source(), Type: h.typ, ID: h.One("ce-id"), Schema: schema, Was: was}
	invalid, ok := errors.AsType[*schemas.Invalid](err)
	if !ok || invalid.Err != nil {
		f.Why = err.Error()
		return f
	}
	f.More = invalid.More
	for _, v := range invalid.Violations {
		f.Violations = append(f.Violations, TestViolation(v))
	}
	return f
}

func (r *TestResult) sort() {
	r.Types = []TestType{}
	for _, t := range r.byType {
		r.Types = append(r.Types, *t)
	}
	slices.SortFunc(r.Types, func(a, b TestType) int {
		return cmp.Or(cmp.Compare(b.Refused, a.Refused), cmp.Compare(a.Type, b.Type), cmp.Compare(a.Schema, b.Schema))
	})
}

func (r *TestResult) write(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, sequences %d to %d: %s\n", r.Stream, r.FirstSeq, r.LastSeq, &r.TestCount)
	if r.Interrupted {
		b.WriteString("interrupted: not all was looked at\n")
	}
	for i := range r.Types {
		t := &r.Types[i]
		typ, schema := cmp.Or(visible(t.Type, false), "(no type)"), ""
		if t.Schema != "" {
			schema = "  " + visible(t.Schema, false)
		}
		fmt.Fprintf(&b, "  %s%s  %s\n", typ, schema, &t.TestCount)
	}
	if r.NowRefused > 0 {
		fmt.Fprintf(&b, "%d would now be refused\n", r.NowRefused)
	}
	if r.NowAccepted > 0 {
		fmt.Fprintf(&b, "%d would now be accepted\n", r.NowAccepted)
	}
	if len(r.Failures) > 0 {
		b.WriteString("the first that are refused:\n")
	}
	for i := range r.Failures {
		f := &r.Failures[i]
		fmt.Fprintf(&b, "  seq %d  %s  %s  id %s  type %s  was %s\n", f.Seq, f.Time.Local().Format(time.RFC3339),
			visible(f.Source, false), visible(f.ID, false), visible(f.Type, false), visible(cmp.Or(f.Was, "none"), false))
		for _, v := range f.Violations {
			what := v.Keyword
			if len(v.Missing) > 0 {
				what += " " + strings.Join(v.Missing, ", ")
			}
			fmt.Fprintf(&b, "    %s  %s  (%s)\n", visible(cmp.Or(v.Pointer, "/"), false), visible(what, false), visible(v.Schema, false))
		}
		if f.Why != "" {
			b.WriteString("    " + visible(f.Why, false) + "\n")
		}
		if f.More > 0 {
			fmt.Fprintf(&b, "    and %d more\n", f.More)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// String returns the counts that are not zero.
func (c *TestCount) String() string {
	list := []string{fmt.Sprintf("%d events", c.Events)}
	if c.Events == 1 {
		list[0] = "1 event"
	}
	for _, part := range []struct {
		n    int
		name string
	}{{c.Valid, "valid"}, {c.Refused, "refused"}, {c.NoSchema, "without a schema"}, {c.Skipped, "skipped, as they are not JSON or their body is gone"}} {
		if part.n > 0 {
			list = append(list, fmt.Sprintf("%d %s", part.n, part.name))
		}
	}
	return strings.Join(list, ", ")
}
