package cli

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/cli/conformance"
)

// conformanceJSON is the report for programs.
type conformanceJSON struct {
	URL           string               `json:"url"`
	Provider      string               `json:"provider"`
	OK            bool                 `json:"ok"`
	Diagnosis     string               `json:"diagnosis,omitempty"`
	Passed        int                  `json:"passed"`
	FlawsMust     int                  `json:"flaws_must"`
	FlawsShould   int                  `json:"flaws_should"`
	Skipped       int                  `json:"skipped"`
	NotObservable int                  `json:"not_observable"`
	Requests      int64                `json:"requests"`
	Millis        int64                `json:"duration_ms"`
	Checks        []conformance.Result `json:"checks"`
}

func newConformanceJSON(r *conformance.Report) conformanceJSON {
	j := conformanceJSON{
		URL: r.URL, Provider: r.Provider, Diagnosis: r.Diagnosis,
		Passed: r.Count(conformance.Passed), FlawsMust: r.Flawed(conformance.Must), FlawsShould: r.Flawed(conformance.Should),
		Skipped: r.Count(conformance.Skipped), NotObservable: r.Count(conformance.NotObservable),
		Requests: r.Requests, Millis: r.Took.Milliseconds(), Checks: r.Results,
	}
	j.OK = r.Diagnosis == "" && j.FlawsMust == 0
	if j.Checks == nil {
		j.Checks = []conformance.Result{}
	}
	return j
}

// printReport prints the report for a person: a line for each group, and what is
// wrong in full.
func (o *ConformanceOptions) printReport(out io.Writer, r *conformance.Report, checks int) error {
	style := StyleOf(out)
	var b strings.Builder
	if r.Diagnosis != "" {
		fmt.Fprintf(&b, "%s %s\n\nNone of the %d checks was run.\n", style.Bad("refused"), visible(r.Diagnosis, false), checks)
		_, err := io.WriteString(out, b.String())
		return err
	}
	fmt.Fprintf(&b, "%s as a receiver of %s\n\n", visible(r.URL, false), r.Provider)
	for _, group := range conformance.Groups {
		if line := groupLine(style, r.Results, group); line != "" {
			fmt.Fprintf(&b, "  %-11s %s\n", group, line)
		}
	}
	for _, severity := range []conformance.Severity{conformance.Must, conformance.Should} {
		for i := range r.Results {
			if res := &r.Results[i]; res.State == conformance.Flawed && res.Severity == severity {
				o.writeFlaws(&b, style, r, res)
			}
		}
	}
	must, should := r.Flawed(conformance.Must), r.Flawed(conformance.Should)
	verdict := style.Good("no flaws")
	switch {
	case must > 0:
		verdict = style.Bad(plural(must, "flaw") + " that must be mended")
		if should > 0 {
			verdict += fmt.Sprintf(", and %d that should", should)
		}
	case should > 0:
		verdict = style.Warn(plural(should, "flaw") + " that should be mended, and none that must")
	}
	fmt.Fprintf(&b, "\n%s: %s passed, %d skipped, %d not observable; %s in %s\n", verdict,
		plural(r.Count(conformance.Passed), "check"), r.Count(conformance.Skipped), r.Count(conformance.NotObservable),
		plural(int(r.Requests), "request"), r.Took.Round(10*time.Millisecond))
	_, err := io.WriteString(out, b.String())
	return err
}

// groupLine says how the checks of a group have ended; "" if it has none.
func groupLine(style Style, results []conformance.Result, group string) string {
	counts := map[conformance.State]int{}
	var notes []string
	n := 0
	for i := range results {
		if res := &results[i]; res.Group == group {
			n++
			counts[res.State]++
			if res.State == conformance.Skipped || res.State == conformance.NotObservable {
				notes = append(notes, res.Note)
			}
		}
	}
	if n == 0 {
		return ""
	}
	var parts []string
	if k := counts[conformance.Passed]; k > 0 {
		parts = append(parts, style.Good(fmt.Sprintf("%d passed", k)))
	}
	if k := counts[conformance.Flawed]; k > 0 {
		parts = append(parts, style.Bad(fmt.Sprintf("%d flawed", k)))
	}
	for _, s := range []struct {
		state conformance.State
		word  string
	}{{conformance.Skipped, "skipped"}, {conformance.NotObservable, "not observable"}} {
		if k := counts[s.state]; k > 0 {
			parts = append(parts, style.Faint(fmt.Sprintf("%d %s", k, s.word)))
		}
	}
	line := strings.Join(parts, ", ")
	if slices.Sort(notes); len(slices.Compact(notes)) == 1 {
		line += style.Faint(" (" + visible(notes[0], false) + ")")
	}
	return line
}

// maxFlaws is how many answers of one check are shown in full.
const maxFlaws = 2

func (o *ConformanceOptions) writeFlaws(b *strings.Builder, style Style, r *conformance.Report, res *conformance.Result) {
	word := style.Bad("must")
	if res.Severity == conformance.Should {
		word = style.Warn("should")
	}
	fmt.Fprintf(b, "\n%s  %s\n", style.Strong(res.Code), word)
	row := func(name, text string) {
		if text != "" {
			fmt.Fprintf(b, "  %-7s %s\n", name, text)
		}
	}
	for i, f := range res.Flaws {
		if i == maxFlaws {
			row("", style.Faint(fmt.Sprintf("and %d more of the kind", len(res.Flaws)-maxFlaws)))
			break
		}
		row("sent", visible(f.Sent, false))
		if i == 0 {
			row("", style.Faint(shortened(visible(f.Request, false))))
		}
		got := visible(f.Got, false)
		if f.Millis > 0 {
			got += style.Faint(fmt.Sprintf("  (%d ms)", f.Millis))
		}
		row("got", got)
	}
	row("want", res.Wants)
	row("why", res.Why)
	row("cure", res.Cure)
	row("rule", res.Rule)
	row("again", o.again(r, res))
}

// shortened leaves out the end of a command line that would fill the screen.
func shortened(request string) string {
	const longest = 600
	if runes := []rune(request); len(runes) > longest {
		return string(runes[:longest]) + "…  (--json has all of it)"
	}
	return request
}

// again is a command that runs this check only.
func (o *ConformanceOptions) again(r *conformance.Report, res *conformance.Result) string {
	var b strings.Builder
	b.WriteString("caddy webhooks conformance " + visible(r.URL, false) + " --provider " + r.Provider)
	for _, f := range []struct{ name, value string }{
		{"secret-env", o.SecretEnv},
		{"secret-file", o.SecretFile},
		{"public-url", o.PublicURL},
		{"count-url", o.CountURL},
		{"observe-cmd", o.ObserveCmd},
	} {
		if f.value != "" {
			b.WriteString(" --" + f.name + " '" + strings.ReplaceAll(visible(f.value, false), "'", `'\''`) + "'")
		}
	}
	if res.Mode != "" && res.Mode != conformance.Observed {
		b.WriteString(" --" + string(res.Mode))
	}
	return b.String() + " --only " + res.Code
}

func plural(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}

// printChecks prints the table of the checks.
func printChecks(out io.Writer, checks []conformance.Check) error {
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "CODE\tGROUP\tSEVERITY\tWITH\tSENDS\tWANTS")
	for _, c := range checks {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", c.Code, c.Group, c.Severity, needs(c), c.Sends, c.Wants)
	}
	return t.Flush()
}

// needs says which flag a check waits for.
func needs(c conformance.Check) string {
	switch c.Mode {
	case "":
		return ""
	case conformance.Observed:
		return "--count-url"
	default:
		return "--" + string(c.Mode)
	}
}

// CheckTable writes the checks as Markdown, for docs/conformance.md.
func CheckTable(w io.Writer) error {
	var b strings.Builder
	for _, group := range conformance.Groups {
		fmt.Fprintf(&b, "### %s\n\n| Check | | Sends | Wants | Why, and the rule |\n| --- | --- | --- | --- | --- |\n", group)
		for _, c := range conformance.Checks() {
			if c.Group != group {
				continue
			}
			word := string(c.Severity)
			if n := needs(c); n != "" {
				word += ", `" + n + "`"
			}
			why := c.Why
			if c.Rule != "" {
				why += " (" + c.Rule + ")"
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", c.Code, word, c.Sends, c.Wants, why)
		}
		b.WriteString("\n")
	}
	_, err := io.WriteString(w, strings.TrimSuffix(b.String(), "\n"))
	return err
}

// What JUnit reports are made of, as CI systems read them.
type (
	junitSuites struct {
		XMLName xml.Name     `xml:"testsuites"`
		Suites  []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Skipped  int         `xml:"skipped,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Class   string        `xml:"classname,attr"`
		Name    string        `xml:"name,attr"`
		Failure *junitFailure `xml:"failure,omitempty"`
		Skipped *junitSkipped `xml:"skipped,omitempty"`
	}
	junitFailure struct {
		Type    string `xml:"type,attr"`
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
	junitSkipped struct {
		Message string `xml:"message,attr"`
	}
)

// writeJUnit writes a test case for each check, and one that fails if none was run.
func writeJUnit(file string, r *conformance.Report) error {
	var doc junitSuites
	class := "webhooks." + r.Provider
	if r.Diagnosis != "" {
		doc.Suites = []junitSuite{{Name: "baseline", Tests: 1, Failures: 1, Cases: []junitCase{{
			Class: class + ".baseline", Name: "good-request",
			Failure: &junitFailure{Type: string(conformance.Must), Message: visible(r.Diagnosis, false)},
		}}}}
	}
	for _, group := range conformance.Groups {
		suite := junitSuite{Name: group}
		for i := range r.Results {
			res := &r.Results[i]
			if res.Group != group {
				continue
			}
			c := junitCase{Class: class + "." + group, Name: res.Code}
			switch res.State {
			case conformance.Flawed:
				suite.Failures++
				var text strings.Builder
				for _, f := range res.Flaws {
					fmt.Fprintf(&text, "sent: %s\n%s\ngot: %s\n", f.Sent, f.Request, f.Got)
				}
				fmt.Fprintf(&text, "want: %s\nwhy: %s\ncure: %s\n", res.Wants, res.Why, res.Cure)
				c.Failure = &junitFailure{Type: string(res.Severity), Message: visible(res.Flaws[0].Got, false), Text: visible(text.String(), true)}
			case conformance.Skipped, conformance.NotObservable:
				suite.Skipped++
				c.Skipped = &junitSkipped{Message: visible(cmp.Or(res.Note, string(res.State)), false)}
			case conformance.Passed:
			}
			suite.Tests++
			suite.Cases = append(suite.Cases, c)
		}
		if suite.Tests > 0 {
			doc.Suites = append(doc.Suites, suite)
		}
	}
	text, err := xml.MarshalIndent(doc, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, slices.Concat([]byte(xml.Header), text, []byte("\n")), 0o600)
}
