package integration

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/caddy-webhooks/caddy-webhooks/schemas"
	"github.com/caddy-webhooks/caddy-webhooks/schemas/bundled"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/providers"
)

// asyncAPI is where the official parser is installed, for which the tests need no
// network.
var asyncAPI = filepath.Join("clients", "asyncapi")

// asyncAPIDocument is what the tests read of a document.
type asyncAPIDocument struct {
	Channels map[string]struct {
		Address  string
		Messages map[string]struct {
			Ref string `json:"$ref"`
		}
	}
	Components struct {
		Messages map[string]struct {
			ContentType string
			Headers     json.RawMessage
			Payload     json.RawMessage
			Examples    []struct{ Payload json.RawMessage }
		}
	}

	set *schemas.Set
}

// readAsyncAPI reads a document, in JSON, with the schemas of its messages: those of
// the payload are for the type "payload <message>", and those of headers for "headers
// <message>".
func readAsyncAPI(text []byte) (*asyncAPIDocument, error) {
	d := new(asyncAPIDocument)
	if err := json.Unmarshal(text, d); err != nil {
		return nil, err
	}
	whole := map[string]any{}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	if err := dec.Decode(&whole); err != nil {
		return nil, err
	}
	whole["$schema"] = "http://json-schema.org/draft-07/schema#"
	text, err := json.Marshal(whole)
	if err != nil {
		return nil, err
	}
	cfg := schemas.Config{FS: fstest.MapFS{"doc.json": {Data: text}}}
	for name := range d.Components.Messages {
		for _, part := range []string{"headers", "payload"} {
			cfg.Rules = append(cfg.Rules, schemas.Rule{Type: part + " " + name, Schema: "doc.json#/components/messages/" + name + "/" + part})
		}
	}
	d.set, err = schemas.Load(cfg)
	return d, err
}

var parameter = regexp.MustCompile(`\\\{[a-z]+\\\}`)

// fits finds the channel of a message by its subject, and there the messages whose
// headers fit. The payload must fit the schema of one of them.
func (d *asyncAPIDocument) fits(m *jetstream.RawStreamMsg) (string, error) {
	headers := map[string]any{}
	for name, values := range m.Header {
		if !ofServer[name] {
			headers[name] = values[0]
		}
	}
	problems := []error{fmt.Errorf("%s fits no message", m.Subject)}
	for _, key := range slices.Sorted(maps.Keys(d.Channels)) {
		channel := d.Channels[key]
		pattern := parameter.ReplaceAllString(strings.TrimSuffix(regexp.QuoteMeta(channel.Address), `\{type\}`), `[^.]+`)
		if strings.HasSuffix(channel.Address, ".{type}") {
			pattern += ".+"
		}
		if !regexp.MustCompile("^" + pattern + "$").MatchString(m.Subject) {
			continue
		}
		for _, local := range slices.Sorted(maps.Keys(channel.Messages)) {
			name := strings.TrimPrefix(channel.Messages[local].Ref, "#/components/messages/")
			if _, err := d.set.Validate("headers "+name, headers); err != nil {
				problems = append(problems, err)
				continue
			}
			payload, err := decoded(d.Components.Messages[name].ContentType, m.Data)
			if err == nil {
				_, err = d.set.Validate("payload "+name, payload)
			}
			if err == nil {
				return name, nil
			}
			problems = append(problems, err)
		}
	}
	return "", errors.Join(problems...)
}

// decoded is a payload as schemas see it.
func decoded(media string, data []byte) (any, error) {
	if media == "application/x-www-form-urlencoded" {
		fields, err := url.ParseQuery(string(data))
		object := map[string]any{}
		for name, values := range fields {
			object[name] = values[0]
			if len(values) > 1 {
				list := make([]any, len(values))
				for i := range values {
					list[i] = values[i]
				}
				object[name] = list
			}
		}
		return object, err
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var v any
	err := dec.Decode(&v)
	return v, err
}

// cmdConforms waits until a stream holds so many messages and wants each to fit an
// AsyncAPI document in JSON: its subject a channel, its headers and its payload the
// schemas of one of the channel's messages. It prints subject and message.
//
//	conforms FILE URL STREAM COUNT
func cmdConforms(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 4 {
		ts.Fatalf("usage: conforms FILE URL STREAM COUNT")
	}
	d, err := readAsyncAPI([]byte(ts.ReadFile(args[0])))
	ts.Check(err)
	want, err := strconv.Atoi(args[3])
	ts.Check(err)
	messages, err := streamMessages(args[1], args[2], uint64(want))
	ts.Check(err)
	for _, m := range messages {
		name, err := d.fits(m)
		if err != nil {
			ts.Fatalf("%v\n%s", err, renderMessage(m))
		}
		_, err = fmt.Fprintln(ts.Stdout(), m.Subject, name)
		ts.Check(err)
	}
}

// everyProvider returns a Caddyfile with a route for each sender of the catalogue, with
// the schemas that there are for it. Nothing is verified, so that no secrets are needed.
func everyProvider() (config string, routes, withSchemas int) {
	var b strings.Builder
	b.WriteString("{\n\tadmin off\n\twebhooks {\n\t\tnats nats://nats-1:4222\n\t}\n}\nhttp://localhost:1 {\n")
	for _, p := range providers.All() {
		fmt.Fprintf(&b, "\twebhooks /%s %s {\n\t\tinsecure_skip_verify\n\t\thandshake off\n", p.Name, p.Name)
		if bundled.Directory(p.Name) != "" {
			b.WriteString("\t\tschema bundled\n")
			withSchemas++
		}
		b.WriteString("\t}\n")
		routes++
	}
	b.WriteString("\trespond 404\n}\n")
	return b.String(), routes, withSchemas
}

// documentOfAll is the AsyncAPI document of all senders.
func documentOfAll(t *testing.T, format string) (string, int) {
	t.Helper()
	config, routes, withSchemas := everyProvider()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "Caddyfile"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "asyncapi."+format)
	text, err := exec.Command("caddy", "webhooks", "asyncapi", "--config", filepath.Join(dir, "Caddyfile"), "--out", out).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	t.Logf("%d senders, %d with schemas: %s", routes, withSchemas, filepath.Base(strings.TrimSpace(string(text))))
	return out, routes
}

// TestAsyncAPIExamples: the document of all senders has a channel for each, and its
// examples fit their schemas.
func TestAsyncAPIExamples(t *testing.T) {
	t.Parallel()
	file, routes := documentOfAll(t, "json")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	d, err := readAsyncAPI(text)
	if err != nil {
		t.Fatal(err)
	}
	if got := len(d.Channels) - 3; got != routes { // quarantine, replay, ops
		t.Errorf("got %d channels, want one for each of %d senders", got, routes)
	}
	n := 0
	for name, m := range d.Components.Messages {
		for _, e := range m.Examples {
			n++
			data := []byte(e.Payload)
			if m.ContentType == "application/x-www-form-urlencoded" {
				var form string
				if err := json.Unmarshal(e.Payload, &form); err != nil {
					t.Errorf("%s: %v", name, err)
				}
				data = []byte(form)
			}
			payload, err := decoded(m.ContentType, data)
			if err == nil {
				_, err = d.set.Validate("payload "+name, payload)
			}
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	t.Logf("%d examples", n)
}

// TestAsyncAPI has the official parser read the document of all senders.
func TestAsyncAPI(t *testing.T) {
	if os.Getenv("ASYNCAPI") == "" {
		t.Skip("set ASYNCAPI=1 after npm ci in integration/clients/asyncapi, which needs node")
	}
	file, _ := documentOfAll(t, "yaml")
	cmd := exec.Command("node", "check.js", file)
	cmd.Dir = asyncAPI
	out, err := cmd.CombinedOutput()
	t.Logf("%s", bytes.ReplaceAll(out, []byte(filepath.Dir(file)+"/"), nil))
	if err != nil {
		t.Error(err)
	}
	// The one thing that it says is that there is a later version of AsyncAPI.
	if n := bytes.Count(out, []byte("\n")); n != 2 {
		t.Errorf("%d lines, want 2", n)
	}
}
