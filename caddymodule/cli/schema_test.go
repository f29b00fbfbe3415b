package cli_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/cli"
	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
)

// put publishes an event of the type with what change says.
func (b *broker) put(t *testing.T, typ, body string, change func(*gateway.Event)) {
	t.Helper()
	e := &gateway.Event{
		Tenant: "default", Source: "shop", Provider: "shop", ID: typ + fmt.Sprint(len(body)), HasID: true, Type: typ,
		IngestID: "i" + typ + body, Received: time.Now(), Body: []byte(body), Digest: sha256.Sum256([]byte(body)),
		Trust: gateway.Verified, ContentType: "application/json", Schema: gateway.SchemaNone,
	}
	if change != nil {
		change(e)
	}
	if _, err := b.pub.Publish(t.Context(), e); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	name = filepath.Join(dir, name)
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestSchemaTest counts events of all kinds.
func TestSchemaTest(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	dir := t.TempDir()
	write(t, dir, "orders.create.json", `{"required":["n"],"properties":{"n":{"type":"integer"}}}`)
	write(t, dir, "sms.json", `{"properties":{"Body":{"const":"hello"},"Media":{"type":"array"}},"required":["Body"]}`)
	verdict := func(v gateway.SchemaVerdict) func(*gateway.Event) {
		return func(e *gateway.Event) { e.Schema = v }
	}
	b.put(t, "orders/create", `{"n":1}`, verdict(gateway.SchemaValid))
	b.put(t, "orders/create", `{"n":22}`, verdict(gateway.SchemaInvalid))
	b.put(t, "orders/create", `{"n":"very secret"}`, verdict(gateway.SchemaValid))
	b.put(t, "orders/create", `{"n":"still invalid"}`, verdict(gateway.SchemaInvalid))
	b.put(t, "orders:create", `{}`, nil)
	b.put(t, "sms", "Body=hello&Media=1&Media=2", func(e *gateway.Event) { e.ContentType = "application/x-www-form-urlencoded" })
	b.put(t, "sms", "Body=bye", func(e *gateway.Event) { e.ContentType = "application/x-www-form-urlencoded" })
	b.put(t, "sms", `{"Body":"hello"}`, func(e *gateway.Event) {
		e.ContentType, e.Part = "application/x-www-form-urlencoded", &gateway.Part{Batch: "b", Index: 0, Size: 1}
	})
	b.put(t, "orders/create", "<xml/>", func(e *gateway.Event) { e.ContentType = "application/xml" })
	b.put(t, "", `{"n":"x"}`, nil)
	o := cli.TestOptions{Path: dir, Failures: 2, JSON: true, HistoryOptions: cli.HistoryOptions{Reach: cli.Reach{NATS: b.url}}}
	var out bytes.Buffer
	ok, err := cli.SchemaTest(t.Context(), &out, o)
	if err != nil || ok {
		t.Fatalf("got %v, %v", ok, err)
	}
	if strings.Contains(out.String(), "secret") {
		t.Errorf("a value is in %s", out.String())
	}
	var got cli.TestResult
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if want := (cli.TestCount{Events: 10, Valid: 4, Refused: 4, NoSchema: 1, Skipped: 1}); got.TestCount != want || got.NowRefused != 3 || got.NowAccepted != 1 {
		t.Errorf("got %s", out.String())
	}
	var text strings.Builder
	for _, typ := range got.Types {
		fmt.Fprintf(&text, "%s|%s|%v\n", typ.Type, typ.Schema, typ.Refused)
	}
	for _, f := range got.Failures {
		fmt.Fprintf(&text, "%d %s %s %s %v\n", f.Seq, f.Type, f.Was, f.Schema, f.Violations)
	}
	if want := `orders/create|orders.create.json|2
orders:create|orders.create.json|1
sms|sms.json|1
||0
3 orders/create valid orders.create.json [{/n type orders.create.json#/properties/n/type []}]
4 orders/create invalid orders.create.json [{/n type orders.create.json#/properties/n/type []}]
`; text.String() != want {
		t.Errorf("got\n%swant\n%s", text.String(), want)
	}

	for name, tt := range map[string]struct {
		change func(*cli.TestOptions)
		want   int
	}{
		"types":  {func(o *cli.TestOptions) { o.Types = []string{"orders/*"} }, 5},
		"limit":  {func(o *cli.TestOptions) { o.Limit = 7 }, 7},
		"since":  {func(o *cli.TestOptions) { o.Since = "1h" }, 10},
		"source": {func(o *cli.TestOptions) { o.Sources = []string{"nobody"} }, 0},
		"until":  {func(o *cli.TestOptions) { o.Until = "1h" }, 0},
	} {
		o := o
		tt.change(&o)
		out.Reset()
		_, err := cli.SchemaTest(t.Context(), &out, o)
		var got cli.TestResult
		if err == nil {
			err = json.Unmarshal(out.Bytes(), &got)
		}
		if got.Events != tt.want || errors.Is(err, cli.ErrNothing) != (tt.want == 0) {
			t.Errorf("%s: got %d events, %v, want %d", name, got.Events, err, tt.want)
		}
	}
}

// until is a context that ends when it has been asked so often whether it has.
type until struct {
	context.Context
	left atomic.Int64
}

func (u *until) Err() error {
	if u.left.Add(-1) < 0 {
		return context.Canceled
	}
	return u.Context.Err()
}

// TestSchemaTestEndsEarly: what was found out until then is written, and it is said
// that it is not all.
func TestSchemaTestEndsEarly(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	schema := write(t, t.TempDir(), "x.json", `{"required":["n"]}`)
	for i := range 300 {
		b.put(t, "orders/create", fmt.Sprintf(`{"m":%d}`, i), func(e *gateway.Event) { e.ID = fmt.Sprint(i) })
	}
	ctx := &until{Context: t.Context()}
	ctx.left.Store(200)
	var out bytes.Buffer
	_, err := cli.SchemaTest(ctx, &out, cli.TestOptions{Path: schema, Failures: -1, JSON: true, HistoryOptions: cli.HistoryOptions{Reach: cli.Reach{NATS: b.url}}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	var got cli.TestResult
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if !got.Interrupted || got.Events == 0 || got.Events >= 300 || got.Refused != got.Events || len(got.Failures) > 0 {
		t.Errorf("got %s", out.String())
	}
}

// TestSchemaTestSpeed measures.
func TestSchemaTestSpeed(t *testing.T) {
	if os.Getenv("SCHEMA_TEST_EVENTS") == "" {
		t.Skip("set SCHEMA_TEST_EVENTS to a number of events to test a schema on them")
	}
	var n int
	if _, err := fmt.Sscan(os.Getenv("SCHEMA_TEST_EVENTS"), &n); err != nil {
		t.Fatal(err)
	}
	b := startBroker(t)
	items := strings.Repeat(`{"id":1,"name":"octo","url":"https://example.com/x","at":"2026-01-02T15:04:05Z"},`, 20)
	for i := range n {
		b.put(t, "orders/create", fmt.Sprintf(`{"n":%d,"items":[%s{"id":2}]}`, i, items), func(e *gateway.Event) { e.ID = fmt.Sprint(i) })
	}
	schema := write(t, t.TempDir(), "x.json", `{"required":["n"],"properties":{"n":{"type":"integer"},"items":{"items":{"properties":{"id":{"type":"integer"},"at":{"format":"date-time"},"url":{"format":"uri"}},"required":["id"]}}}}`)
	start := time.Now()
	if _, err := cli.SchemaTest(t.Context(), &bytes.Buffer{}, cli.TestOptions{Path: schema, HistoryOptions: cli.HistoryOptions{Reach: cli.Reach{NATS: b.url}}}); err != nil {
		t.Fatal(err)
	}
	took := time.Since(start)
	t.Logf("%d events of %d bytes in %v: %.0f a second", n, len(items), took.Round(time.Millisecond), float64(n)/took.Seconds())
}
