package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/natspub"
	"github.com/caddy-webhooks/caddy-webhooks/schemas/infer"
)

// InferOptions say what [SchemaInfer] makes a schema of.
type InferOptions struct {
	// Paths are files with one or more JSON values, one after the other, or
	// directories of such files whose names end in .json, .ndjson or .jsonl; "-" is
	// standard input. What `caddy webhooks tail --json` has printed is taken as the
	// events that it shows.
	Paths []string
	// FromStream reads the events of a stream instead, which HistoryOptions choose.
	FromStream bool
	HistoryOptions
	// Elements takes each item of an array as a sample; only with Paths.
	Elements bool
	// TypeAt is a JSON Pointer to the type in a sample; only with Paths.
	TypeAt string
	// Out is a file, or with ByType a directory, that is written. Empty means w.
	Out string
	// ByType makes a schema for each type, and an envelope; with Out.
	ByType bool
	// Force writes over files that are there.
	Force bool
	// Infer are the thresholds.
	Infer infer.Options
	// JSON writes what was done as JSON; with Out.
	JSON bool
	// Stdin is what "-" reads.
	Stdin io.Reader
}

// InferResult says what [SchemaInfer] has done.
type InferResult struct {
	Samples int `json:"samples"`
	// Ignored were no JSON, or their bodies could not be read.
	Ignored int             `json:"ignored"`
	Files   []string        `json:"files"`
	Skipped []infer.Skipped `json:"skipped"`
}

// SchemaInfer makes a schema of samples, and writes it to o.Out or to w. The error
// wraps [ErrUsage] or [ErrNothing], or says what cannot be read or written.
func SchemaInfer(ctx context.Context, w io.Writer, o InferOptions) error {
	if err := o.check(); err != nil {
		return err
	}
	samples, types := infer.New(o.Infer), infer.NewTypes(o.Infer)
	r := InferResult{Files: []string{}, Skipped: []infer.Skipped{}}
	add := func(typ string, payload any, at time.Time) {
		r.Samples++
		if o.ByType {
			types.Add(typ, payload, at)
		} else {
			samples.Add(payload, at)
		}
	}
	if err := o.each(ctx, add, &r.Ignored); err != nil {
		return err
	}
	if r.Samples == 0 {
		return fmt.Errorf("%w: there are no samples that are JSON", ErrNothing)
	}
	files := map[string][]byte{o.Out: samples.Schema()}
	if o.ByType {
		var byName map[string][]byte
		byName, r.Skipped = types.Files()
		files = map[string][]byte{}
		for name, text := range byName {
			files[filepath.Join(o.Out, name)] = text
		}
		if len(files) == 0 {
			return fmt.Errorf("%w: no type has enough samples: %d in all%s", ErrNothing, r.Samples, o.typeHint())
		}
	}
	if o.Out == "" {
		_, err := w.Write(files[""])
		return err
	}
	if err := o.save(files); err != nil {
		return err
	}
	r.Files = slices.Sorted(maps.Keys(files))
	return o.writeResult(w, &r)
}

// typeHint says how the type of a sample is found, where nothing says so yet.
func (o *InferOptions) typeHint() string {
	if o.FromStream || o.TypeAt != "" {
		return ""
	}
	return "; say where the type is in them, as with --type-at /type"
}

func (o *InferOptions) check() error {
	switch {
	case o.FromStream && len(o.Paths) > 0:
		return fmt.Errorf("%w: name samples or --from-stream, not both", ErrUsage)
	case !o.FromStream && len(o.Paths) == 0:
		return fmt.Errorf("%w: name files or directories with samples, - for standard input, or --from-stream", ErrUsage)
	case o.FromStream && (o.Elements || o.TypeAt != ""):
		return fmt.Errorf("%w: --elements and --type-at are for files: the events of a stream are apart, and have a type", ErrUsage)
	case !o.FromStream && (o.Since != "" || o.Until != "" || o.NATS != "" || o.Context != "" || len(o.Sources)+len(o.Types)+len(o.Tenants) > 0):
		return fmt.Errorf("%w: --since, --until, --tenant, --source, --type, --nats and --context belong to --from-stream", ErrUsage)
	case o.ByType && o.Out == "":
		return fmt.Errorf("%w: --by-type makes several files: name a directory with --out", ErrUsage)
	case o.JSON && o.Out == "":
		return fmt.Errorf("%w: the schema is JSON already; --json says what was done with --out", ErrUsage)
	case o.TypeAt != "" && !strings.HasPrefix(o.TypeAt, "/"):
		return fmt.Errorf("%w: --type-at %q is not a JSON Pointer: it begins with a slash", ErrUsage, o.TypeAt)
	}
	return nil
}

// each calls add with each sample.
func (o *InferOptions) each(ctx context.Context, add func(string, any, time.Time), ignored *int) error {
	if o.FromStream {
		return o.read(ctx, func(h *history) error {
			if h.skipped != "" {
				*ignored++
				return nil
			}
			add(h.typ, h.payload, h.Time)
			return nil
		})
	}
	n := 0
	one := func(payload any) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		list := []any{payload}
		if items, ok := payload.([]any); ok && o.Elements {
			list = items
		}
		for _, v := range list {
			typ, v, at, ok := o.sample(v)
			if !ok {
				*ignored++
				continue
			}
			add(typ, v, at)
			if n++; n == o.Limit {
				return errEnough
			}
		}
		return nil
	}
	for _, path := range o.Paths {
		if err := o.eachIn(path, one); errors.Is(err, errEnough) {
			return nil
		} else if err != nil {
			return err
		}
	}
	return nil
}

// sample returns what is in a value of a file: a payload, or an event as tail prints
// it.
func (o *InferOptions) sample(v any) (typ string, payload any, at time.Time, ok bool) {
	if e := printed(v); e != nil {
		h := newHistory(e, e.Data, nil)
		return h.typ, h.payload, h.Time, h.skipped == ""
	}
	if o.TypeAt != "" {
		typ, _ = member(v, tokens(o.TypeAt)).(string)
	}
	return typ, v, time.Time{}, true
}

// printed returns the event that tail has printed, or nil if it is none.
func printed(v any) *natspub.Stored {
	object, _ := v.(map[string]any)
	if object["stream"] == nil || object["subject"] == nil || object["headers"] == nil {
		return nil
	}
	text, err := json.Marshal(object)
	if err != nil {
		return nil
	}
	var r EventRecord
	if json.Unmarshal(text, &r) != nil || r.Payload == nil && r.PayloadBase64 == nil {
		return nil
	}
	return &r.event(0).Stored
}

// eachIn calls one with each JSON value of a file, or of the files of a directory.
func (o *InferOptions) eachIn(path string, one func(any) error) error {
	if path == "-" {
		return values("standard input", o.Stdin, one)
	}
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("%w: %w: name a file or a directory that is there", ErrUsage, err)
	}
	if !info.IsDir() {
		return valuesOf(path, one)
	}
	return filepath.WalkDir(path, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.Type().IsRegular() && slices.Contains([]string{".json", ".ndjson", ".jsonl"}, filepath.Ext(name)):
			return valuesOf(name, one)
		}
		return nil
	})
}

func valuesOf(path string, one func(any) error) error {
	f, err := os.Open(path)
	if err != nil {
		return ofFile(err)
	}
	defer f.Close()
	return values(path, f, one)
}

func values(name string, r io.Reader, one func(any) error) error {
	dec := json.NewDecoder(r)
	dec.UseNumber()
	for {
		var v any
		err := dec.Decode(&v)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return ofFile(fmt.Errorf("reading %s: at byte %d: %w", name, dec.InputOffset(), err))
		}
		if err := one(v); err != nil {
			return err
		}
	}
}

// save writes all files, or none if one is there already.
func (o *InferOptions) save(files map[string][]byte) error {
	if o.ByType {
		if err := os.MkdirAll(o.Out, 0o755); err != nil { //nolint:gosec // schemas are no secret
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if _, err := os.Stat(name); err == nil && !o.Force {
			return fmt.Errorf("%w: %s is there already: name another place, or write over it with --force", ErrUsage, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := os.WriteFile(name, files[name], 0o644); err != nil { //nolint:gosec // schemas are no secret
			return err
		}
	}
	return nil
}

func (o *InferOptions) writeResult(w io.Writer, r *InferResult) error {
	if o.JSON {
		if r.Skipped == nil {
			r.Skipped = []infer.Skipped{}
		}
		return printJSON(w, r)
	}
	var b strings.Builder
	b.WriteString(countSamples(r.Samples))
	if r.Ignored > 0 {
		fmt.Fprintf(&b, ", and %d that are not JSON or whose body is gone", r.Ignored)
	}
	b.WriteString("\n")
	for _, name := range r.Files {
		fmt.Fprintf(&b, "  %s\n", visible(name, false))
	}
	for _, s := range r.Skipped {
		fmt.Fprintf(&b, "  no schema for %s: %s: %s\n", cmp.Or(visible(s.Type, false), "events without a type"), countSamples(s.Samples), s.Why)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func countSamples(n int) string {
	if n == 1 {
		return "1 sample"
	}
	return fmt.Sprintf("%d samples", n)
}
