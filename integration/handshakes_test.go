package integration

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/cli"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/providers"
)

// optionExamples are options whose values cannot be just any text.
var optionExamples = map[string]string{"hashes": "sha256", "domain": "example.com", "auto_confirm": "off"}

// TestHandshakesOfAll sends the challenges of each provider that has some to one
// gateway, which has to answer as the provider demands, and stores nothing.
func TestHandshakesOfAll(t *testing.T) {
	t.Parallel()
	dir, addr, natsAddr := t.TempDir(), freeAddr(t), freeAddr(t)
	var caddyfile strings.Builder
	fmt.Fprintf(&caddyfile, "{\n\tadmin off\n\tauto_https off\n\tpersist_config off\n\twebhooks {\n\t\tnats embedded {\n\t\t\tstore_dir %s\n\t\t\tlisten %s\n\t\t}\n\t}\n}\nhttp://%s {\n",
		filepath.Join(dir, "store"), natsAddr, addr)
	var env []string
	var all []cli.SendOptions
	values := map[string]string{}
	for _, p := range providers.All() {
		if len(p.Handshakes) == 0 {
			continue
		}
		o := cli.SendOptions{
			Provider: p.Name, URL: "http://" + addr + "/" + p.Name, Handshake: true, JSON: true,
			Getenv: func(name string) string { return values[name] },
		}
		fmt.Fprintf(&caddyfile, "\twebhooks /%[1]s %[1]s", p.Name)
		made := receiverSecret(t, p, dir, &o)
		if name := made.Variable; name != "" {
			fmt.Fprintf(&caddyfile, " {env.%s}", name)
			values[name] = made.Value
			env = append(env, name+"="+made.Value)
		}
		caddyfile.WriteString(" {\n\t\tpublic_url http://" + addr + "\n")
		for address, file := range made.DocumentFiles {
			fmt.Fprintf(&caddyfile, "\t\tkey_document %s %s\n", address, file)
		}
		for i := range p.Handshakes {
			if !p.Handshakes[i].Capture.IsZero() {
				fmt.Fprintf(&caddyfile, "\t\tcapture_secret %s\n", filepath.Join(dir, p.Name+".captured"))
			}
		}
		for _, option := range p.Options {
			value := cmp.Or(optionExamples[option.Name], cli.SampleOptions(p.Name)[option.Name], option.Example, "x")
			if option.Secret {
				name := strings.ToUpper(strings.ReplaceAll(p.Name, "-", "_") + "_" + option.Name)
				values[name], value = "a-secret-of-"+p.Name, "{env."+name+"}"
				env = append(env, name+"="+values[name])
			} else {
				o.Options = append(o.Options, option.Name+"="+value)
			}
			fmt.Fprintf(&caddyfile, "\t\toption %s %s\n", option.Name, value)
		}
		caddyfile.WriteString("\t}\n")
		all = append(all, o)
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
	answered := 0
	for _, o := range all {
		var out bytes.Buffer
		err := cli.Send(t.Context(), o, &out)
		if err != nil || out.Len() == 0 {
			t.Errorf("%s: %v\n%s", o.Provider, err, out.String())
			continue
		}
		answered += bytes.Count(out.Bytes(), []byte("\n"))
	}
	for _, stream := range []string{"WEBHOOKS", "WEBHOOKS_QUARANTINE"} {
		if _, err := streamMessages("nats://"+natsAddr, stream, 0); err != nil {
			t.Errorf("a challenge was stored: %v", err)
		}
	}
	t.Logf("%d providers, %d challenges answered as they have to be", len(all), answered)
}

// receiverSecret makes what the gateway needs to know of the sender's secret, and
// tells o where the sender's side is.
func receiverSecret(t *testing.T, p verifiers.Provider, dir string, o *cli.SendOptions) (g cli.Generated) {
	t.Helper()
	var out bytes.Buffer
	err := cli.GenerateSecret(*o, &out)
	if err != nil {
		file := filepath.Join(dir, p.Name+".pem")
		if err = cli.GenerateKey(*o, file, &out); err == nil {
			o.SecretFile = file
		}
	}
	if errors.Is(err, cli.ErrNotSignable) {
		return g
	}
	if err != nil {
		t.Fatalf("%s: %v", p.Name, err)
	}
	if err := json.Unmarshal(out.Bytes(), &g); err != nil {
		t.Fatalf("%s: %v", p.Name, err)
	}
	return g
}
