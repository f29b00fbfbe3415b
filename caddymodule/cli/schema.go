package cli

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/caddy-webhooks/caddy-webhooks/schemas"
	"github.com/caddy-webhooks/caddy-webhooks/schemas/diff"
)

// schemaConfig says what a path names: a directory, in which schemas are found by
// name or by rules; or a schema for all types, a file and perhaps a JSON Pointer.
// Whether it is a directory is the second result.
func schemaConfig(path string, rules []string) (cfg schemas.Config, isDir bool, err error) {
	file, pointer, hasPointer := strings.Cut(path, "#")
	info, err := os.Stat(file)
	if err != nil {
		return cfg, false, fmt.Errorf("%w: %w: name a file or a directory that is there", ErrUsage, err)
	}
	if info.IsDir() {
		if hasPointer {
			return cfg, true, fmt.Errorf("%w: %s: a JSON Pointer belongs to a file, and this is a directory", ErrUsage, path)
		}
		cfg.Dir = file
		for _, rule := range rules {
			glob, schema, ok := strings.Cut(rule, "=")
			if !ok || glob == "" || schema == "" {
				return cfg, true, fmt.Errorf("%w: --rule %q: write the types and the file, as in 'invoice.*=invoice.json'", ErrUsage, rule)
			}
			cfg.Rules = append(cfg.Rules, schemas.Rule{Type: glob, Schema: schema})
		}
		return cfg, true, nil
	}
	if len(rules) > 0 {
		return cfg, false, fmt.Errorf("%w: --rule chooses among the files of a directory, and %s is a file", ErrUsage, path)
	}
	// The file may refer to others beside it.
	cfg.Dir = filepath.Dir(file)
	schema := filepath.Base(file)
	if hasPointer {
		schema += "#" + pointer
	}
	cfg.Rules = []schemas.Rule{{Type: "*", Schema: schema}}
	return cfg, false, nil
}

// DiffOptions say what [SchemaDiff] compares.
type DiffOptions struct {
	// Old and New are files, perhaps with a JSON Pointer, or directories. Required.
	Old, New string
	// FailOn is what makes it return false: "breaking", "tightens", "loosens", "any"
	// or "never". Empty means "breaking".
	FailOn string
	// JSON writes JSON.
	JSON bool
}

// SchemaDiff writes what is different between two versions of schemas, and returns
// whether that is all right. The error wraps [ErrUsage], or is that of loading a
// schema.
func SchemaDiff(w io.Writer, o DiffOptions) (bool, error) {
	fails := map[string]func(*diff.Report) bool{
		"": (*diff.Report).Breaking, "breaking": (*diff.Report).Breaking, "tightens": (*diff.Report).Tightens, "loosens": (*diff.Report).Loosens,
		"any":   func(r *diff.Report) bool { return len(r.Changes) > 0 },
		"never": func(*diff.Report) bool { return false },
	}[o.FailOn]
	if fails == nil {
		return false, fmt.Errorf("%w: --fail-on %q: write breaking, tightens, loosens, any or never", ErrUsage, o.FailOn)
	}
	was, wasDir, err := schemaConfig(o.Old, nil)
	if err != nil {
		return false, err
	}
	is, isDir, err := schemaConfig(o.New, nil)
	if err != nil {
		return false, err
	}
	if wasDir != isDir {
		return false, fmt.Errorf("%w: compare two files or two directories", ErrUsage)
	}
	compare := diff.Schemas
	if isDir {
		compare = diff.Directories
	}
	report, err := compare(was, is)
	if err != nil {
		return false, ofFile(err)
	}
	if o.JSON {
		return !fails(report), printJSON(w, report)
	}
	return !fails(report), writeDiff(w, report)
}

func writeDiff(w io.Writer, r *diff.Report) error {
	var b strings.Builder
	style := StyleOf(w)
	paint := map[string]func(string) string{"breaking": style.Bad, "described": style.Warn, "additive": style.Good}
	classes := map[string]int{}
	for i := range r.Changes {
		c := &r.Changes[i]
		class := c.Class()
		classes[class]++
		b.WriteString(paint[class](class) + strings.TrimPrefix(visible(c.String(), false), class) + "\n")
		switch where := visible(strings.TrimSuffix(c.New, "#"), false); {
		case c.Old == "" || c.New == "" || c.Old == c.New:
			if where == "" {
				where = visible(strings.TrimSuffix(c.Old, "#"), false)
			}
			b.WriteString("          " + where + "\n")
		default:
			b.WriteString("          " + visible(strings.TrimSuffix(c.Old, "#"), false) + " -> " + where + "\n")
		}
	}
	if r.More > 0 {
		fmt.Fprintf(&b, "and %d more\n", r.More)
	}
	if len(r.Changes) == 0 {
		b.WriteString("no change that counts\n")
	} else {
		fmt.Fprintf(&b, "%d breaking, %d described, %d additive\n", classes["breaking"], classes["described"], classes["additive"])
		switch {
		case r.Tightens() && r.Loosens():
			b.WriteString("payloads that were accepted may be refused, and payloads that were refused may be accepted\n")
		case r.Tightens():
			b.WriteString("payloads that were accepted may be refused; none that was refused is accepted\n")
		case r.Loosens():
			b.WriteString("payloads that were refused may be accepted; none that was accepted is refused\n")
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
