package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/natspub"
)

// DedupeOptions say which event's id is meant.
type DedupeOptions struct {
	ID                         string
	Tenant, Source, Connection string
	// Reason and By are for the record of DedupeForget.
	Reason, By string
	// JSON prints JSON.
	JSON bool
}

type dedupeState struct {
	Connection string `json:"connection"`
	natspub.DedupeState
}

// DedupeInspect prints what is remembered of an id, and returns whether its next
// delivery is a duplicate.
func DedupeInspect(ctx context.Context, api AdminClient, o DedupeOptions, w io.Writer) (known bool, _ error) {
	query := url.Values{"id": {o.ID}}
	for name, value := range map[string]string{"tenant": o.Tenant, "source": o.Source, "connection": o.Connection} {
		if value != "" {
			query.Set(name, value)
		}
	}
	var raw json.RawMessage
	if err := call(ctx, api, http.MethodGet, "dedupe?"+query.Encode(), nil, &raw); err != nil {
		return false, err
	}
	var answer struct {
		States []dedupeState `json:"states"`
		Looked []string      `json:"looked"`
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		return false, fmt.Errorf("reading the answer: %w", err)
	}
	for _, st := range answer.States {
		known = known || st.Known || st.Spooled
	}
	if o.JSON {
		_, err := fmt.Fprintf(w, "%s\n", raw)
		return known, err
	}
	if len(answer.States) == 0 {
		_, err := fmt.Fprintf(w, "not known: the next delivery of %s is a new event (looked at %s)\n", visible(o.ID, false), strings.Join(answer.Looked, ", "))
		return false, err
	}
	for i, st := range answer.States {
		if i > 0 {
			fmt.Fprintln(w)
		}
		if err := st.print(w); err != nil {
			return known, err
		}
	}
	return known, nil
}

func (st *dedupeState) print(w io.Writer) error {
	where := fmt.Sprintf("%s of %s/%s", visible(st.ID, false), st.Tenant, st.Source)
	switch {
	case st.Known:
		fmt.Fprintf(w, "known: the next delivery of %s is a duplicate\n", where)
	case st.Spooled:
		fmt.Fprintf(w, "known: %s waits on this machine to be forwarded, and the next delivery is a duplicate\n", where)
	case st.Generation > 0:
		fmt.Fprintf(w, "forgotten: the next delivery of %s is a new event\n", where)
	default:
		fmt.Fprintf(w, "not known: the next delivery of %s is a new event\n", where)
	}
	tw := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(tw, "%s\t%s\n", name, visible(value, false))
		}
	}
	if st.Generation > 0 {
		line("forgotten", times(st.Generation)+", last at "+st.Forgotten.Format(time.RFC3339)+by(st.By)+": "+st.Reason)
	}
	line("message id", st.MessageID)
	for _, m := range st.Stored {
		name := "stored"
		if m.Generation < st.Generation {
			name = "stored before"
		}
		stored := fmt.Sprintf("%d in %s", m.Sequence, m.Stream)
		if m.Removed {
			line(name, stored+", and not there any more")
			continue
		}
		line(name, stored+" at "+m.Time.Format(time.RFC3339Nano))
		if m.Generation < st.Generation {
			continue
		}
		if !m.Until.IsZero() {
			line("remembered until", m.Until.Format(time.RFC3339)+", for "+max(time.Until(m.Until), 0).Round(time.Second).String())
		}
		line("subject", m.Subject)
		line("type", m.Type)
		line("bytes", strconv.Itoa(m.Size)+", SHA-256 "+m.SHA256)
		line("compared by", m.Same)
		line("trust", strings.TrimSuffix(m.Trust+", key "+m.KeyID, ", key "))
		line("request id", m.RequestID)
	}
	return tw.Flush()
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return strconv.Itoa(n) + " times"
}

func by(who string) string {
	if who == "" {
		return ""
	}
	return " by " + who
}

// DedupeForget has the next delivery of an id stored, and returns whether that was
// to be done, now or before.
func DedupeForget(ctx context.Context, api AdminClient, o DedupeOptions, w io.Writer) (bool, error) {
	request := map[string]string{"id": o.ID, "reason": o.Reason}
	for name, value := range map[string]string{"tenant": o.Tenant, "source": o.Source, "connection": o.Connection, "by": o.By} {
		if value != "" {
			request[name] = value
		}
	}
	body, err := json.Marshal(request)
	if err != nil {
		return false, err
	}
	var raw json.RawMessage
	if err := call(ctx, api, http.MethodPost, "dedupe/forget", body, &raw); err != nil {
		return false, err
	}
	var answer struct {
		Result  string      `json:"result"`
		Problem string      `json:"problem"`
		State   dedupeState `json:"state"`
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		return false, fmt.Errorf("reading the answer: %w", err)
	}
	done := answer.Result == "forgotten" || answer.Result == "waiting"
	if o.JSON {
		_, err := fmt.Fprintf(w, "%s\n", raw)
		return done, err
	}
	st := answer.State
	where := fmt.Sprintf("%s of %s/%s", visible(st.ID, false), st.Tenant, st.Source)
	switch answer.Result {
	case "forgotten":
		_, err = fmt.Fprintf(w, "forgotten: the next delivery of %s is stored as a new event; have the provider send it again\n", where)
	case "waiting":
		_, err = fmt.Fprintf(w, "forgotten before, and not come since: the next delivery of %s is stored as a new event\n", where)
	default:
		_, err = fmt.Fprintf(w, "nothing to forget: %s\n", visible(answer.Problem, false))
	}
	return done, err
}
