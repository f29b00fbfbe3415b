package integration

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// fullEvent fits the bundled schemas of push and issues.
const fullEvent = `{"event":%q,%s"ref":"refs/heads/main","before":"0000000000000000000000000000000000000000",` +
	`"after":"6113728f27ae82c7b1a177c8d03f9e96e0adf246","commits":[],` +
	`"issue":{"id":1,"number":1,"title":"it fails","user":null,"created_at":"2026-03-02T10:15:30Z",` +
	`"updated_at":"2026-03-02T10:15:30Z","html_url":"https://example.com/1"},` +
	`"repository":{"id":1,"name":"hello","full_name":"octo/hello"},"sender":{"id":1,"login":"octo"}}`

// judgement is what a schema says of every event of its type.
type judgement struct{ schema, sha256, verdict string }

// schemaFiles are the directories of the schemas that count and of the candidates.
// The schema of push is another one each round; that of status is replaced all the
// time by one of two; that of issues comes with the program.
type schemaFiles struct {
	t          *testing.T
	live, next string
	bundled    judgement // of push
	candidate  string    // digest of the candidate for push
	edits      int
	bulk       string // makes what is compiled so large that one too many is seen
}

func newSchemaFiles(t *testing.T) *schemaFiles {
	t.Helper()
	f := &schemaFiles{t: t, live: t.TempDir(), next: t.TempDir()}
	var bulk strings.Builder
	for i := range 100 {
		fmt.Fprintf(&bulk, `, "p%d": {"type": "string", "pattern": "^[a-z]{1,%d}-[0-9]+$"}`, i, 10+i)
	}
	f.bulk = bulk.String()
	return f
}

// settings are those of the routes.
func (f *schemaFiles) settings() string {
	return fmt.Sprintf(`schema {
			bundled
			dir %s
			on_invalid tag
			on_invalid quarantine status
			shadow %s
			drift {
				learn 60 0s
			}
		}`, f.live, f.next)
}

func (f *schemaFiles) write(dir, name, text string) {
	f.t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		f.t.Fatal(err)
	}
}

// edit writes new schemas, and returns what that of push says.
func (f *schemaFiles) edit() judgement {
	f.t.Helper()
	f.edits++
	own := fmt.Sprintf(`"$comment": "edit %d", "type": "object", "properties": {"event": {"type": "string"}%s}`, f.edits, f.bulk)
	candidate := fmt.Sprintf(`{%s, "required": ["candidate%d"]}`, own, f.edits)
	f.write(f.next, "push.json", candidate)
	f.candidate = digest([]byte(candidate))
	f.write(f.live, "_common.json", fmt.Sprintf(`{"$defs": {"event": {%s}}}`, own))
	j := judgement{schema: "schema:push.json", verdict: "valid"}
	var text string
	switch f.edits % 4 {
	case 0: // none: the bundled one counts
		if err := os.Remove(filepath.Join(f.live, "push.json")); err != nil {
			f.t.Fatal(err)
		}
		return f.bundled
	case 1:
		text = fmt.Sprintf(`{%s}`, own)
	case 2:
		text, j.verdict = fmt.Sprintf(`{%s, "required": ["absent"]}`, own), "invalid"
	case 3: // it stays the same, and what it refers to does not
		text = `{"$ref": "_common.json#/$defs/event"}`
	}
	f.write(f.live, "push.json", text)
	j.sha256 = digest([]byte(text))
	if f.edits%4 == 3 {
		common, err := os.ReadFile(filepath.Join(f.live, "_common.json"))
		if err != nil {
			f.t.Fatal(err)
		}
		j.sha256 = digest(fmt.Appendf(nil, "%s  _common.json\n%s  push.json\n", digest(common), j.sha256))
	}
	return j
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// spoil makes what does not compile, and returns what Caddy should say and how it
// is undone.
func (f *schemaFiles) spoil(n int) (says string, undo func()) {
	f.t.Helper()
	dir, name, text := f.live, "gollum.json", ""
	switch n % 6 {
	case 0: // an even n comes when push refers to it
		name, text = "_common.json", `{"$defs": {"event": {"type": "object", "required": "event"}}}`
		says = "schema: _common.json#/$defs/event/required: "
	case 1:
		text = `{"properties": {"event": {"type": "strin"}}}`
		says = "schema: gollum.json#/properties/event/type: value must be one of"
	case 2:
		text = `{"type": "object"`
		says = "schema: gollum.json: line 1, column 17: the JSON ends too early"
	case 3:
		text = `{"properties": {"event": {"pattern": "("}}}`
		says = "schema: gollum.json#/properties/event/pattern: "
	case 4:
		text = `{"$ref": "_gone.json#/$defs/x"}`
		says = "schema: gollum.json#/$ref: "
	case 5:
		dir, text = f.next, `{"maxLength": -1}`
		says = "schema: shadow: gollum.json#/maxLength: "
	}
	path := filepath.Join(dir, name)
	old, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		f.t.Fatal(err)
	}
	f.write(dir, name, text)
	return says, func() {
		f.t.Helper()
		if old != nil {
			f.write(dir, name, string(old))
		} else if err := os.Remove(path); err != nil {
			f.t.Fatal(err)
		}
	}
}

// statusTexts are the two schemas of status: one accepts, and one refuses.
var statusTexts = [2]string{`{"type": "object"}`, `{"type": "object", "required": ["absent"]}`}

// flip puts one of the two schemas of status in the place of the other, as editors do,
// until stop is called.
func (f *schemaFiles) flip() (stop func()) {
	quit := make(chan struct{})
	var work sync.WaitGroup
	work.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-quit:
				return
			case <-time.After(time.Millisecond):
			}
			from := filepath.Join(f.live, ".status.json")
			if err := os.WriteFile(from, []byte(statusTexts[i%2]), 0o600); err != nil {
				f.t.Error(err)
				return
			}
			if err := os.Rename(from, filepath.Join(f.live, "status.json")); err != nil {
				f.t.Error(err)
				return
			}
		}
	})
	stop = sync.OnceFunc(func() {
		close(quit)
		work.Wait()
	})
	f.t.Cleanup(stop) // before the directory is removed
	return stop
}
