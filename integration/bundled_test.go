package integration

import (
	"bytes"
	"cmp"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/cli"
	"github.com/caddy-webhooks/caddy-webhooks/schemas/bundled"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/providers"
)

// bundledSecrets are secrets of the forms that senders have; the first that a
// verifier takes is used.
var bundledSecrets = []string{
	"whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
	"whsec_correct_horse_battery_staple",
	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
	"someone:correct-horse-battery-staple",
}

// unsignable are the providers whose events nobody but they can sign.
var unsignable = map[string]string{
	"adyen":   "each item has its signature in itself, and send writes none into a body",
	"aws-sns": "the key is Amazon's",
	"mailgun": "the signature is in the body, and send writes none into it",
	"paypal":  "the key is PayPal's",
	"plaid":   "the key is Plaid's: a receiver has its public half alone",
}

// bundledSample is a file of schemas/bundled/testdata.
type bundledSample struct {
	file, Type, Schema, Form string
	Payload                  json.RawMessage
	Violations               []struct{ Pointer, Keyword string }
}

// bundledRoute is a route of one gateway, and what its sender needs.
type bundledRoute struct {
	provider       verifiers.Provider
	url            string
	secret         string // text, and
	key, publicKey string // a file and its public half instead
}

// TestBundledSchemas runs one gateway with a route for each provider that has
// bundled schemas. What is signed is published with the schema that fits, and what
// does not fit is kept aside with the place that is wrong.
func TestBundledSchemas(t *testing.T) {
	t.Parallel()
	dir, addr, natsAddr := t.TempDir(), freeAddr(t), freeAddr(t)
	var routes []*bundledRoute
	var caddyfile strings.Builder
	fmt.Fprintf(&caddyfile, "{\n\tadmin off\n\tauto_https off\n\tpersist_config off\n\twebhooks {\n\t\tnats embedded {\n\t\t\tstore_dir %s\n\t\t\tlisten %s\n\t\t\tsync interval 1m\n\t\t}\n\t}\n}\nhttp://%s {\n",
		filepath.Join(dir, "store"), natsAddr, addr)
	var env []string
	for _, name := range bundled.Providers() {
		p, ok := providers.Lookup(name)
		if !ok {
			t.Fatalf("the catalogue lacks %s", name)
		}
		_, can := p.Scheme.(verifiers.Signer)
		if reason := unsignable[name]; reason != "" || !can {
			if reason == "" {
				t.Errorf("%s cannot be signed for: say why in unsignable", name)
			}
			t.Logf("%s is not sent: %s", name, reason)
			continue
		}
		r := newBundledRoute(t, p, dir, "http://"+addr+"/"+name)
		routes = append(routes, r)
		variable := "SECRET_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
		env = append(env, variable+"="+r.secret+r.publicKey)
		fmt.Fprintf(&caddyfile, "\twebhooks /%[1]s %[1]s {env.%s} {\n\t\tschema bundled\n\t\tdedupe off\n\t\tpublic_url http://%s\n", name, variable, addr)
		for _, o := range p.Options {
			if o.Required {
				fmt.Fprintf(&caddyfile, "\t\toption %s %s\n", o.Name, o.Example)
			}
		}
		caddyfile.WriteString("\t}\n")
	}
	caddyfile.WriteString("\trespond 404\n}\n")
	file := filepath.Join(dir, "Caddyfile")
	if err := os.WriteFile(file, []byte(caddyfile.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	startCaddy(t, dir, file, env...)
	waitFor(t, patience, "caddy answers", func() error {
		resp, err := http.Get("http://" + addr + "/")
		if err != nil {
			return err
		}
		return resp.Body.Close()
	})
	nc, err := dialNATS("nats://" + natsAddr)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	b := &bundledRun{js: js}
	for _, r := range routes {
		t.Run(r.provider.Name, func(t *testing.T) { b.sendSamples(t, r) })
	}
	t.Logf("%d providers, %d not signed for; of %d samples that fit %d came in, and %d of %d that do not are in quarantine; %d built-in samples came in",
		len(routes), len(unsignable), b.valid, b.published, b.quarantined, b.invalid, b.builtIn)
}

// newBundledRoute makes a secret that the provider's verifier takes.
func newBundledRoute(t *testing.T, p verifiers.Provider, dir, url string) *bundledRoute {
	t.Helper()
	r := &bundledRoute{provider: p, url: url}
	var private any
	var err error
	switch p.Scheme.(type) {
	case verifiers.Ed25519:
		_, private, err = ed25519.GenerateKey(rand.Reader)
	case verifiers.ECDSA:
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	default:
		options := map[string]string{}
		for _, o := range p.Options {
			options[o.Name] = o.Example
		}
		for _, secret := range bundledSecrets {
			key, keyErr := verifiers.NewKey("k", []byte(secret))
			if keyErr == nil {
				_, keyErr = p.New(verifiers.Config{Keys: verifiers.Keys{key}, Options: options})
			}
			if keyErr == nil {
				r.secret = secret
				return r
			}
			err = keyErr
		}
		t.Fatalf("%s takes none of the secrets: %v", p.Name, err)
	}
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	r.key = filepath.Join(dir, p.Name+".pem")
	if err := os.WriteFile(r.key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := cli.Send(t.Context(), cli.SendOptions{Provider: p.Name, SecretFile: r.key, PublicKey: true}, &out); err != nil {
		t.Fatal(err)
	}
	r.publicKey = strings.TrimSpace(out.String())
	return r
}

// bundledRun counts what is sent.
type bundledRun struct {
	js                                              jetstream.JetStream
	valid, invalid, published, quarantined, builtIn int
}

func (b *bundledRun) sendSamples(t *testing.T, r *bundledRoute) {
	name := r.provider.Name
	if cliSamples[name] {
		before := b.last(t, "WEBHOOKS")
		args := []string{"webhooks", "send", name, r.url}
		if r.key != "" {
			args = append(args, "--secret-file", r.key)
		} else {
			args = append(args, "--secret-env", "THE_SECRET")
		}
		cmd := exec.Command(caddyBin(), args...)
		cmd.Env = append(os.Environ(), "THE_SECRET="+r.secret)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("caddy webhooks send %s: %v: %s", name, err, out)
		} else if b.check(t, "the built-in sample", name, "", "WEBHOOKS", before) {
			b.builtIn++
		}
	}
	files, err := filepath.Glob(filepath.Join("..", "schemas", "bundled", "testdata", bundled.Directory(name), "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no samples: %v", err)
	}
	aside, sent := 0, map[string]bool{}
	for _, file := range files {
		s := bundledSample{file: filepath.Base(file)}
		readJSON(t, file, &s)
		switch {
		case string(s.Payload) == `""`:
			continue // a request without a body
		case s.Type == "batch" || name == "sendgrid" && s.Payload[0] == '[':
			continue // for `batch off`; here each element is an event
		case sent[string(s.Payload)]:
			continue // quarantine keeps the same bytes once
		case s.Form == "":
			sent[string(s.Payload)] = true
		}
		stream, schema := "WEBHOOKS", s.Schema
		if len(s.Violations) > 0 {
			stream = "WEBHOOKS_QUARANTINE"
			b.invalid++
		} else {
			b.valid++
		}
		before := b.last(t, stream)
		if err := b.send(t, r, &s); err != nil {
			t.Logf("%s cannot be sent: %v", s.file, err)
			continue
		}
		if !b.check(t, s.file, name, schema, stream, before) {
			continue
		}
		if stream == "WEBHOOKS" {
			b.published++
			continue
		}
		aside++
		b.quarantined++
	}
	if aside == 0 {
		t.Errorf("nothing of %s is in quarantine", name)
	}
}

// send signs a sample and sends it.
func (b *bundledRun) send(t *testing.T, r *bundledRoute, s *bundledSample) error {
	t.Helper()
	body := []byte(s.Form)
	o := cli.SendOptions{
		Provider: r.provider.Name, URL: r.url, Body: "-", Type: s.Type, Getenv: func(string) string { return r.secret },
		SecretFile: r.key,
	}
	if s.Form != "" {
		o.Headers = []string{"Content-Type: application/x-www-form-urlencoded"}
	} else {
		body = wrap(r.provider.Batch, s.Payload)
	}
	if r.provider.Name == "linear" { // what is signed has its time in the body
		var doc map[string]any
		if err := json.Unmarshal(body, &doc); err != nil {
			return err
		}
		doc["webhookTimestamp"] = time.Now().UnixMilli()
		var err error
		if body, err = json.Marshal(doc); err != nil {
			return err
		}
	}
	for _, option := range r.provider.Options {
		if option.Required {
			o.Options = append(o.Options, option.Name+"="+option.Example)
		}
	}
	o.Stdin = bytes.NewReader(body)
	err := cli.Send(t.Context(), o, io.Discard)
	if errors.Is(err, cli.ErrUsage) { // it is in the body, or a part of it is
		o.Headers = append(o.Headers, typeHeaders(r.provider.Type, s.Type)...)
		o.Type, o.Stdin = "", bytes.NewReader(body)
		err = cli.Send(t.Context(), o, io.Discard)
	}
	return err
}

// typeHeaders are the headers with a type, or with what is before its dot.
func typeHeaders(s verifiers.Source, eventType string) []string {
	if len(s.Join) > 0 {
		before, _, _ := strings.Cut(eventType, cmp.Or(s.Sep, "."))
		return typeHeaders(s.Join[0], before)
	}
	for _, alternative := range s.First {
		if list := typeHeaders(alternative, eventType); len(list) > 0 {
			return list
		}
	}
	if s.Header == "" {
		return nil
	}
	return []string{s.Header + ": " + eventType}
}

// wrap puts an element of a batch where the provider has its array.
func wrap(batch *verifiers.Batch, payload json.RawMessage) []byte {
	if batch == nil || len(payload) == 0 || payload[0] == '[' {
		return payload
	}
	names := strings.Split(strings.TrimPrefix(batch.Elements, "/"), "/")
	var doc map[string]json.RawMessage
	if json.Unmarshal(payload, &doc) == nil && doc[names[0]] != nil {
		return payload // it is the request's
	}
	payload = append(append([]byte{'['}, payload...), ']')
	for i := len(names) - 1; i >= 0 && batch.Elements != ""; i-- {
		payload = fmt.Appendf(nil, "{%q:%s}", names[i], payload)
	}
	return payload
}

// check wants a new message in the stream, with what the schema said.
func (b *bundledRun) check(t *testing.T, what, provider, schema, stream string, before uint64) bool {
	t.Helper()
	s, err := b.js.Stream(t.Context(), stream)
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return false
	}
	if after := s.CachedInfo().State.LastSeq; after == before {
		t.Errorf("%s: nothing new in %s", what, stream)
		return false
	}
	m, err := s.GetMsg(t.Context(), before+1) // the first, of a batch
	if err != nil {
		t.Fatal(err)
	}
	address := "bundled/" + bundled.Directory(provider) + "/" + schema
	if stream == "WEBHOOKS" {
		if got := m.Header.Get("ce-whschema"); got != "valid" {
			t.Errorf("%s: ce-whschema is %q", what, got)
			return false
		}
		if got := m.Header.Get("ce-dataschema"); !strings.HasPrefix(got, "schema:"+address) || len(m.Header.Get("ce-whschemahash")) != 64 {
			t.Errorf("%s: ce-dataschema is %q with the hash %q, want %s", what, got, m.Header.Get("ce-whschemahash"), address)
			return false
		}
		return true
	}
	detail, err := url.PathUnescape(m.Header.Get("ce-whdetail"))
	if err != nil || !strings.HasPrefix(detail, address+": /") {
		// It may be aside for another reason: its type could not be read, say.
		t.Logf("%s: %s", what, detail)
		return false
	}
	return true
}

func (b *bundledRun) last(t *testing.T, stream string) uint64 {
	t.Helper()
	s, err := b.js.Stream(t.Context(), stream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return 0
	}
	if err != nil {
		t.Fatal(err)
	}
	return s.CachedInfo().State.LastSeq
}

// cliSamples are the providers of which `caddy webhooks send` has an event.
var cliSamples = map[string]bool{
	"discord-interactions": true, "discord-webhook-events": true, "github": true, "gitlab": true, "gitlab-signing-token": true,
	"sendgrid": true, "shopify": true, "slack": true, "standard-webhooks": true, "standard-webhooks-ed25519": true,
	"stripe": true, "svix": true, "twilio": true,
}
