package natspub

import (
	"bytes"
	"cmp"
	"flag"
	"fmt"
	"maps"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/providers"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/verifiertest"
)

var updateMessages = flag.Bool("update", false, "write the golden files of published messages")

// goldenMessage is one request, a vector of the catalogue, and what is special
// about the route that it is sent to.
type goldenMessage struct {
	name, provider string
	vector         int
	// body, if not empty, replaces the vector's, which is then not signed.
	body   string
	config func(c *gateway.Config)
	attest bool
}

var goldenMessages = []goldenMessage{
	{name: "github", provider: "github", vector: 3},
	{name: "github_order_key", provider: "github", vector: 3, config: func(c *gateway.Config) {
		c.OrderKey = verifiers.Source{Pointer: "/repository/full_name"}
		c.CESource = "https://hooks.example.com/default/github_order_key"
	}},
	{name: "github_partition", provider: "github", vector: 3, config: func(c *gateway.Config) {
		c.OrderKey, c.Partitions = verifiers.Source{Pointer: "/repository/full_name"}, 16
	}},
	{name: "github_attested", provider: "github", vector: 3, attest: true},
	{name: "github_unverified", provider: "github", vector: 3, body: `{"action":"opened"}`, config: unverified},
	{name: "stripe", provider: "stripe", vector: 1},
	{name: "stripe_dedupe_off", provider: "stripe", vector: 1, config: func(c *gateway.Config) { c.NoDedupe = true }},
	{name: "stripe_no_id", provider: "stripe", vector: 1, config: func(c *gateway.Config) {
		c.EventID = verifiers.Source{Pointer: "/absent"}
	}},
	{name: "stripe_not_strict", provider: "stripe", vector: 1, config: func(c *gateway.Config) { c.StrictJSON = gateway.StrictQuarantine }},
	{name: "slack", provider: "slack", vector: 3},
	{name: "slack_form", provider: "slack", vector: 1},
	{name: "twilio", provider: "twilio", vector: 11},
	{name: "twilio_no_token", provider: "twilio", vector: 1},
	{name: "shopify", provider: "shopify", vector: 1},
	{name: "sendgrid", provider: "sendgrid", vector: 2},
	{name: "sendgrid_whole", provider: "sendgrid", vector: 2, config: func(c *gateway.Config) { c.WholeBatch = true }},
	{name: "brevo_two", provider: "brevo", vector: 1},
	{
		name: "sendgrid_three", provider: "sendgrid", vector: 2, config: unverified,
		body: `[ {"event":"open","sg_event_id":"e-1","timestamp":1767323040} ,` +
			"\n" + `{"event":"click","sg_event_id":"e-2"},{"note":"zażółć","event":"bounce"} ]`,
	},
	{
		name: "github_large", provider: "github", vector: 3, config: func(c *gateway.Config) { unverified(c); c.MaxBody = 2 << 20 },
		body: `{"action":"opened","pad":"` + strings.Repeat("x", 1<<20) + `"}`,
	},
}

func unverified(c *gateway.Config) { c.Verifier, c.Unverified = nil, true }

// TestGoldenMessages compares whole messages as a server stores them, subject,
// headers and payload, with files in testdata/messages. Whoever has to change one
// changes what consumers were promised: within v1 things are only added. The
// clock is the vector's and ids of requests are counted, so that nothing differs
// from run to run.
func TestGoldenMessages(t *testing.T) {
	t.Parallel()
	suites, err := verifiertest.Load(verifiertest.Vectors)
	if err != nil {
		t.Fatal(err)
	}
	vectors := map[string]map[int]verifiertest.Vector{}
	for _, s := range suites {
		byID := map[int]verifiertest.Vector{}
		for _, v := range s.Tests {
			byID[v.ID] = v
		}
		vectors[s.Provider] = byID
	}
	url := runServer(t, t.TempDir(), 0, nil).ClientURL()
	plain, attested := ready(t, url, claiming), ready(t, url, attesting(t))
	files := map[string]bool{}
	for _, m := range goldenMessages {
		files[m.name+".txt"] = true
		t.Run(m.name, func(t *testing.T) {
			v, ok := vectors[m.provider][m.vector]
			if !ok {
				t.Fatalf("%s has no vector %d", m.provider, m.vector)
			}
			p := plain
			if m.attest {
				p = attested
			}
			got := m.messages(t, p, &v)
			file := filepath.Join("testdata", "messages", m.name+".txt")
			if *updateMessages {
				if err := os.WriteFile(file, got, 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatalf("%v; run the test with -update", err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
	found, err := os.ReadDir(filepath.Join("testdata", "messages"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		if !files[f.Name()] {
			t.Errorf("no test has the file %s", f.Name())
		}
	}
}

// messages sends the vector through a route and returns what is in the streams
// of it, in the order in which it was stored.
func (m *goldenMessage) messages(t *testing.T, p *Publisher, v *verifiertest.Vector) []byte {
	t.Helper()
	provider, ok := providers.Lookup(m.provider)
	if !ok {
		t.Fatalf("no provider %s", m.provider)
	}
	cfg, err := v.Config()
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := provider.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ids := 0
	config := gateway.Config{
		Tenant: "default", Source: m.name, Provider: provider, Verifier: verifier,
		Options: cfg.Options, Keys: cfg.Keys, Publisher: p, Time: cfg.Time,
		NewID: func() string { ids++; return fmt.Sprintf("01KDY7J9BM%016d", ids) },
		// Some vectors have a member twice, to see that bytes are verified as sent.
		StrictJSON: gateway.StrictOff,
	}
	if m.config != nil {
		m.config(&config)
	}
	route, err := gateway.New(config)
	if err != nil {
		t.Fatal(err)
	}
	public, err := url.Parse(v.Request.URL)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(t.Context(), v.Request.Method, v.Request.URL,
		strings.NewReader(cmp.Or(m.body, v.Request.Body)))
	r.Header = v.Request.Header.Clone()
	w := httptest.NewRecorder()
	result := route.Handle(w, gateway.Request{Request: r, URL: public, Remote: netip.MustParseAddr("192.0.2.1")})
	if result.Err != nil && result.Outcome != gateway.Quarantined || result.Status/100 != 2 {
		t.Fatalf("answered %d: %v", result.Status, result.Err)
	}
	var b bytes.Buffer
	for _, name := range []string{p.cfg.Stream.Name, p.cfg.Unverified.Name, p.cfg.Quarantine.Name} {
		for _, raw := range ofSource(t, p, name, m.name) {
			writeMessage(&b, name, raw)
		}
	}
	if b.Len() == 0 {
		t.Fatal("nothing is stored")
	}
	return b.Bytes()
}

// ofSource returns the messages of a source in a stream.
func ofSource(t *testing.T, p *Publisher, stream, source string) []*jetstream.RawStreamMsg {
	t.Helper()
	s, err := p.js.Stream(t.Context(), stream)
	if err != nil {
		t.Fatal(err)
	}
	var all []*jetstream.RawStreamMsg
	for seq := uint64(1); seq <= s.CachedInfo().State.LastSeq; seq++ {
		m, err := s.GetMsg(t.Context(), seq)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Split(m.Subject, ".")[3] == source {
			all = append(all, m)
		}
	}
	return all
}

// ofServer are headers that the server adds to what it is asked for, and those
// of group commit, which say how many events waited.
var ofServer = map[string]bool{
	"Nats-Stream": true, "Nats-Subject": true, "Nats-Sequence": true, "Nats-Time-Stamp": true,
	"Nats-Batch-Id": true, "Nats-Batch-Sequence": true, "Nats-Batch-Commit": true,
}

// writeMessage writes the stream, the subject, the headers in order, an empty
// line, and the payload, which is quoted so that no editor changes it.
func writeMessage(b *bytes.Buffer, stream string, m *jetstream.RawStreamMsg) {
	fmt.Fprintf(b, "%s %s\n", stream, m.Subject)
	for _, name := range slices.Sorted(maps.Keys(m.Header)) {
		if ofServer[name] {
			continue
		}
		for _, value := range m.Header[name] {
			fmt.Fprintf(b, "%s: %s\n", name, value)
		}
	}
	fmt.Fprintf(b, "\n%q\n\n", m.Data)
}
