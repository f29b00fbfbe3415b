package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// An AdminClient sends a request to the admin API of the running gateway. The
// body, if there is one, is JSON. The error says what the API says.
type AdminClient func(ctx context.Context, method, uri string, body io.Reader) (*http.Response, error)

// QuarantineOptions say which events, and what is to be done with them.
type QuarantineOptions struct {
	// Sequences are those of the command line.
	Sequences []string
	// All chooses all events that Tenant, Source and Kind choose.
	All                  bool
	Tenant, Source, Kind string
	Connection           string
	// Limit is how many List shows; 0 means all.
	Limit int
	// Body makes Show print the body and nothing else.
	Body bool
	// The rest is for Retry, Release and Drop; see the admin API.
	Rate              int
	DryRun            bool
	Reason, By        string
	NewID, Unverified bool
	// JSON prints JSON.
	JSON bool
	// Progress is where it is said how far Retry, Release and Drop are, if it is a
	// terminal.
	Progress io.Writer
}

// Kinds are the kinds of events in quarantine, for [QuarantineOptions].
var Kinds = []string{"schema", "json", "conflict", "no_id", "no_type", "too_many", "signature"}

func (o *QuarantineOptions) check() error {
	if o.Kind == "" || slices.Contains(Kinds, o.Kind) {
		return nil
	}
	last := len(Kinds) - 1
	return fmt.Errorf("%w: --kind %q: write %s or %s", ErrUsage, o.Kind, strings.Join(Kinds[:last], ", "), Kinds[last])
}

// ErrUnfinished: not all events that were chosen are done with.
var ErrUnfinished = errors.New("not all of it is done")

type keptEvent struct {
	Sequence uint64    `json:"sequence"`
	Tenant   string    `json:"tenant"`
	Source   string    `json:"source"`
	Kind     string    `json:"kind"`
	Detail   string    `json:"detail"`
	ID       string    `json:"id"`
	Type     string    `json:"type"`
	Trust    string    `json:"trust"`
	Size     int       `json:"size"`
	Request  string    `json:"request_id"`
	Received time.Time `json:"received"`

	Provider string              `json:"provider"`
	Method   string              `json:"method"`
	URL      string              `json:"url"`
	Headers  map[string][]string `json:"headers"`
	Redacted []string            `json:"redacted"`
	Remote   string              `json:"remote"`
	Original string              `json:"original"`
	Body     []byte              `json:"body_base64"`
}

// QuarantineList prints the events in quarantine, the oldest first.
func QuarantineList(ctx context.Context, api AdminClient, o QuarantineOptions, w io.Writer) error {
	if err := o.check(); err != nil {
		return err
	}
	const page = 500
	shown := 0
	t := table{head: []string{"SEQUENCE", "RECEIVED", "TENANT/SOURCE", "KIND", "TYPE", "ID", "SIZE", "DETAIL"}, gives: []int{7, 5, 4, 2}}
	for from := uint64(1); from > 0; {
		query := url.Values{"from": {strconv.FormatUint(from, 10)}, "limit": {strconv.Itoa(page)}}
		if o.Limit > 0 {
			query.Set("limit", strconv.Itoa(min(o.Limit-shown, page)))
		}
		for name, value := range map[string]string{"tenant": o.Tenant, "source": o.Source, "kind": o.Kind, "connection": o.Connection} {
			if value != "" {
				query.Set(name, value)
			}
		}
		var list struct {
			Status struct {
				Stream   string            `json:"stream"`
				Events   uint64            `json:"events"`
				Bytes    uint64            `json:"bytes"`
				MaxBytes int64             `json:"max_bytes"`
				Reasons  map[string]uint64 `json:"reasons"`
			} `json:"status"`
			Events []json.RawMessage `json:"events"`
			Next   uint64            `json:"next"`
		}
		if err := call(ctx, api, http.MethodGet, "quarantine?"+query.Encode(), nil, &list); err != nil {
			return err
		}
		if from == 1 && !o.JSON {
			st := list.Status
			fmt.Fprintf(w, "%s: %d events, %d bytes%s\n", st.Stream, st.Events, st.Bytes, reasons(st.Reasons))
		}
		for _, raw := range list.Events {
			if o.JSON {
				if _, err := fmt.Fprintf(w, "%s\n", raw); err != nil {
					return err
				}
				continue
			}
			var e keptEvent
			if err := json.Unmarshal(raw, &e); err != nil {
				return fmt.Errorf("reading the answer: %w", err)
			}
			t.rows = append(t.rows, []string{
				strconv.FormatUint(e.Sequence, 10), e.Received.Format(time.RFC3339), e.Tenant + "/" + e.Source,
				e.Kind, orDash(visible(e.Type, false)), visible(e.ID, false), strconv.Itoa(e.Size), visible(cut(e.Detail, longestDetail), false),
			})
		}
		shown += len(list.Events)
		if from = list.Next; o.Limit > 0 && shown >= o.Limit {
			break
		}
	}
	if len(t.rows) == 0 {
		return nil
	}
	return t.write(w, StyleOf(w), terminalWidth(w))
}

// longestDetail is how much of a detail a list shows.
const longestDetail = 80

func reasons(counts map[string]uint64) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		fmt.Fprintf(&b, ", %d %s", counts[name], name)
	}
	return b.String()
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// QuarantineShow prints one event with its request.
func QuarantineShow(ctx context.Context, api AdminClient, o QuarantineOptions, w io.Writer) error {
	sequence, err := strconv.ParseUint(o.Sequences[0], 10, 63)
	if err != nil {
		return fmt.Errorf("%w: %q is not the sequence of an event: write its number, as `caddy webhooks quarantine list` shows it", ErrUsage, o.Sequences[0])
	}
	uri := fmt.Sprintf("quarantine/%d", sequence)
	if o.Connection != "" {
		uri += "?connection=" + url.QueryEscape(o.Connection)
	}
	var raw json.RawMessage
	if err := call(ctx, api, http.MethodGet, uri, nil, &raw); err != nil {
		return err
	}
	if o.JSON {
		_, err := fmt.Fprintf(w, "%s\n", raw)
		return err
	}
	var e keptEvent
	if err := json.Unmarshal(raw, &e); err != nil {
		return fmt.Errorf("reading the answer: %w", err)
	}
	if o.Body {
		_, err := w.Write(e.Body)
		return err
	}
	tw := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	for _, line := range []struct{ name, value string }{
		{"sequence", strconv.FormatUint(e.Sequence, 10)},
		{"source", e.Tenant + "/" + e.Source},
		{"provider", e.Provider},
		{"kind", e.Kind},
		{"detail", e.Detail},
		{"original", e.Original},
		{"id", e.ID},
		{"type", e.Type},
		{"trust", e.Trust},
		{"request id", e.Request},
		{"received", e.Received.Format(time.RFC3339Nano)},
		{"from", e.Remote},
	} {
		if line.value != "" {
			fmt.Fprintf(tw, "%s\t%s\n", line.name, visible(line.value, false))
		}
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	if e.Method != "" {
		fmt.Fprintf(w, "\n%s %s\n", e.Method, visible(e.URL, false))
		for _, name := range slices.Sorted(maps.Keys(e.Headers)) {
			for _, value := range e.Headers[name] {
				fmt.Fprintf(w, "%s: %s\n", name, visible(value, false))
			}
		}
		for _, name := range e.Redacted {
			fmt.Fprintf(w, "%s: (not kept)\n", visible(name, false))
		}
	} else {
		fmt.Fprintln(w, "\nthe request was not kept")
	}
	_, err = fmt.Fprintf(w, "\n%s\n", visible(string(e.Body), true))
	return err
}

// QuarantineDo retries, releases or drops events. It goes on until all are done,
// and returns [ErrUnfinished] if some are not.
func QuarantineDo(ctx context.Context, api AdminClient, action string, o QuarantineOptions, w io.Writer) error {
	if err := o.check(); err != nil {
		return err
	}
	request := map[string]any{
		"connection": o.Connection, "all": o.All, "tenant": o.Tenant, "source": o.Source, "kind": o.Kind, "rate": o.Rate,
		"dry_run": o.DryRun, "reason": o.Reason, "by": o.By, "new_id": o.NewID, "unverified": o.Unverified,
	}
	maps.DeleteFunc(request, func(_ string, v any) bool { return v == "" || v == false || v == 0 })
	sequences, err := parseSequences(o.Sequences)
	if err != nil {
		return err
	}
	counts := make(map[string]int)
	style := StyleOf(w)
	bar := NewProgress(o.Progress, action)
	defer bar.Done()
	w = bar.Over(w)
	all := uint64(len(sequences)) // 0 with All: nobody knows
	for {
		done := total(counts)
		bar.At(done, uint64(done), all) //nolint:gosec // it is not negative
		if len(sequences) > 0 {
			request["sequences"] = sequences
		}
		var answer struct {
			Results []struct {
				Sequence       uint64 `json:"sequence"`
				Result         string `json:"result"`
				Stream         string `json:"stream"`
				StreamSequence uint64 `json:"stream_sequence"`
				Kind           string `json:"kind"`
				Problem        string `json:"problem"`
			} `json:"results"`
			Next    uint64 `json:"next"`
			Stopped string `json:"stopped"`
		}
		body, err := json.Marshal(request)
		if err != nil {
			return err
		}
		var raw json.RawMessage
		if err := call(ctx, api, http.MethodPost, "quarantine/"+action, body, &raw); err != nil {
			return err
		}
		if err := json.Unmarshal(raw, &answer); err != nil {
			return fmt.Errorf("reading the answer: %w", err)
		}
		if o.JSON {
			if _, err := fmt.Fprintf(w, "%s\n", raw); err != nil {
				return err
			}
		}
		for _, r := range answer.Results {
			counts[r.Result]++
			if o.JSON {
				continue
			}
			result := paint(style, r.Result)
			if o.DryRun && (r.Result == "published" || r.Result == "dropped") {
				result = "would be " + result
			}
			line := fmt.Sprintf("%d  %s", r.Sequence, result)
			if r.StreamSequence > 0 {
				line += fmt.Sprintf(" as %d in %s", r.StreamSequence, r.Stream)
			}
			if r.Result == "kept" && r.Kind != "" {
				line += " (" + r.Kind + ")"
			}
			if r.Problem != "" {
				line += ": " + visible(r.Problem, false)
			}
			fmt.Fprintln(w, line)
		}
		switch {
		case answer.Stopped != "":
			return fmt.Errorf("%w: stopped at %d: %s", ErrUnfinished, answer.Next, answer.Stopped)
		case answer.Next == 0:
			if undone := counts["kept"] + counts["gone"] + counts["failed"]; undone > 0 {
				return fmt.Errorf("%w: %d of %d", ErrUnfinished, undone, total(counts))
			}
			return nil
		}
		if o.All {
			request["from"] = answer.Next
		} else {
			sequences = slices.DeleteFunc(sequences, func(n uint64) bool { return n < answer.Next })
		}
	}
}

// paint colours what has become of an event.
func paint(style Style, result string) string {
	switch result {
	case "published", "dropped", "duplicate":
		return style.Good(result)
	case "kept":
		return style.Warn(result)
	}
	return style.Bad(result)
}

func total(counts map[string]int) (n int) {
	for _, c := range counts {
		n += c
	}
	return n
}

func parseSequences(texts []string) ([]uint64, error) {
	var list []uint64
	for _, text := range texts {
		first, last, isRange := strings.Cut(text, "-")
		from, err := strconv.ParseUint(first, 10, 63)
		to := from
		if err == nil && isRange {
			to, err = strconv.ParseUint(last, 10, 63)
		}
		if err != nil || from == 0 || to < from || to-from >= 1000 {
			return nil, fmt.Errorf("%w: %q is not the sequence of an event: write a number such as 12, or 12-20 for up to 1000 of them", ErrUsage, text)
		}
		for n := from; n <= to; n++ {
			list = append(list, n)
		}
	}
	slices.Sort(list)
	return slices.Compact(list), nil
}

// call sends a request and decodes the answer.
func call(ctx context.Context, api AdminClient, method, uri string, body []byte, into any) error {
	var reader io.Reader
	if body != nil {
		reader = bytes.NewReader(body)
	}
	resp, err := api(ctx, method, "/webhooks/"+uri, reader)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
		return fmt.Errorf("reading the answer of the admin API: %w", err)
	}
	return nil
}
