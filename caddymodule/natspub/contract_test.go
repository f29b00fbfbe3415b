package natspub

import (
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
)

// documentedHeaders are those of the table in the consumer contract.
func documentedHeaders(t *testing.T) map[string]bool {
	t.Helper()
	page, err := os.ReadFile("../../docs/consumers.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(page), "\n## Headers\n")
	section, _, ended := strings.Cut(section, "\n## ")
	if !found || !ended {
		t.Fatal("consumers.md has no section about headers")
	}
	names := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| (`[^|]+`) \\|").FindAllStringSubmatch(section, -1) {
		for _, name := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(row[1], -1) {
			if names[name[1]] {
				t.Errorf("%s is in the table twice", name[1])
			}
			names[name[1]] = true
		}
	}
	return names
}

// TestHeadersAreDocumented: consumers find each header that a message can have in
// the table, and none that no message has.
func TestHeadersAreDocumented(t *testing.T) {
	t.Parallel()
	documented := documentedHeaders(t)
	sent := map[string]bool{"Nats-Batch-Id": true, "Nats-Batch-Sequence": true, "Nats-Batch-Commit": true} // TestAttestationInBatches
	add := func(h nats.Header) {
		for name := range h {
			if ofServer[name] {
				continue
			}
			if strings.HasPrefix(name, "Wh-H-") {
				name = "Wh-H-<Name>"
			}
			sent[name] = true
		}
	}
	p := ready(t, runServer(t, t.TempDir(), 0, nil).ClientURL(), attesting(t))
	e := large(t, "large", 2<<20)
	e.Unsigned, e.Suspect, e.Released = []string{"id"}, gateway.SuspectReplay, gateway.ReleasedRetry
	e.Same, e.Part, e.Partitions, e.OrderKey = [32]byte{1}, &gateway.Part{Batch: "b", Size: 1}, 2, "key"
	e.TraceParent, e.TraceState = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "vendor=x"
	e.Sent = &gateway.Sent{Encoding: "gzip", Size: 1}
	e.Header = http.Header{"X-One": {"1"}}
	whole := testEvent("whole", "{}")
	e.Time, e.Scheme, e.KeyID, e.ContentType = whole.Time, whole.Scheme, whole.KeyID, whole.ContentType
	e.SchemaURI, e.SchemaSHA256 = whole.SchemaURI, whole.SchemaSHA256
	ack, err := p.Publish(within(t, 20*time.Second), e)
	if err != nil {
		t.Fatal(err)
	}
	add(mustHave(t, p, ack, e).Header)
	add(p.aside(e, gateway.Quarantine{Reason: "schema", Detail: "/a", Request: keptRequest()}).header)
	add(p.conflict(p.message(e), spoolKey{"WEBHOOKS", "acme", "billing"}).header)
	forgotten := p.message(e)
	forgotten.as(1)
	add(forgotten.header)
	add((&subjectTarget{job: "j", stream: "s", spec: &ReplaySpec{To: "x"}}).message(&replayed{subject: "wh.v1.a.b.c"}).Header)
	for _, name := range slices.Sorted(maps.Keys(sent)) {
		if !documented[name] {
			t.Errorf("%s is sent, and is not in the table of consumers.md", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(documented)) {
		if !sent[name] {
			t.Errorf("%s is in the table of consumers.md, and is not sent", name)
		}
	}
}

// undocumented are the names in this package that no message for consumers has.
var undocumented = map[string]string{
	"ce-whinstance":      "of operational events, which consumers.md describes apart",
	"Nats-Rollup":        "of the object store",
	"Nats-Batch-":        "how NATS's names begin",
	"Nats-Last-Sequence": "an answer of NATS", "Nats-Num-Pending": "an answer of NATS", "Nats-Sequence": "an answer of NATS",
	"Nats-Stream": "an answer of NATS", "Nats-Subject": "an answer of NATS", "Nats-Time-Stamp": "an answer of NATS", "Nats-UpTo-Sequence": "an answer of NATS",
	"Wh-H-":     "how names of the request begin",
	"Wh-Replay": "of HTTP requests", "Wh-Replay-Seq": "of HTTP requests",
	"Wh-Spool-Msg-Id": "in the spool alone", "Wh-Spool-Kept": "in the spool alone",
}

// TestNamesAreDocumented finds names of headers in the source, so that none is
// sent that the test above does not know.
func TestNamesAreDocumented(t *testing.T) {
	t.Parallel()
	documented := documentedHeaders(t)
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`"((?:ce|Wh|Nats)-[A-Za-z-]*[A-Za-z-]|trace[a-z]+)"`).FindAllStringSubmatch(string(text), -1) {
			found[m[1]] = true
		}
	}
	if len(found) < 40 {
		t.Fatalf("got %d names, want all of them", len(found))
	}
	for _, name := range slices.Sorted(maps.Keys(found)) {
		if _, excepted := undocumented[name]; documented[name] == excepted {
			t.Errorf("%s is in the source: put it either into the table of consumers.md or into undocumented", name)
		}
	}
	for name := range undocumented {
		if !found[name] {
			t.Errorf("%s is not in the source any more", name)
		}
	}
}

// TestDedupeHeader: a consumer is told where no promise can be made.
func TestDedupeHeader(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		dedupe, hasID bool
		want          string
	}{{true, true, "unique"}, {true, false, "unknown"}, {false, true, "off"}, {false, false, "off"}} {
		e := testEvent("evt_1", "{}")
		e.Dedupe, e.HasID = tt.dedupe, tt.hasID
		if got := one(headers(e, "id", "S"), "ce-whdedupe"); got != tt.want {
			t.Errorf("dedupe %v, id %v: got %s, want %s", tt.dedupe, tt.hasID, got, tt.want)
		}
	}
}
