package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"sort"
	"strconv"
	"strings"
)

// DoctorRunning is what a Caddy that runs says of itself.
type DoctorRunning struct {
	// Config is its configuration, as JSON.
	Config []byte
	// StoreDirs are the directories that it has.
	StoreDirs []string

	status  runningStatus
	metrics []doctorMetric
	webhook bool // the webhooks app runs
}

// runningStatus is what GET /webhooks/status answers, as far as it matters here.
type runningStatus struct {
	Ready   bool
	Brokers []struct {
		Name, Problem string
		StoreDir      string `json:"store_dir"`
		Ready         bool
	}
	Spools []struct {
		Dir    string
		Events int64
		Stuck  int64
	}
}

// doctorMetric is a line of metrics.
type doctorMetric struct {
	name   string
	labels map[string]string
	value  float64
}

// AskRunning asks the admin API. An error wraps
// [ErrUnreachable] if none answers, and [ErrDenied] if it refuses.
func AskRunning(ctx context.Context, address string) (*DoctorRunning, error) {
	reach := Reach{Admin: address}
	if err := reach.complete(); err != nil {
		return nil, err
	}
	a, err := reach.admin()
	if err != nil {
		return nil, err
	}
	d := new(DoctorRunning)
	if d.Config, err = a.get(ctx, "/config/"); err != nil {
		return nil, err
	}
	if text, err := a.get(ctx, "/webhooks/status"); err == nil {
		d.webhook = json.Unmarshal(text, &d.status) == nil
	}
	if text, err := a.get(ctx, "/metrics"); err == nil {
		d.metrics = parseMetrics(string(text))
	}
	for _, b := range d.status.Brokers {
		if b.StoreDir != "" {
			d.StoreDirs = append(d.StoreDirs, b.StoreDir)
		}
	}
	for _, s := range d.status.Spools {
		d.StoreDirs = append(d.StoreDirs, s.Dir)
	}
	return d, nil
}

// get reads a path of the admin API.
func (a *admin) get(ctx context.Context, path string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.origin+path, nil)
	if err != nil {
		return nil, fmt.Errorf("asking Caddy: %w", err)
	}
	req.Header.Set("Origin", a.origin)
	res, err := a.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("the admin API at %s: %w", a.addr, ofHTTP(ctx, err))
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(res.Body, maxAdminAnswer))
	switch {
	case err != nil:
		return nil, fmt.Errorf("the admin API at %s: %w", a.addr, ofNetwork(err))
	case res.StatusCode == http.StatusForbidden || res.StatusCode == http.StatusUnauthorized:
		return nil, fmt.Errorf("%w: the admin API at %s: %s", ErrDenied, a.addr, res.Status)
	case res.StatusCode/100 != 2:
		return nil, fmt.Errorf("%w: %s is answered %s", ErrAdmin, path, res.Status)
	}
	return text, nil
}

// Same reports whether the running configuration is this one, wherever its
// Caddyfile was.
func (d *DoctorRunning) Same(config []byte) bool {
	var running, file any
	if json.Unmarshal(d.Config, &running) != nil || json.Unmarshal(config, &file) != nil {
		return false
	}
	return reflect.DeepEqual(withoutOrigin(running), withoutOrigin(file))
}

func withoutOrigin(v any) any {
	switch v := v.(type) {
	case map[string]any:
		if v["handler"] == "webhooks" {
			delete(v, "origin")
		}
		for name, member := range v {
			v[name] = withoutOrigin(member)
		}
	case []any:
		for i, item := range v {
			v[i] = withoutOrigin(item)
		}
	}
	return v
}

// Report notes how the running instance is.
func (d *DoctorRunning) Report(r *DoctorReport, address string) {
	where := "the Caddy at " + address
	if !d.webhook {
		r.Skipped(where + " has no webhooks app")
		return
	}
	if !d.status.Ready {
		problems := []string{"it is not ready"}
		for _, b := range d.status.Brokers {
			if b.Problem != "" {
				problems = append(problems, "connection "+or(b.Name, "default")+": "+b.Problem)
			}
		}
		r.Add("running-not-ready", where, "", strings.Join(problems, "; "))
	} else {
		r.OK(where, "it runs and takes events")
	}
	type total struct {
		name, what string
		code       string
		labels     map[string]string
	}
	for _, t := range []total{
		{"caddy_webhooks_requests_total", "rejected", "running-refused", map[string]string{"outcome": "rejected"}},
		{"caddy_webhooks_requests_total", "conflict", "running-conflicts", map[string]string{"reason": "conflict"}},
		{"caddy_webhooks_quarantine_events", "in quarantine", "running-quarantine", nil},
		{"caddy_webhooks_spool_events", "in the spool", "running-spool", nil},
	} {
		by := make(map[string]float64)
		sum := 0.0
		for _, s := range d.metrics {
			if s.name != t.name || !hasLabels(s.labels, t.labels) || s.value == 0 {
				continue
			}
			sum += s.value
			label := strings.TrimSpace(s.labels["source"] + " " + s.labels["reason"])
			if label != "" {
				by[label] += s.value
			}
		}
		if sum == 0 {
			continue
		}
		what := strconv.FormatFloat(sum, 'f', -1, 64)
		var parts []string
		for label, n := range by {
			parts = append(parts, fmt.Sprintf("%s %s", label, strconv.FormatFloat(n, 'f', -1, 64)))
		}
		if sort.Strings(parts); len(parts) > 0 {
			what += " (" + strings.Join(parts, ", ") + ")"
		}
		r.Add(t.code, where, "", what)
	}
}

func hasLabels(have, want map[string]string) bool {
	for name, value := range want {
		if have[name] != value {
			return false
		}
	}
	return true
}

// parseMetrics reads the text format of Prometheus, as far as Caddy writes it.
func parseMetrics(text string) (list []doctorMetric) {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		i := strings.LastIndexByte(line, ' ')
		if i < 0 || line[0] == '#' {
			continue
		}
		value, err := strconv.ParseFloat(line[i+1:], 64)
		if err != nil {
			continue
		}
		s := doctorMetric{name: line[:i], labels: make(map[string]string), value: value}
		if name, labels, ok := strings.Cut(line[:i], "{"); ok {
			s.name = name
			for part := range strings.SplitSeq(strings.TrimSuffix(labels, "}"), `",`) {
				if key, value, ok := strings.Cut(part, `="`); ok {
					s.labels[key] = strings.TrimSuffix(value, `"`)
				}
			}
		}
		list = append(list, s)
	}
	return list
}
