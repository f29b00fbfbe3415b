package integration

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers/providers"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/verifiertest"
)

// TestProviderPages adapts and provisions the Caddyfile on the page of every
// sender, with the secret of its first accepted vector.
func TestProviderPages(t *testing.T) {
	suites, err := verifiertest.Load(verifiertest.Vectors)
	if err != nil {
		t.Fatal(err)
	}
	keys := make(map[string]string)
	for _, s := range suites {
		for _, v := range s.Tests {
			if v.Want.Result == "ok" && len(v.Keys) > 0 && keys[s.Provider] == "" {
				keys[s.Provider] = v.Keys[0].Secret
			}
		}
	}
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	fence := regexp.MustCompile("(?ms)^```caddyfile\n(.*?)^```$")
	variable := regexp.MustCompile(`\{env\.([A-Z0-9_]+)\}`)
	for _, p := range providers.All() {
		page, err := os.ReadFile("../docs/providers/" + p.Name + ".md")
		if os.IsNotExist(err) {
			continue // it is described in the Caddyfile
		}
		if err != nil {
			t.Fatal(err)
		}
		blocks := fence.FindAllSubmatch(page, -1)
		if len(blocks) == 0 {
			t.Errorf("%s: the page has no Caddyfile", p.Name)
		}
		for _, block := range blocks {
			for _, v := range variable.FindAllSubmatch(block[1], -1) {
				t.Setenv(string(v[1]), keys[p.Name])
			}
			if err := loads(block[1]); err != nil {
				t.Errorf("%s: %v\n%s", p.Name, err, block[1])
			}
		}
	}
}

// TestSchemesLoad provisions described senders with a shared secret, whose golden
// files have an example that must verify.
func TestSchemesLoad(t *testing.T) {
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	t.Setenv("SECRET", "another secret that protects nothing")
	for _, name := range []string{"verify_http_date", "verify_digest_sorted", "verify_jwt_timeless"} {
		data, err := os.ReadFile("caddyfile_adapt/" + name + ".caddyfiletest")
		if err != nil {
			t.Fatal(err)
		}
		block, _, _ := strings.Cut(string(data), separator)
		if err := loads([]byte(block)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// loads adapts and provisions a Caddyfile.
func loads(caddyfile []byte) error {
	out, _, err := caddyconfig.GetAdapter("caddyfile").Adapt(caddyfile, nil)
	if err != nil {
		return err
	}
	var cfg caddy.Config
	if err := json.Unmarshal(out, &cfg); err != nil {
		return err
	}
	return caddy.Validate(&cfg)
}
