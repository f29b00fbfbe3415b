package integration

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// cmdExample writes a Caddyfile of a page of docs, the first being 1, with its
// texts replaced by what fits the test, all of which it must hold:
//
//	example PAGE NUMBER FILE [OLD NEW]...
func cmdExample(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 || len(args)%2 == 0 {
		ts.Fatalf("usage: example PAGE NUMBER FILE [OLD NEW]...")
	}
	page, err := os.ReadFile(filepath.Join(docs, args[0]))
	ts.Check(err)
	blocks := regexp.MustCompile("(?ms)^```caddyfile\n(.*?)^```$").FindAllSubmatch(page, -1)
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	if n < 1 || n > len(blocks) {
		ts.Fatalf("%s has %d Caddyfiles", args[0], len(blocks))
	}
	text := string(blocks[n-1][1])
	for rest := args[3:]; len(rest) > 0; rest = rest[2:] {
		if !strings.Contains(text, rest[0]) {
			ts.Fatalf("Caddyfile %d of %s does not hold %q", n, args[0], rest[0])
		}
		text = strings.ReplaceAll(text, rest[0], rest[1])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), []byte(text), 0o600))
}

// docs is the directory of the pages.
var docs = func() string {
	dir, err := filepath.Abs(filepath.Join("..", "docs"))
	if err != nil {
		panic(err)
	}
	return dir
}()
