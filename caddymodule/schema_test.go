package caddymodule

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/providers"
)

// judged is a route's schemas, and what they say in the log.
type judged struct {
	*Handler
	log bytes.Buffer
	cfg gateway.Config
}

// newJudged sets up the schemas of a route. The label of its counts is the name of
// the test, unless one is given.
func newJudged(t *testing.T, provider string, s *Schema, label ...string) (*judged, error) {
	t.Helper()
	p, ok := providers.Lookup(provider)
	if !ok {
		t.Fatalf("no provider %s", provider)
	}
	s.Drift = &Drift{Off: true}
	j := &judged{Handler: &Handler{Provider: provider, Schema: s, app: &App{metrics: newMetrics()}}}
	j.Handler.log = slog.New(slog.NewTextHandler(&j.log, nil))
	j.cfg = gateway.Config{Source: strings.Join(append([]string{t.Name()}, label...), "/"), Provider: p}
	if len(label) > 0 {
		j.cfg.Source = label[0]
	}
	err := j.schemas(&j.cfg)
	t.Cleanup(func() {
		if err := j.app.releaseSchemas(); err != nil {
			t.Error(err)
		}
	})
	return j, err
}

func (j *judged) see(id, typ string, payload any) gateway.Validation {
	return j.validator.Validate(&gateway.Event{Tenant: "default", Source: "x", ID: id, Type: typ, Received: time.Unix(1_700_000_000, 0), Trust: gateway.Verified}, payload)
}

// schemaDir writes files, by name.
func schemaDir(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func must(j *judged, err error) func(t *testing.T) *judged {
	return func(t *testing.T) *judged {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return j
	}
}

// TestSchemaChoice: the directory goes before the bundled schemas, and each type has
// the mode of the most specific glob.
func TestSchemaChoice(t *testing.T) {
	t.Parallel()
	dir := schemaDir(t, map[string]string{"push.json": `{"type":"object","required":["mine"]}`})
	j := must(newJudged(t, "github", &Schema{
		Dir: dir, Bundled: true, OnInvalid: gateway.OnInvalidTag,
		OnInvalidTypes: []SchemaModeOf{{"push", gateway.OnInvalidReject}, {"pull_request.*", gateway.OnInvalidReject}, {"pull_request.o*", gateway.OnInvalidQuarantine}},
	}))(t)
	for _, tt := range []struct {
		typ     string
		payload any
		schema  string
		mode    gateway.SchemaMode
		valid   bool
	}{
		{"push", map[string]any{}, "push.json", gateway.OnInvalidReject, false},
		{"push", map[string]any{"mine": true}, "push.json", "", true},
		{"push", gateway.Opaque("<xml/>"), "push.json", gateway.OnInvalidReject, false},
		{"push", gateway.Opaque(""), "push.json", gateway.OnInvalidReject, false},
		{"pull_request.closed", map[string]any{}, "bundled/github/pull_request.json", gateway.OnInvalidReject, false},
		{"pull_request.opened", map[string]any{}, "bundled/github/pull_request.json", gateway.OnInvalidQuarantine, false},
		{"something_new", []any{}, "bundled/github/envelope.json", "", false},
	} {
		got := j.see("1", tt.typ, tt.payload)
		if got.Schema != tt.schema || (got.Err == nil) != tt.valid || got.Mode != tt.mode || len(got.SHA256) != 64 {
			t.Errorf("%s %v: got %+v, want %s %s %v", tt.typ, tt.payload, got, tt.schema, tt.mode, tt.valid)
		}
	}
	if j.cfg.OnInvalid != gateway.OnInvalidTag || j.cfg.ValidatorWatches {
		t.Errorf("got the mode %q, watching %v", j.cfg.OnInvalid, j.cfg.ValidatorWatches)
	}
	for verdict, want := range map[string]float64{verdictValid: 1, verdictInvalid: 6, verdictNone: 0, verdictExpensive: 0} {
		if got := testutil.ToFloat64(j.app.metrics.checks.WithLabelValues(j.cfg.Source, verdict)); got != want {
			t.Errorf("%s: counted %v, want %v", verdict, got, want)
		}
	}
}

// TestSchemaNoBody: a callback that Twilio makes with GET has its fields in the URL
// and no body, which is the empty text for a schema. Any other body that is neither
// JSON nor a form fits none.
func TestSchemaNoBody(t *testing.T) {
	t.Parallel()
	j := must(newJudged(t, "twilio", &Schema{Bundled: true}))(t)
	for _, typ := range []string{"received", "delivered", "completed", "something_new"} {
		if got := j.see("1", typ, gateway.Opaque(nil)); got.Err != nil || got.Schema == "" {
			t.Errorf("%s without a body: got %+v, want that it fits a schema", typ, got)
		}
		if got := j.see("2", typ, gateway.Opaque("<xml/>")); !errors.Is(got.Err, errOpaque) {
			t.Errorf("%s with XML: got %v, want %v", typ, got.Err, errOpaque)
		}
	}
	if got := j.see("3", "delivered", map[string]any{}); got.Err == nil {
		t.Error("a form without fields fits")
	}
}

// TestSchemaUnknownType: the last of the sets decides about types that none has a
// schema for.
func TestSchemaUnknownType(t *testing.T) {
	t.Parallel()
	files := map[string]string{"push.json": `{}`}
	for want, s := range map[string]*Schema{
		"":                                {Dir: schemaDir(t, files)},
		"there is no schema for the type": {Dir: schemaDir(t, files), UnknownType: "invalid"},
	} {
		j := must(newJudged(t, "github", s, "unknown"+want))(t)
		got := j.see("1", "star", map[string]any{})
		if text := fmt.Sprint(got.Err); got.Err == nil && want != "" || got.Err != nil && text != want || got.Schema != "" {
			t.Errorf("got %+v, want %q", got, want)
		}
	}
}

// TestSchemaContradictions: what contradicts itself does not load, wherever the
// configuration comes from.
func TestSchemaContradictions(t *testing.T) {
	t.Parallel()
	dir := schemaDir(t, map[string]string{"push.json": `{}`})
	for _, tt := range []struct {
		provider string
		schema   Schema
		want     string
	}{
		{"github", Schema{Off: true, Dir: dir}, "off and other settings contradict each other"},
		{"github", Schema{Dir: dir, Shadow: dir + "/"}, "shadow is the same directory as dir"},
		{"github", Schema{Dir: dir, UnknownType: "refuse"}, `unknown_type: "refuse" is not understood: write accept or invalid`},
		{"github", Schema{Dir: dir, OnInvalid: "drop"}, `on_invalid: "drop" is not understood: write quarantine or tag or reject`},
		{"github", Schema{Dir: dir, OnInvalidTypes: []SchemaModeOf{{"push", "drop"}}}, `on_invalid: "drop" for "push" is not understood`},
		{"github", Schema{Dir: dir, OnInvalidTypes: []SchemaModeOf{{"push", "tag"}, {"push", "reject"}}}, `the type "push" has two modes, tag and reject: remove one of them`},
		{"github", Schema{Dir: dir, OnInvalidTypes: []SchemaModeOf{{"a*", "tag"}, {"*b", "reject"}}}, `the types "a*" and "*b" are equally specific`},
		{"github", Schema{Dir: dir, Shadow: dir + "-next"}, "schema: shadow: schemas: opening " + dir + "-next: no such file or directory"},
		{"ably", Schema{Bundled: true}, "no schemas for ably come with the program, but for adyen, "},
		{"salesforce-outbound", Schema{Dir: dir}, "events of salesforce-outbound are neither JSON nor forms, and schemas are for nothing else: write `schema off`"},
		{"salesforce-outbound", Schema{Off: true}, ""},
	} {
		if tt.schema.Off {
			tt.schema.Drift = nil
		}
		s := tt.schema
		h := &Handler{Provider: tt.provider, Schema: &s, app: &App{metrics: newMetrics()}, log: slog.New(slog.DiscardHandler)}
		p, _ := providers.Lookup(tt.provider)
		err := h.schemas(&gateway.Config{Source: "x", Provider: p})
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%+v: got %v, want %q", tt.schema, err, tt.want)
		}
		if err := h.app.releaseSchemas(); err != nil {
			t.Error(err)
		}
	}
	xml := gateway.Config{Source: "x", ContentTypes: []string{"application/xml", "image/png"}}
	h := &Handler{Schema: &Schema{Dir: dir}, app: &App{metrics: newMetrics()}}
	if err := h.schemas(&xml); err == nil || !strings.Contains(err.Error(), "content_types has neither JSON nor forms") {
		t.Errorf("got %v, want content_types named", err)
	}
}

// TestShadow: a candidate is compared with what counts, and changes nothing.
func TestShadow(t *testing.T) {
	t.Parallel()
	live := schemaDir(t, map[string]string{"push.json": `{"required":["a"]}`, "huge.json": `{}`, "other.json": `{}`})
	huge := `{"$defs":{"x":{"anyOf":[{"$ref":"#/$defs/x2"},{"$ref":"#/$defs/x2"}]},"x2":{"items":{"$ref":"#/$defs/x"},"type":["array","string"],"minLength":2}},"$ref":"#/$defs/x"}`
	next := schemaDir(t, map[string]string{"push.json": `{"required":["b"]}`, "huge.json": huge})
	j := must(newJudged(t, "github", &Schema{Dir: live, Shadow: next}))(t)

	deep := any("x")
	for range 60 {
		deep = []any{deep}
	}
	for i, tt := range []struct {
		typ     string
		payload any
		want    shadowResult
		live    bool
	}{
		{"push", map[string]any{"a": 1, "b": 1}, shadowAgree, true},
		{"push", map[string]any{"a": 1}, shadowWouldReject, true},
		{"push", map[string]any{"b": 1}, shadowWouldAccept, false},
		{"push", map[string]any{"c": "a secret"}, shadowBothReject, false},
		{"other", map[string]any{}, shadowNoSchema, true},
		{"huge", deep, shadowFailed, true},
		{"huge", gateway.Opaque("x"), shadowBothReject, false},
	} {
		before := testutil.ToFloat64(j.app.metrics.shadow.WithLabelValues(j.cfg.Source, string(tt.want)))
		if got := j.see(fmt.Sprint("evt_", i), tt.typ, tt.payload); (got.Err == nil) != tt.live {
			t.Errorf("%s %d: the candidate changed the verdict: %v", tt.typ, i, got.Err)
		}
		if got := testutil.ToFloat64(j.app.metrics.shadow.WithLabelValues(j.cfg.Source, string(tt.want))); got != before+1 {
			t.Errorf("%s %d: not counted as %s", tt.typ, i, tt.want)
		}
	}
	st := j.validator.shadow.state.status(next)
	if st.Results[shadowWouldReject] != 1 || st.Results[shadowAgree] != 1 || len(st.Schemas) != 2 || len(st.WouldReject) != 1 {
		t.Fatalf("%+v", st)
	}
	sample := st.WouldReject[0]
	if sample.EventID != "evt_1" || sample.Schema != "push.json" || len(sample.Violations) != 1 || !reflect.DeepEqual(sample.Violations[0], violation{"", "required", "push.json#/required", []string{"b"}}) {
		t.Errorf("%+v", sample)
	}
	if text := j.log.String(); !strings.Contains(text, "the shadow schema refuses") || strings.Contains(text, "a secret") {
		t.Errorf("the log is %q", text)
	}

	// Samples are bounded, and the log has one line.
	for i := range 100 {
		j.see(fmt.Sprint("more_", i), "push", map[string]any{"a": 1})
	}
	st = j.validator.shadow.state.status(next)
	if st.Results[shadowWouldReject] != 101 || len(st.WouldReject) != maxShadowSamples {
		t.Errorf("%d counted, %d kept", st.Results[shadowWouldReject], len(st.WouldReject))
	}
	if n := strings.Count(j.log.String(), "\n"); n != 1 {
		t.Errorf("%d lines in the log", n)
	}

	// What was counted outlives a reload, unless the candidate has changed.
	again := must(newJudged(t, "github", &Schema{Dir: live, Shadow: next}, j.cfg.Source))(t)
	if st := again.validator.shadow.state.status(next); st.Results[shadowWouldReject] != 101 {
		t.Errorf("after a reload %+v", st.Results)
	}
	if got := again.schemaStatus().Schemas[2]; got.Schema != "push.json" || got.Valid != 102 || got.Invalid != 2 || got.Last == nil {
		t.Errorf("after a reload %+v", got)
	}
	if err := os.WriteFile(filepath.Join(next, "push.json"), []byte(`{"required":["c"]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	changed := must(newJudged(t, "github", &Schema{Dir: live, Shadow: next}, j.cfg.Source))(t)
	if st := changed.validator.shadow.state.status(next); st.Results[shadowWouldReject] != 0 {
		t.Errorf("after a change %+v", st.Results)
	}
}

// TestShadowSteps: the sender waits for a candidate, which therefore may take far
// fewer steps than a schema that counts.
func TestShadowSteps(t *testing.T) {
	t.Parallel()
	files := map[string]string{"push.json": `{"items":{"type":"number","minimum":0}}`}
	j := must(newJudged(t, "github", &Schema{Dir: schemaDir(t, files), Shadow: schemaDir(t, files)}))(t)
	for _, tt := range []struct {
		items int
		want  shadowResult
	}{{maxShadowSteps / 10, shadowAgree}, {maxShadowSteps, shadowFailed}} {
		list := make([]any, tt.items)
		for i := range list {
			list[i] = json.Number("1")
		}
		if got := j.see("1", "push", list); got.Err != nil {
			t.Errorf("%d items: %v", tt.items, got.Err)
		}
		if got := testutil.ToFloat64(j.app.metrics.shadow.WithLabelValues(j.cfg.Source, string(tt.want))); got != 1 {
			t.Errorf("%d items: not counted as %s", tt.items, tt.want)
		}
	}
}

// TestShadowFails: whatever goes wrong in a candidate is counted and nothing more.
func TestShadowFails(t *testing.T) {
	t.Parallel()
	if result, _ := (&shadow{}).try(true, "push", map[string]any{}, nil); result != shadowFailed {
		t.Errorf("got %s for a candidate that panics, want failed", result)
	}
}

// TestSchemaReleased: what is let out of quarantine is judged again, and was counted
// when it came.
func TestSchemaReleased(t *testing.T) {
	t.Parallel()
	dir := schemaDir(t, map[string]string{"push.json": `false`})
	next := schemaDir(t, map[string]string{"push.json": `true`})
	j := must(newJudged(t, "github", &Schema{Dir: dir, Shadow: next}))(t)
	e := gateway.Event{Tenant: "default", Source: "x", ID: "1", Type: "push", Received: time.Unix(1_700_000_000, 0), Trust: gateway.Verified}
	for range 2 {
		if got := j.validator.Validate(&e, map[string]any{}); got.Err == nil {
			t.Error("it is not judged")
		}
		e.Released = gateway.ReleasedRetry
	}
	if st := j.schemaStatus(); st.Schemas[0].Invalid != 1 || st.Shadow.Results[shadowWouldAccept] != 1 {
		t.Errorf("counted %d times, and %d times with the candidate, want once", st.Schemas[0].Invalid, st.Shadow.Results[shadowWouldAccept])
	}
}

// TestSchemaCountsOfTenants: two tenants may have a source of the same name; what is
// counted for one, and told its operators, is not the other's.
func TestSchemaCountsOfTenants(t *testing.T) {
	t.Parallel()
	p, _ := providers.Lookup("github")
	dir := schemaDir(t, map[string]string{"push.json": `false`})
	shadow := schemaDir(t, map[string]string{"push.json": `true`})
	routes := make([]*Handler, 2)
	for i, tenant := range []string{"a", "b"} {
		h := &Handler{
			Provider: "github", Schema: &Schema{Dir: dir, Shadow: shadow, Drift: &Drift{Off: true}},
			app: &App{metrics: newMetrics()}, log: slog.New(slog.DiscardHandler),
		}
		t.Cleanup(func() {
			if err := h.app.releaseSchemas(); err != nil {
				t.Error(err)
			}
		})
		if err := h.schemas(&gateway.Config{Tenant: tenant, Source: t.Name(), Provider: p}); err != nil {
			t.Fatal(err)
		}
		routes[i] = h
	}
	e := &gateway.Event{Tenant: "a", Source: t.Name(), ID: "1", Type: "push", Received: time.Unix(1_700_000_000, 0), Trust: gateway.Verified}
	routes[0].validator.Validate(e, map[string]any{})
	for i, want := range []int64{1, 0} {
		if st := routes[i].schemaStatus(); st.Schemas[0].Invalid != want || st.Shadow.Results[shadowWouldAccept] != want {
			t.Errorf("route %d: %d refused, %d in the shadow, want %d", i, st.Schemas[0].Invalid, st.Shadow.Results[shadowWouldAccept], want)
		}
		if _, _, due := routes[i].validator.checks.counts["push.json"].due(e.Received); due != (i == 1) {
			t.Errorf("route %d: is to be told: %v", i, due)
		}
	}
}

// TestShadowAlone: a candidate needs no schemas beside it.
func TestShadowAlone(t *testing.T) {
	t.Parallel()
	j := must(newJudged(t, "github", &Schema{Shadow: schemaDir(t, map[string]string{"any.json": `false`}), Types: []SchemaType{{"*", "any.json"}}}))(t)
	if got := j.see("1", "push", map[string]any{}); got != (gateway.Validation{}) {
		t.Errorf("got %+v, want no verdict", got)
	}
	if !j.cfg.ValidatorWatches || j.validator.shadow.state.status("").Results[shadowWouldReject] != 1 {
		t.Error("the candidate was not tried")
	}
	if st := j.schemaStatus(); st.NoSchema != nil || len(st.Schemas) != 0 || st.Shadow == nil {
		t.Errorf("%+v", st)
	}
}

// TestSchemaTold: operators are told at once that a schema refuses, and then once an
// hour with what was counted in it.
func TestSchemaTold(t *testing.T) {
	t.Parallel()
	c := &schemaCount{}
	now := time.Unix(1_700_000_000, 0)
	c.valid.Add(7)
	c.invalid.Add(1)
	if accepted, refused, due := c.due(now); !due || accepted != 7 || refused != 1 {
		t.Errorf("at first: %d, %d, %v", accepted, refused, due)
	}
	c.valid.Add(10)
	c.invalid.Add(4)
	c.expensive.Add(1)
	if _, _, due := c.due(now.Add(tellAgain - 1)); due {
		t.Error("told twice in an hour")
	}
	if accepted, refused, due := c.due(now.Add(tellAgain)); !due || accepted != 10 || refused != 5 {
		t.Errorf("after an hour: %d, %d, %v", accepted, refused, due)
	}
}

// BenchmarkValidate is what a route does with a payload of 3 KB: by its schema
// alone, and with a candidate beside it.
func BenchmarkValidate(b *testing.B) {
	payload := examplePush(b)
	dir := b.TempDir()
	for name, text := range map[string]string{"envelope.json": `{"$ref":"_github.json"}`, "_github.json": `{"type":"object","required":["ref","repository"],"properties":{"ref":{"type":"string","pattern":"^refs/"},"commits":{"type":"array","items":{"type":"object","required":["id","message","timestamp"],"properties":{"id":{"type":"string","minLength":40},"timestamp":{"format":"date-time"},"url":{"format":"uri"}}}},"repository":{"type":"object","required":["id","full_name"]}}}`} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	for _, bb := range []struct {
		name   string
		schema Schema
	}{
		{"bundled", Schema{Bundled: true}},
		{"bundled and shadow", Schema{Bundled: true, Shadow: dir}},
	} {
		b.Run(bb.name, func(b *testing.B) {
			s := bb.schema
			s.Drift = &Drift{Off: true}
			p, _ := providers.Lookup("github")
			h := &Handler{Provider: "github", Schema: &s, app: &App{metrics: newMetrics()}, log: slog.New(slog.DiscardHandler)}
			if err := h.schemas(&gateway.Config{Source: b.Name(), Provider: p}); err != nil {
				b.Fatal(err)
			}
			defer h.app.releaseSchemas()
			e := &gateway.Event{Tenant: "default", Source: "x", ID: "1", Type: "push", Received: time.Unix(1_700_000_000, 0), Trust: gateway.Verified}
			if found := h.validator.Validate(e, payload); found.Err != nil || found.Schema != "bundled/github/push.json" {
				b.Fatalf("%+v", found)
			}
			b.ReportAllocs()
			for b.Loop() {
				h.validator.Validate(e, payload)
			}
		})
	}
}

func examplePush(b *testing.B) any {
	b.Helper()
	data, err := os.ReadFile(filepath.Join("..", "schemas", "bundled", "testdata", "github", "push-full.json"))
	if err != nil {
		b.Fatal(err)
	}
	var sample struct {
		Payload json.RawMessage `json:"payload"`
	}
	if err := json.Unmarshal(data, &sample); err != nil {
		b.Fatal(err)
	}
	dec := json.NewDecoder(bytes.NewReader(sample.Payload))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		b.Fatal(err)
	}
	return v
}
