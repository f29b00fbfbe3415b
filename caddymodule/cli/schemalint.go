package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/caddy-webhooks/caddy-webhooks/schemas"
	"github.com/caddy-webhooks/caddy-webhooks/schemas/bundled"
	"github.com/caddy-webhooks/caddy-webhooks/schemas/lint"
)

// LintOptions say what [SchemaLint] looks at.
type LintOptions struct {
	// Path is a file, perhaps with a JSON Pointer, or a directory.
	Path string
	// Rules choose files of a directory, as "types=file".
	Rules []string
	// Bundled is a provider whose schemas come with the program, instead of Path.
	Bundled string
	// Strict returns false for warnings, too.
	Strict bool
	// JSON writes JSON.
	JSON bool
}

// lintReport is what is written as JSON.
type lintReport struct {
	Findings []lint.Finding        `json:"findings"`
	Counts   map[lint.Severity]int `json:"counts"`
}

// SchemaLint writes what is wrong with schemas, or probably not meant, and returns
// whether they load, and with Strict whether there is no warning. The error wraps
// [ErrUsage], or says that the files cannot be read.
func SchemaLint(w io.Writer, o LintOptions) (bool, error) {
	var cfg schemas.Config
	var err error
	switch {
	case (o.Path == "") == (o.Bundled == ""):
		return false, fmt.Errorf("%w: name a file or a directory, or --bundled and a provider", ErrUsage)
	case o.Bundled != "":
		own, ok := bundled.FS(o.Bundled)
		if !ok {
			return false, fmt.Errorf("%w: no schemas for %q come with the program, but for %s", ErrUsage, o.Bundled, strings.Join(bundled.Providers(), ", "))
		}
		cfg.FS = own
	default:
		if cfg, _, err = schemaConfig(o.Path, o.Rules); err != nil {
			return false, err
		}
	}
	found, err := lint.Check(cfg)
	if err != nil {
		return false, ofFile(err)
	}
	report := lintReport{Findings: found, Counts: make(map[lint.Severity]int)}
	if found == nil {
		report.Findings = []lint.Finding{}
	}
	for _, f := range found {
		report.Counts[f.Severity]++
	}
	fine := report.Counts[lint.Error] == 0 && (!o.Strict || report.Counts[lint.Warning] == 0)
	if o.JSON {
		return fine, json.NewEncoder(w).Encode(report)
	}
	return fine, writeFindings(w, &report)
}

func writeFindings(w io.Writer, report *lintReport) error {
	var text strings.Builder
	style := StyleOf(w)
	paint := map[lint.Severity]func(string) string{lint.Error: style.Bad, lint.Warning: style.Warn, lint.Info: style.Faint}
	for _, f := range report.Findings {
		fmt.Fprintf(&text, "%s  %s\n    %s", paint[f.Severity](string(f.Severity)), f.Place(), f.Problem)
		if f.Cure != "" {
			fmt.Fprintf(&text, ": %s", f.Cure)
		}
		text.WriteString("\n")
	}
	switch n := report.Counts; len(report.Findings) {
	case 0:
		text.WriteString("nothing found\n")
	default:
		fmt.Fprintf(&text, "errors: %d, warnings: %d, infos: %d\n", n[lint.Error], n[lint.Warning], n[lint.Info])
	}
	_, err := io.WriteString(w, text.String())
	return err
}
