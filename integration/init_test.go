package integration

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/cli"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/providers"
)

// initialized returns what `caddy webhooks init` writes for these providers, and sets
// the variables that it asks for to values of their form.
func initialized(t *testing.T, list ...verifiers.Provider) []byte {
	t.Helper()
	o := cli.InitOptions{Site: "hooks.example.com", Out: "-", JSON: true}
	for _, p := range list {
		o.Providers = append(o.Providers, p.Name)
	}
	var out bytes.Buffer
	if err := cli.Init(t.Context(), o, &out); err != nil {
		t.Fatal(err)
	}
	var answer struct {
		Caddyfile string
		Providers []struct {
			Provider  string
			Variables []struct{ Name string }
		}
	}
	if err := json.Unmarshal(out.Bytes(), &answer); err != nil {
		t.Fatal(err)
	}
	set := make(map[string]bool)
	for _, r := range answer.Providers {
		i := slices.IndexFunc(list, func(p verifiers.Provider) bool { return p.Name == r.Provider })
		for n, v := range r.Variables {
			set[v.Name] = true
			value := cli.FreshSecret()
			if n == 0 && list[i].SecretHint != "" {
				value = cli.StandIn(list[i], nil)
			}
			if strings.Contains(list[i].SecretHint, "whsec_") && !strings.HasPrefix(value, "whsec_") {
				value = "whsec_" + value // as it is shown
			}
			t.Setenv(v.Name, value)
		}
	}
	for _, m := range regexp.MustCompile(`(?m)^[^#\n]*\{env\.([A-Z0-9_]+)\}`).FindAllStringSubmatch(answer.Caddyfile, -1) {
		if !set[m[1]] {
			t.Errorf("%v: %s is not in the list of what to set", o.Providers, m[1])
		}
	}
	return []byte(answer.Caddyfile)
}

// diagnosed returns what `caddy webhooks doctor` finds in a Caddyfile.
func diagnosed(t *testing.T, text []byte) []string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "Caddyfile")
	if err := os.WriteFile(file, bytes.Replace(text, []byte("localhost:2019"), []byte("localhost:1"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	c := webhooksCommands()["caddy webhooks doctor"]
	var out bytes.Buffer
	c.SetOut(&out)
	for name, value := range map[string]string{"config": file, "json": "true", "skip": "store-filesystem"} {
		if err := c.Flags().Set(name, value); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.RunE(c, nil); err != nil && !errors.Is(err, cli.ErrNo) {
		t.Fatal(err)
	}
	var report struct{ Findings []cli.DoctorFinding }
	if err := json.Unmarshal(out.Bytes(), &report); err != nil {
		t.Fatalf("%v: %s", err, out.Bytes())
	}
	var found []string
	for _, f := range report.Findings {
		if f.Severity != cli.DoctorOK {
			found = append(found, f.Code+" "+f.Where+": "+f.What)
		}
	}
	return found
}

// TestInit: what init writes for each provider of the catalogue, and for all of them
// together, loads, is formatted, and has no finding once the secrets are set.
func TestInit(t *testing.T) {
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	var all []verifiers.Provider
	for _, p := range providers.All() {
		if !slices.Contains(described, p.Name) {
			all = append(all, p)
		}
	}
	check := func(t *testing.T, list ...verifiers.Provider) {
		t.Helper()
		text := initialized(t, list...)
		if formatted := caddyfile.Format(text); !bytes.Equal(formatted, text) {
			t.Errorf("got\n%s\nwant it as `caddy fmt` writes it:\n%s", text, formatted)
		}
		if err := loads(text); err != nil {
			t.Errorf("got %v for\n%s", err, text)
		}
		if found := diagnosed(t, text); len(found) > 0 {
			t.Errorf("got the findings\n%s\nfor\n%s", strings.Join(found, "\n"), text)
		}
	}
	loaded := 0
	for _, p := range all {
		t.Run(p.Name, func(t *testing.T) {
			check(t, p)
			loaded++
		})
	}
	t.Run("together", func(t *testing.T) { check(t, all...) })
	t.Logf("%d providers alone, and %d together", loaded, len(all))
	if loaded < 300 {
		t.Errorf("got %d providers, want all of them", loaded)
	}
}
