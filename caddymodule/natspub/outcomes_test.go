package natspub

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	gotoken "go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
)

var updateOutcomes = flag.Bool("update-outcomes", false, "write the tables of docs/outcomes.md")

// outcomeRow is one row of docs/outcomes.md: what happens, in words, and an error
// as it is. What it becomes is computed.
type outcomeRow struct {
	code  jetstream.ErrorCode
	http  int    // the code's class, as the server has it
	says  string // the server's words
	words string // what it is
}

// serverRows are the answers of the server to a message that is to be stored.
var serverRows = []outcomeRow{
	{10158, 409, "duplicate message id is in process", "another copy of the event is being stored; nothing is proven yet"},
	{10164, 400, "wrong last sequence", "the same, for the subject"},
	{10167, 429, "too many requests", "the stream's queue is full"},
	{10077, 503, "maximum bytes exceeded", "the stream is full: bytes, events"},
	{10077, 503, "maximum messages per subject exceeded", "a limit that no stream of the gateway may have"},
	{10077, 503, "no space left on device", "the server cannot write"},
	{10002, 400, "resource limits exceeded for account", "the account is full"},
	{10023, 503, "insufficient resources", "the server's store is full"},
	{10047, 500, "insufficient storage resources available", "the server's disk is full"},
	{10028, 500, "insufficient memory resources available", "the server's memory is full"},
	{10054, 400, "message size exceeds maximum allowed", "larger than the stream takes"},
	{10097, 400, "header size exceeds maximum allowed of 64k", "the headers are larger than a server takes"},
	{10060, 400, "expected stream does not match", "another stream has the subject"},
	{10109, 400, "invalid operation on sealed stream", "the stream is sealed"},
	{10039, 503, "JetStream not enabled for account", "JetStream is off for the account"},
	{10076, 503, "JetStream not enabled", "JetStream is off"},
	{10008, 503, "JetStream system temporarily unavailable", "the cluster is choosing a leader"},
	{10009, 500, "JetStream cluster can not handle request", "the stream is choosing a leader"},
	{10174, 400, "atomic publish is disabled", "the stream takes no batches; none is tried again"},
	{10201, 400, "atomic publish batch contains duplicate message id", "one of a batch is stored already"},
	{10199, 400, "atomic publish batch is too large: 1000", "more than the server permits"},
	{10210, 429, "atomic publish too many inflight", "too many batches at one time"},
	{10176, 400, "atomic publish batch is incomplete", "a part of a batch was lost"},
	{10175, 400, "atomic publish sequence is missing", "never, unless by a mistake of ours"},
	{10177, 400, "atomic publish unsupported header used: Nats-Expected-Last-Msg-Id", "never: the gateway asks for no id"},
	{10179, 400, "atomic publish batch ID is invalid", "never, unless by a mistake of ours"},
	{10200, 400, "atomic publish batch commit is invalid", "never, unless by a mistake of ours"},
	{10071, 400, "wrong last sequence: 1", "never: the gateway asks for no sequence"},
	{10070, 400, "wrong last msg ID: x", "never: nor for an id"},
	{10193, 400, "missing sequence for expected last sequence per subject", "never: nor for that"},
	{10111, 500, "rollup not permitted", "never: the gateway asks for no rollup"},
	{10165, 400, "invalid per-message TTL", "never: the gateway sets none"},
	{10166, 400, "per-message TTL is disabled", "the same"},
	{10168, 400, "message counters is disabled", "the same"},
	{10169, 400, "message counter increment is missing", "the stream is a counter: use another"},
	{10170, 400, "message counter has payload", "the same"},
	{10171, 400, "message counter increment is invalid", "the same"},
	{10172, 400, "message counter is broken", "the same"},
	{10188, 400, "message schedules is disabled", "never: the gateway schedules nothing"},
	{10190, 400, "message schedules target is invalid", "the same"},
	{10191, 400, "message schedules invalid per-message TTL", "the same"},
	{10192, 400, "message schedules invalid rollup", "the same"},
	{10203, 400, "message schedules source is invalid", "the same"},
	{10212, 400, "message schedules invalid scheduler", "the same"},
	{10227, 400, "message stream source header is not allowed", "never: nothing named Nats-* comes from a request"},
	{10185, 412, "JetStream minimum api level required", "never: the gateway asks for no level"},
}

// clientRows are errors without an answer of the server.
var clientRows = []struct {
	name  string
	err   error
	words string
}{
	{"no responders", jetstream.ErrNoStreamResponse, "the stream has no leader, or there is none for the subject"},
	{"permission violation", fmt.Errorf("%w for publish", nats.ErrPermissionViolation), "the gateway's user may not publish there"},
	{"maximum payload", nats.ErrMaxPayload, "larger than the servers take, and the body could not go to the object store"},
	{"no headers", nats.ErrHeadersNotSupported, "the server is older than headers"},
	{"timeout of an attempt", jetstream.ErrAsyncPublishTimeout, "no answer: slow, stuck, or lost on the way"},
	{"the sender's time is over", context.DeadlineExceeded, "the same"},
	{"the request has ended", context.Canceled, "the sender has gone, or the gateway ends"},
	{"disconnected", nats.ErrDisconnected, "the connection broke while the answer was awaited"},
	{"not connected", nats.ErrReconnectBufExceeded, "there is no connection; nothing was sent"},
	{"connection closed", nats.ErrConnectionClosed, "the gateway ends"},
	{"connection draining", nats.ErrConnectionDraining, "the same"},
	{"the client's queue is full", jetstream.ErrTooManyStalledMsgs, "too many attempts wait for their timeouts"},
	{"still waiting for its turn", errQueued, "the time was over before a batch had room for it; nothing was sent"},
	{"anything else", errors.New("new"), "what is not known may be stored"},
}

// columns are what follows from an error: the word in logs and metrics, the
// status, Retry-After, how often the gateway tries, and whether the event may be
// stored after that.
func columns(f failure) string {
	o := gateway.StoreOutcome(f.as)
	retry := "none"
	if o.RetryAfter() > 0 {
		retry = fmt.Sprintf("%d s", o.RetryAfter())
	}
	tries := "while there is time"
	switch f.tries {
	case never:
		tries = "once"
	case electing:
		tries = "8 times, about 1.5 s"
	}
	stored := "no"
	if f.unknown {
		stored = "maybe"
	}
	return fmt.Sprintf("`%s` | %d | %s | %s | %s", o.Reason(), o.Status(), retry, tries, stored)
}

func serverTable() string {
	var b strings.Builder
	b.WriteString("| Code | The server says | What it is | `reason` | HTTP | `Retry-After` | Tried | Stored |\n|---|---|---|---|---|---|---|---|\n")
	for _, r := range serverRows {
		if strings.HasPrefix(r.says, "atomic publish") {
			fmt.Fprintf(&b, "| %d | %s | %s; its events are then stored one by one | | | | | |\n", r.code, r.says, r.words)
			continue
		}
		f := classify(&jetstream.APIError{Code: r.http, ErrorCode: r.code, Description: r.says})
		fmt.Fprintf(&b, "| %d | %s | %s | %s |\n", r.code, r.says, r.words, columns(f))
	}
	for _, r := range []outcomeRow{{http: 400, says: "any other, of class 4xx"}, {http: 500, says: "any other, of class 5xx"}} {
		f := classify(&jetstream.APIError{Code: r.http, ErrorCode: 19999, Description: r.says})
		fmt.Fprintf(&b, "| | %s | | %s |\n", r.says, columns(f))
	}
	return b.String()
}

func clientTable() string {
	var b strings.Builder
	b.WriteString("| Error | What it is | `reason` | HTTP | `Retry-After` | Tried | Stored |\n|---|---|---|---|---|---|---|\n")
	for _, r := range clientRows {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", r.name, r.words, columns(classify(r.err)))
	}
	return b.String()
}

// TestDocumentedOutcomes: the page says what the code does, row by row.
func TestDocumentedOutcomes(t *testing.T) {
	t.Parallel()
	file := filepath.Join("..", "..", "docs", "outcomes.md")
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	page := string(data)
	for header, want := range map[string]string{"| Code |": serverTable(), "| Error |": clientTable()} {
		begin := strings.Index(page, header)
		if begin < 0 {
			t.Fatalf("%s has no table that begins with %q", file, header)
		}
		end := begin + strings.Index(page[begin:], "\n\n") + 1
		if page[begin:end] == want {
			continue
		}
		if !*updateOutcomes {
			t.Errorf("got\n%s\nwant\n%s\nrun the test with -update-outcomes", page[begin:end], want)
		}
		page = page[:begin] + want + page[end:]
	}
	if *updateOutcomes {
		if err := os.WriteFile(file, []byte(page), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestOutcomesAreComplete: each error that this nats-server can answer a
// published message with has a row, found in the server's own code, with the
// class that the server gives it.
func TestOutcomesAreComplete(t *testing.T) {
	t.Parallel()
	dir := serverSource(t)
	var list []struct {
		Constant string              `json:"constant"`
		Code     int                 `json:"code"`
		Number   jetstream.ErrorCode `json:"error_code"`
	}
	data, err := os.ReadFile(filepath.Join(dir, "errors.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &list); err != nil {
		t.Fatal(err)
	}
	made := answersOfServer(t, dir)
	if len(made) < 30 {
		t.Fatalf("got %d errors in the server's code, want all of them", len(made))
	}
	for _, e := range list {
		name := strings.TrimSuffix(strings.TrimSuffix(e.Constant, "F"), "Err")
		i := slices.IndexFunc(serverRows, func(r outcomeRow) bool { return r.code == e.Number })
		if i < 0 {
			if made[name] {
				t.Errorf("got no row for %d %s, which the server may answer", e.Number, e.Constant)
			}
			continue
		}
		if serverRows[i].http != e.Code {
			t.Errorf("%d: got class %d, want %d", e.Number, serverRows[i].http, e.Code)
		}
	}
}

// serverSource is the directory of the server's code.
func serverSource(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/nats-io/nats-server/v2").Output()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(strings.TrimSpace(string(out)), "server")
}

// answersOfServer are the errors that are made where a published message is
// taken. Fast batches are another way to publish, which the gateway does not use.
func answersOfServer(t *testing.T, dir string) map[string]bool {
	t.Helper()
	functions := map[string]string{
		"queueInbound": "stream.go", "processJetStreamMsgWithBatch": "stream.go", "processJetStreamAtomicBatchMsg": "stream.go",
		"processClusteredInboundMsg": "jetstream_cluster.go", "checkMsgHeadersPreClusteredProposal": "jetstream_batching.go",
	}
	made := make(map[string]bool)
	for name, file := range functions {
		f, err := parser.ParseFile(gotoken.NewFileSet(), filepath.Join(dir, file), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Name.Name != name {
				continue
			}
			found = true
			ast.Inspect(fn, func(n ast.Node) bool {
				if call, ok := n.(*ast.CallExpr); ok {
					if id, ok := call.Fun.(*ast.Ident); ok && strings.HasPrefix(id.Name, "NewJS") {
						made[strings.TrimSuffix(strings.TrimPrefix(id.Name, "New"), "Error")] = true
					}
				}
				return true
			})
		}
		if !found {
			t.Errorf("the server has no function %s any more: find where it takes messages now", name)
		}
	}
	return made
}
