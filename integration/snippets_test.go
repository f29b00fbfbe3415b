package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// cmdSnippet writes a program of a page of docs, the first in its language being
// 1, with its texts replaced by what fits the test, all of which it must hold:
//
//	snippet PAGE LANGUAGE NUMBER FILE [OLD NEW]...
func cmdSnippet(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 4 || len(args)%2 != 0 {
		ts.Fatalf("usage: snippet PAGE LANGUAGE NUMBER FILE [OLD NEW]...")
	}
	page, err := os.ReadFile(filepath.Join(docs, args[0]))
	ts.Check(err)
	blocks := regexp.MustCompile("(?ms)^```"+regexp.QuoteMeta(args[1])+"\n(.*?)^```$").FindAllSubmatch(page, -1)
	n, err := strconv.Atoi(args[2])
	ts.Check(err)
	if n < 1 || n > len(blocks) {
		ts.Fatalf("%s has %d programs in %s", args[0], len(blocks), args[1])
	}
	text := string(blocks[n-1][1])
	for rest := args[4:]; len(rest) > 0; rest = rest[2:] {
		if !strings.Contains(text, rest[0]) {
			ts.Fatalf("program %d in %s of %s does not hold %q", n, args[1], args[0], rest[0])
		}
		text = strings.ReplaceAll(text, rest[0], rest[1])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[3]), []byte(text), 0o600))
}

// cmdGoBuild builds a program of Go files, which may import what this module may:
//
//	gobuild PROGRAM FILE...
func cmdGoBuild(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: gobuild PROGRAM FILE...")
	}
	build := []string{"build", "-o", ts.MkAbs(args[0])}
	for _, file := range args[1:] {
		build = append(build, ts.MkAbs(file))
	}
	for _, work := range [][]string{append([]string{"vet"}, build[3:]...), build} {
		cmd := exec.Command("go", work...) //nolint:noctx // testscript has none
		cmd.Dir = filepath.Dir(docs)
		if out, err := cmd.CombinedOutput(); err != nil {
			ts.Fatalf("go %s: %v\n%s", work[0], err, out)
		}
	}
}
