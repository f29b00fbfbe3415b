package integration

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/rogpeppe/go-internal/testscript"
	"github.com/rogpeppe/go-internal/txtar"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// withoutJSON are the commands that print no results, and so no JSON, with why.
var withoutJSON = map[string]string{}

// webhooksCommands returns each command of `caddy webhooks` that does something, as
// it is written: `caddy webhooks send`.
var webhooksCommands = sync.OnceValue(func() map[string]*cobra.Command {
	root := &cobra.Command{Use: "caddy"}
	webhooks := &cobra.Command{Use: "webhooks"}
	root.AddCommand(webhooks)
	caddycmd.Commands()["webhooks"].CobraFunc(webhooks)
	found := map[string]*cobra.Command{}
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		if !c.HasSubCommands() {
			found[c.CommandPath()] = c
		}
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(webhooks)
	return found
})

// examples returns the examples of a command's help. Lines that a backslash continues
// are one.
func examples(c *cobra.Command) []string {
	var list []string
	more := false
	for line := range strings.Lines(c.Example) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		line, continued := strings.CutSuffix(line, `\`)
		line = strings.TrimSpace(line)
		if more {
			list[len(list)-1] += " " + line
		} else {
			list = append(list, line)
		}
		more = continued
	}
	return list
}

// allExamples says which command each example belongs to.
var allExamples = sync.OnceValue(func() map[string]string {
	all := map[string]string{}
	for path, c := range webhooksCommands() {
		for _, e := range examples(c) {
			all[e] = path
		}
	}
	return all
})

// cmdDocumented runs an example of the help in a shell, after replacing texts in it,
// such as addresses:
//
//	documented [-exits STATUS] [-until REGEXP] [OLD=NEW...] EXAMPLE
//
// An example that a backslash continues in the help is one line here. With -until it
// is interrupted, as by Ctrl-C, as soon as its output matches.
func cmdDocumented(ts *testscript.TestScript, neg bool, args []string) {
	const usage = "usage: documented [-exits STATUS] [-until REGEXP] [OLD=NEW...] EXAMPLE"
	want, until := "0", ""
	for len(args) > 2 && (args[0] == "-exits" || args[0] == "-until") { // what follows may begin with a dash
		if args[0] == "-exits" {
			want = args[1]
		} else {
			until = args[1]
		}
		args = args[2:]
	}
	if neg || len(args) == 0 {
		ts.Fatalf("%s", usage)
	}
	text := args[len(args)-1]
	if allExamples()[text] == "" {
		ts.Fatalf("no command's help has the example %q", text)
	}
	for _, pair := range args[:len(args)-1] {
		was, is, ok := strings.Cut(pair, "=")
		if !ok || !strings.Contains(text, was) {
			ts.Fatalf("%q: %q is not in the example; %s", pair, was, usage)
		}
		text = strings.ReplaceAll(text, was, is)
	}
	command := []string{"sh", "-c", text}
	if until != "" {
		command = append([]string{"interrupted", until}, command...)
	}
	status := exitStatus(ts, ts.Exec(command[0], command[1:]...))
	if strconv.Itoa(status) != want {
		ts.Fatalf("the exit status of %q is %d, want %s", text, status, want)
	}
}

// runInterrupted is the program `interrupted REGEXP PROGRAM [ARG...]`: it runs a
// program until its output matches, interrupts it then as Ctrl-C does, and exits as
// it does.
func runInterrupted() {
	fail := func(err error) {
		if err != nil {
			fmt.Fprintln(os.Stderr, "interrupted:", err)
			os.Exit(125)
		}
	}
	if len(os.Args) < 3 {
		fail(errors.New("usage: interrupted REGEXP PROGRAM [ARG...]"))
	}
	re, err := regexp.Compile("(?m)" + os.Args[1])
	fail(err)
	signal.Ignore(os.Interrupt) // it is for the program
	cmd := exec.Command(os.Args[2], os.Args[3:]...)
	if filepath.Base(os.Args[2]) == "sh" && len(os.Args) == 5 {
		cmd.Args[2] = "trap : INT\n" + cmd.Args[2] // the shell is not who is interrupted
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Stdin, cmd.Stderr = os.Stdin, os.Stderr
	w := &matchWriter{re: re, found: make(chan struct{})}
	cmd.Stdout = w
	signal.Reset(os.Interrupt) // or the program would be born ignoring it
	fail(cmd.Start())
	signal.Ignore(os.Interrupt)
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case <-w.found:
	case <-time.After(patience):
		fmt.Fprintf(os.Stderr, "interrupted: no match for %q\n", os.Args[1])
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		os.Exit(125)
	case err := <-ended:
		fmt.Fprintf(os.Stderr, "interrupted: it ended before its output matched %q: %v\n", os.Args[1], err)
		os.Exit(125)
	}
	fail(syscall.Kill(-cmd.Process.Pid, syscall.SIGINT))
	if err := <-ended; err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			fail(err)
		}
		os.Exit(exit.ExitCode())
	}
}

// matchWriter copies to standard output, and closes found when all of it matches.
type matchWriter struct {
	re    *regexp.Regexp
	text  bytes.Buffer
	found chan struct{}
	done  bool
}

func (w *matchWriter) Write(p []byte) (int, error) {
	w.text.Write(p)
	if !w.done && w.re.Match(w.text.Bytes()) {
		w.done = true
		close(w.found)
	}
	return os.Stdout.Write(p)
}

// documentedIn returns the examples that a script runs.
func documentedIn(script string) []string {
	var list []string
	for line := range strings.Lines(script) {
		words := scriptWords(strings.TrimSpace(line))
		if len(words) > 0 && strings.HasPrefix(words[0], "[") { // a condition
			words = words[1:]
		}
		if len(words) > 1 && words[0] == "documented" {
			list = append(list, words[len(words)-1])
		}
	}
	return list
}

// scriptWords splits a line of a script: '...' is quoted, and two of them in it are one.
func scriptWords(line string) []string {
	var words []string
	var word strings.Builder
	begun, quoted := false, false
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case quoted && c == '\'' && i+1 < len(line) && line[i+1] == '\'':
			word.WriteByte(c)
			i++
		case c == '\'':
			quoted, begun = !quoted, true
		case !quoted && (c == ' ' || c == '\t'):
			if begun {
				words = append(words, word.String())
				word.Reset()
				begun = false
			}
		case !quoted && c == '#' && !begun:
			return words
		default:
			word.WriteByte(c)
			begun = true
		}
	}
	if begun {
		words = append(words, word.String())
	}
	return words
}

// TestHelpExamples holds the help of each command against the scripts: what an
// example shows has been run.
func TestHelpExamples(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join("testdata", "script", "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	run := map[string]string{}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, example := range documentedIn(string(archive.Comment)) {
			run[example] = file
		}
	}
	for example, file := range run {
		if allExamples()[example] == "" {
			t.Errorf("%s runs an example that no help has: %s", file, example)
		}
	}
	if len(webhooksCommands()) < 10 {
		t.Fatalf("only %d commands", len(webhooksCommands()))
	}
	for path, c := range webhooksCommands() {
		list := examples(c)
		if len(list) == 0 {
			t.Errorf("%s has no example", path)
		}
		for _, example := range list {
			if !strings.Contains(example, path) {
				t.Errorf("%s: its example is about another command: %s", path, example)
			}
			if run[example] == "" {
				t.Errorf("%s: no script runs its example; write a line documented '%s'", path, strings.ReplaceAll(example, "'", "''"))
			}
		}
	}
}

// TestHelpConventions holds all commands to one style.
func TestHelpConventions(t *testing.T) {
	t.Parallel()
	kebab := regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)
	for path, c := range webhooksCommands() {
		if c.Short == "" || strings.HasSuffix(c.Short, ".") || strings.TrimSpace(c.Long) == "" && c.Name() != "list" {
			t.Errorf("%s: its help wants a short line without a full stop, and a long text", path)
		}
		top := c
		for top.Parent().Name() != "webhooks" {
			top = top.Parent()
		}
		if top.GroupID == "" {
			t.Errorf("%s: it is in none of the groups of commandGroups, by which the help lists commands", path)
		}
		hasJSON := false
		check := func(f *pflag.Flag) {
			if !kebab.MatchString(f.Name) {
				t.Errorf("%s: --%s is not in kebab-case", path, f.Name)
			}
			if f.Usage == "" {
				t.Errorf("%s: --%s has no help", path, f.Name)
			}
			hasJSON = hasJSON || f.Name == "json"
		}
		c.Flags().VisitAll(check)
		c.InheritedFlags().VisitAll(check)
		if why := withoutJSON[path]; hasJSON == (why != "") {
			t.Errorf("%s: --json is there: %v; withoutJSON says %q", path, hasJSON, why)
		}
		for line := range strings.Lines(c.Long) {
			if len(line) > 90 {
				t.Errorf("%s: a line of its help has %d characters: %s", path, len(line), strconv.Quote(line))
			}
		}
	}
	for path := range withoutJSON {
		if webhooksCommands()[path] == nil {
			t.Errorf("withoutJSON has %q, which is no command", path)
		}
	}
	if !slices.Equal(scriptWords(`documented -exits 1 a=$B 'caddy ''x'' "y z"' # why`), []string{"documented", "-exits", "1", "a=$B", `caddy 'x' "y z"`}) {
		t.Error("words of a script are not what they should be")
	}
}
