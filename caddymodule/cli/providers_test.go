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
			if !strings.Contains(one, "\n  "+o.Name+" ") {
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
		"github": {"hmac-sha256", "body; not id, type", "Event type     header X-Github-Event and json /action (not signed)", "at least 72h", "25600 KiB"},
		"stripe": {
			"Stripe\n\nProvider stripe, also stripe-event-notifications. Confidence: high.\n",
			"  hooks.example.com {\n  \twebhooks /stripe stripe {env.STRIPE_SECRET}\n  \trespond 404\n  }\n",
			"  Covers         body, time of sending\n", "  Replay window  5m\n", "json /id",
			"published at https://stripe.com/files/ips/ips_webhooks.txt; with allow_ips provider no others",
			"\n  caddy webhooks send stripe http://127.0.0.1:8080/stripe\n",
		},
		"stripe-event-notifications": {"Provider stripe, also"},
		"sendgrid":                   {"ecdsa-sha256", "24h", "always batch"},
		"discord":                    {"Discord", "3s"},
		"gitlab":                     {"token", "nothing", "Weak. Nothing binds the sender to the content: whoever sees one request can send others. Events are marked"},
		"aws-sns":                    {"rsa-sha256", "topic_arn", "24h", "\toption topic_arn "},
		"hmac":                       {"Authentication", "what is described"},
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
	// A part of a title is no slip.
	if err := cli.Providers(io.Discard, cli.ProvidersOptions{Name: "datto"}); !errors.Is(err, cli.ErrUsage) || !strings.Contains(err.Error(), "do you mean autotask?") {
		t.Errorf("got %v, want what has it in its title", err)
	}
	if strings.ContainsAny(describe(t, cli.ProvidersOptions{Name: "github"}), "`*\x1b") || strings.Contains(table, "**") {
		t.Error("there are marks of Markdown, or of a terminal")
	}
}

func TestProvidersChosen(t *testing.T) {
	t.Parallel()
	type options = cli.ProvidersOptions
	for _, tt := range []struct {
		name       string
		o          options
		has, hasNo string
	}{
		{"search", options{Search: []string{"shop"}}, "shopify", "stripe"},
		{"all words", options{Search: []string{"SHOP", "amazon"}}, "", "shopify"},
		{"an alias", options{Search: []string{"stripe-event"}}, "stripe", "github"},
		{"a header", options{Search: []string{"x-hub-signature-256"}}, "github", "stripe"},
		{"scheme", options{Scheme: "hmac"}, "github", "sendgrid"},
		{"exact scheme", options{Scheme: "ecdsa-sha256"}, "sendgrid", "github"},
		{"category", options{Category: "payments"}, "stripe", "github"},
		{"time", options{Covers: []string{"time", "body"}}, "stripe", "github"},
		{"nothing", options{Covers: []string{"nothing"}}, "gitlab", "github"},
		{"url", options{Covers: []string{"url"}}, "twilio", "github"},
		{"id", options{Covers: []string{"id"}}, "stripe", "github"},
		{"parts", options{Covers: []string{"parts"}}, "adyen", "stripe"},
		{"signable", options{Signable: true}, "github", "hmac"},
	} {
		var out bytes.Buffer
		err := cli.Providers(&out, tt.o)
		if tt.has == "" {
			if err == nil || errors.Is(err, cli.ErrUsage) {
				t.Errorf("%s: got %v, want that there is none", tt.name, err)
			}
			continue
		}
		if err != nil || !strings.Contains(out.String(), "\n"+tt.has+" ") || strings.Contains(out.String(), "\n"+tt.hasNo+" ") {
			t.Errorf("%s: got %v and\n%s", tt.name, err, &out)
		}
	}
	for _, o := range []options{{Covers: []string{"everything"}}, {Category: "x"}, {Scheme: "hma"}, {Name: "stripe", Signable: true}} {
		if err := cli.Providers(io.Discard, o); !errors.Is(err, cli.ErrUsage) {
			t.Errorf("%+v: got %v", o, err)
		}
	}
	var out bytes.Buffer
	if err := cli.Providers(&out, options{Search: []string{"xyzzy"}, JSON: true}); !errors.Is(err, cli.ErrNo) || out.String() != "[]\n" {
		t.Errorf("got %q, %v", &out, err)
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
		Caddyfile    string
		Signable     bool
	}
	if err := json.Unmarshal([]byte(describe(t, cli.ProvidersOptions{Name: "github", JSON: true})), &one); err != nil {
		t.Fatal(err)
	}
	if one.Scheme != "hmac-sha256" || !one.Covers.Body || strings.Join(one.Unsigned, " ") != "id type" || one.Caddyfile != "webhooks /github github {env.GITHUB_SECRET}\n" || !one.Signable {
		t.Errorf("got %+v", one)
	}
}
