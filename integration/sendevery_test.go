package integration

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/cli"
	"github.com/caddy-webhooks/caddy-webhooks/schemas/bundled"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/providers"
)

// unplayed are the providers that nobody but the sender can play, and why.
var unplayed = map[string]string{
	"hmac":            "a gateway describes it, and other tests do",
	"connectwise-psa": "the secret is at a URL of the sender, and nobody knows it",
	"ramp-network":    "it signs on the curve secp256k1, for which no private keys are read",
}

// sender is a provider with a key of our own.
type sender struct {
	provider  verifiers.Provider
	key       cli.Generated
	private   string            // file of the private key; "" if the secret is shared
	options   map[string]string // of the gateway
	documents map[string]string // files, by the URLs that the gateway would fetch
}

// sent is what `caddy webhooks send --json` prints.
type sent struct {
	Status   int
	Body     string
	ID, Type string
}

// The real command plays every provider of the catalogue that can be played, and
// the real gateway accepts the event and stores it once, as what it is; signed with
// another key it is refused.
func TestSendEveryProvider(t *testing.T) {
	t.Parallel()
	begin := time.Now()
	dir := t.TempDir()
	addr, admin, natsAddr := freeAddr(t), freeAddr(t), freeAddr(t)
	senders, environment := everySender(t, dir)
	file := filepath.Join(dir, "Caddyfile")
	if err := os.WriteFile(file, []byte(everyRoute(senders, dir, addr, admin, natsAddr)), 0o600); err != nil {
		t.Fatal(err)
	}
	gateway := caddyProcess(dir, file, environment...)
	gateway.start(t)
	t.Cleanup(func() {
		gateway.stop(t)
		if text := gateway.log.String(); t.Failed() {
			t.Logf("the end of caddy's log:\n%s", text[max(0, len(text)-8000):])
		}
	})
	waitFor(t, 2*patience, "the gateway", func() error {
		res, err := http.Get("http://" + addr + "/github") //nolint:noctx // it is quick
		if err == nil {
			err = res.Body.Close()
		}
		return err
	})
	started := time.Since(begin)

	var mu sync.Mutex
	answers := map[string]sent{}
	inParallel(senders, func(s sender) {
		answer, err := s.send(t, addr, environment, false)
		mu.Lock()
		defer mu.Unlock()
		if err != nil || answer.Status/100 != 2 {
			t.Errorf("%s: %d %s (%v)", s.provider.Name, answer.Status, answer.Body, err)
			return
		}
		answers[s.provider.Name] = answer
	})
	accepted := len(answers)
	stored := storedEvents(t, natsAddr, accepted)
	for _, s := range senders {
		if answer, ok := answers[s.provider.Name]; ok {
			s.check(t, answer, stored[s.provider.Name])
		}
	}
	refused := 0
	inParallel(senders, func(s sender) {
		answer, err := s.send(t, addr, environment, true)
		mu.Lock()
		defer mu.Unlock()
		if answer.Status != http.StatusUnauthorized {
			t.Errorf("%s with another key: %d %s (%v), want 401", s.provider.Name, answer.Status, answer.Body, err)
			return
		}
		refused++
	})
	storedEvents(t, natsAddr, accepted) // none of those
	var reasons []string
	for _, name := range slices.Sorted(maps.Keys(unplayed)) {
		reasons = append(reasons, name+" ("+unplayed[name]+")")
	}
	t.Logf("%d of %d providers: sent, accepted, stored once; %d refused with another key; %d cannot be played: %s; %s to start, %s in all",
		accepted, len(providers.All()), refused, len(unplayed), strings.Join(reasons, ", "), started.Round(time.Second/10), time.Since(begin).Round(time.Second/10))
	if want := len(providers.All()) - len(unplayed); accepted != want || refused != want {
		t.Errorf("%d accepted and %d refused, want %d of each", accepted, refused, want)
	}
}

func inParallel(senders []sender, do func(sender)) {
	slots := make(chan struct{}, sideBySide)
	var wg sync.WaitGroup
	for _, s := range senders {
		slots <- struct{}{}
		wg.Go(func() { defer func() { <-slots }(); do(s) })
	}
	wg.Wait()
}

// everySender gives each provider a key, as `caddy webhooks sign --generate-key` and
// --generate-secret make it, and returns the environment in which the gateway runs.
func everySender(t *testing.T, dir string) ([]sender, []string) {
	t.Helper()
	var senders []sender
	var environment []string
	for _, p := range providers.All() {
		if unplayed[p.Name] != "" {
			continue
		}
		s := sender{provider: p, options: maps.Clone(cli.SampleOptions(p.Name))}
		o := cli.SendOptions{Provider: p.Name, JSON: true}
		key := filepath.Join(dir, p.Name+".pem")
		var out bytes.Buffer
		err := cli.GenerateKey(o, key, &out)
		if err == nil {
			s.private = key
		} else {
			err = cli.GenerateSecret(o, &out)
		}
		if err == nil {
			err = json.Unmarshal(out.Bytes(), &s.key)
		}
		if err != nil {
			t.Errorf("%s: %v", p.Name, err)
			continue
		}
		if s.key.Variable != "" {
			environment = append(environment, s.key.Variable+"="+s.key.Value)
		}
		maps.Copy(s.options, s.key.Options)
		for _, name := range slices.Sorted(maps.Keys(s.options)) {
			environment = append(environment, s.optionVariable(name)+"="+s.options[name])
		}
		s.documents = map[string]string{}
		for address, text := range s.key.Documents {
			s.documents[address] = filepath.Join(dir, fmt.Sprintf("%s.%d", p.Name, len(s.documents)))
			if err := os.WriteFile(s.documents[address], []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		senders = append(senders, s)
	}
	return senders, environment
}

// everyRoute is a gateway with a route for each sender, with bundled schemas where
// there are some.
func everyRoute(senders []sender, dir, addr, admin, natsAddr string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "{\n\tadmin %s\n\tpersist_config off\n\twebhooks {\n\t\tnats embedded {\n\t\t\tstore_dir %s\n\t\t\tlisten %s\n\t\t}\n\t}\n}\n\nhttp://%s {\n",
		admin, filepath.Join(dir, "store"), natsAddr, addr)
	for _, s := range senders {
		secret := ""
		if s.key.Variable != "" {
			secret = " {env." + s.key.Variable + "}"
		}
		fmt.Fprintf(&b, "\twebhooks /%s %s%s {\n", s.provider.Name, s.provider.Name, secret)
		for _, address := range slices.Sorted(maps.Keys(s.documents)) {
			fmt.Fprintf(&b, "\t\tkey_document %s %s\n", address, s.documents[address])
		}
		for _, name := range slices.Sorted(maps.Keys(s.options)) {
			fmt.Fprintf(&b, "\t\toption %s {env.%s}\n", name, s.optionVariable(name))
		}
		if _, ok := bundled.FS(s.provider.Name); ok {
			b.WriteString("\t\tschema bundled\n")
		}
		b.WriteString("\t}\n")
	}
	b.WriteString("\trespond 404\n}\n")
	return b.String()
}

func (s *sender) optionVariable(name string) string {
	return strings.ToUpper(strings.ReplaceAll(s.provider.Name, "-", "_") + "_" + name)
}

// send runs the command, with the key or with another one.
func (s *sender) send(t *testing.T, addr string, environment []string, other bool) (sent, error) {
	t.Helper()
	args := []string{"webhooks", "send", s.provider.Name, "http://" + addr + "/" + s.provider.Name, "--json"}
	for _, o := range s.provider.Options {
		if value := s.options[o.Name]; value != "" && !o.Secret {
			args = append(args, "--option", o.Name+"="+value)
		}
	}
	if s.private != "" {
		args = append(args, "--secret-file", s.private)
	}
	if other {
		args = append(args, "--wrong-key")
	}
	cmd := exec.CommandContext(t.Context(), caddyBin(), args...)
	cmd.Env = slices.Concat(os.Environ(), environment)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	var answer sent
	if jsonErr := json.Unmarshal(out, &answer); jsonErr != nil {
		return answer, errors.Join(err, errors.New(strings.TrimSpace(stderr.String())))
	}
	return answer, err
}

// storedEvents are the events of the stream by source. There must be so many.
func storedEvents(t *testing.T, natsAddr string, want int) map[string][]*jetstream.RawStreamMsg {
	t.Helper()
	messages, err := streamMessages("nats://"+natsAddr, "WEBHOOKS", uint64(want))
	if err != nil {
		t.Fatal(err)
	}
	bySource := map[string][]*jetstream.RawStreamMsg{}
	for _, m := range messages {
		source := m.Header.Get("ce-whsource")
		bySource[source] = append(bySource[source], m)
	}
	return bySource
}

// check wants one event, and that it is what was sent.
func (s *sender) check(t *testing.T, answer sent, events []*jetstream.RawStreamMsg) {
	t.Helper()
	p := s.provider
	if len(events) != 1 {
		t.Errorf("%s: %d events are stored, want 1", p.Name, len(events))
		return
	}
	header := func(name string) string {
		text, err := url.PathUnescape(strings.Join(events[0].Header[name], " and "))
		if err != nil {
			t.Errorf("%s: %s: %v", p.Name, name, err)
		}
		return text
	}
	if got := header("ce-whtrust"); got != "verified" && got != "authenticated" {
		t.Errorf("%s: the trust is %q", p.Name, got)
	}
	kind := answer.Type
	if p.Batch != nil && !p.Batch.Type.IsZero() {
		kind = "" // that of the element, which the unit tests compare
	}
	if got, want := header("ce-type"), p.TypePrefix+"."+kind; kind != "" && got != want {
		t.Errorf("%s: the type is %q, want %s", p.Name, got, want)
	}
	if got := header("ce-id"); answer.ID != "" && p.Batch == nil && got != answer.ID {
		t.Errorf("%s: the id is %q, want %s", p.Name, got, answer.ID)
	}
	if got := header("ce-source"); !strings.HasSuffix(got, "/default/"+p.Name) {
		t.Errorf("%s: the source is %q", p.Name, got)
	}
	if _, ok := bundled.FS(p.Name); ok && header("ce-whschema") != "valid" {
		t.Errorf("%s: its schema says %q, want valid", p.Name, header("ce-whschema"))
	}
}
