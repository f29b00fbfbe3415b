package cli_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/cli"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/providers"
)

func describe(t *testing.T, o cli.ProvidersOptions) string {
	t.Helper()
	var out bytes.Buffer
	if err := cli.Providers(&out, o); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestProviders(t *testing.T) {
	t.Parallel()
	table := describe(t, cli.ProvidersOptions{})
	for _, p := range providers.All() {
		if !strings.Contains(table, "\n"+p.Name+" ") {
			t.Errorf("%s is not in the table:\n%s", p.Name, table)
		}
		one := describe(t, cli.ProvidersOptions{Name: p.Name})
		for _, want := range []string{p.Title, p.Docs, p.SecretHint} {
			if !strings.Contains(one, want) {
				t.Errorf("%q is not in\n%s", want, one)
			}
		}
		for _, o := range p.Options {
			if !strings.Contains(one, "option "+o.Name) {
				t.Errorf("the option %s is not in\n%s", o.Name, one)
			}
		}
		for _, h := range p.Handshakes {
			if !strings.Contains(one, h.Name) {
				t.Errorf("the handshake %s is not in\n%s", h.Name, one)
			}
		}
	}
	for name, want := range map[string][]string{
		"github":   {"hmac-sha256", "body; not id, type", "none by itself; by hand for 72h", "25600 KiB"},
		"stripe":   {"body, time of sending\n", "5m", "json /id"},
		"sendgrid": {"ecdsa-sha256", "24h", "always batch"},
		"discord":  {"discord-interactions, discord", "3s"},
		"gitlab":   {"token", "nothing"},
		"aws-sns":  {"rsa-sha256", "topic_arn", "24h"},
	} {
		one := describe(t, cli.ProvidersOptions{Name: name})
		for _, w := range want {
			if !strings.Contains(one, w) {
				t.Errorf("%s: %q is not in\n%s", name, w, one)
			}
		}
	}
	if err := cli.Providers(io.Discard, cli.ProvidersOptions{Name: "githbu"}); !errors.Is(err, cli.ErrUsage) || !strings.Contains(err.Error(), "do you mean github?") {
		t.Errorf("got %v, want the names that are near", err)
	}
}

func TestProvidersJSON(t *testing.T) {
	t.Parallel()
	var all []struct{ Name, Scheme string }
	if err := json.Unmarshal([]byte(describe(t, cli.ProvidersOptions{JSON: true})), &all); err != nil {
		t.Fatal(err)
	}
	if len(all) != len(providers.All()) {
		t.Errorf("got %d providers, want %d", len(all), len(providers.All()))
	}
	var one struct {
		Name, Scheme string
		Unsigned     []string
		Covers       struct{ Body bool }
	}
	if err := json.Unmarshal([]byte(describe(t, cli.ProvidersOptions{Name: "github", JSON: true})), &one); err != nil {
		t.Fatal(err)
	}
	if one.Scheme != "hmac-sha256" || !one.Covers.Body || strings.Join(one.Unsigned, " ") != "id type" {
		t.Errorf("got %+v", one)
	}
}
