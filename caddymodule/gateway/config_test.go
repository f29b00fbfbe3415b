package gateway_test

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway/gatewaytest"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// anybody is a verifier for tests of what comes before or after it.
var anybody = verifiers.VerifierFunc(func(context.Context, *verifiers.Request) (verifiers.Result, error) {
	return verifiers.Result{Scheme: "test", Covers: &verifiers.Coverage{Body: true}}, nil
})

func goodConfig() gateway.Config {
	return gateway.Config{
		Tenant:    "default",
		Source:    "hub",
		Provider:  verifiers.Provider{Name: "hub"},
		Verifier:  anybody,
		Publisher: &gatewaytest.Publisher{},
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		change func(*gateway.Config)
		want   string // the field, and part of the cure
	}{
		{"no tenant", func(c *gateway.Config) { c.Tenant = "" }, `Tenant: "" is not a name: use 1 to 64`},
		{"long source", func(c *gateway.Config) { c.Source = strings.Repeat("a", 65) }, "Source: "},
		{"source with a dot", func(c *gateway.Config) { c.Source = "a.b" }, `Source: "a.b" is not a name`},
		{"ce-source with a space", func(c *gateway.Config) { c.CESource = "/a b" }, "CESource: is not a URI reference: use"},
		{"ce-source with a password", func(c *gateway.Config) { c.CESource = "https://u:p@example.com/" }, "CESource: "},
		{"no provider", func(c *gateway.Config) { c.Provider.Name = "" }, "Provider: has no name: use"},
		{"no verifier", func(c *gateway.Config) { c.Verifier = nil }, "Verifier: is nil, so anybody could send events: build one"},
		{"verifier and unverified", func(c *gateway.Config) { c.Unverified = true }, "Unverified: is set together with a Verifier: remove"},
		{"lower-case method", func(c *gateway.Config) { c.Methods = []string{"post"} }, `Methods: "post" is not an HTTP method: write it in upper case`},
		{"method with a space", func(c *gateway.Config) { c.Methods = []string{"PO ST"} }, "Methods: "},
		{"content type with parameters", func(c *gateway.Config) { c.ContentTypes = []string{"application/json; charset=utf-8"} }, "ContentTypes: "},
		{"content type without a slash", func(c *gateway.Config) { c.ContentTypes = []string{"json"} }, `ContentTypes: "json" is not a media type: write`},
		{"negative body", func(c *gateway.Config) { c.MaxBody = -1 }, "MaxBody: -1 is out of range: use"},
		{"huge body", func(c *gateway.Config) { c.MaxBody = 1 << 40 }, "MaxBody: "},
		{"negative read timeout", func(c *gateway.Config) { c.ReadTimeout = -1 }, "ReadTimeout: is negative: use"},
		{"negative rate of the body", func(c *gateway.Config) { c.MinRate = -1 }, "MinRate: is negative: use"},
		{"rate that never counts", func(c *gateway.Config) { c.MinRate, c.ReadTimeout = 1, 2*time.Second }, "MinRate: counts after 2s, when the ReadTimeout of 2s is over: raise"},
		{"negative publish timeout", func(c *gateway.Config) { c.PublishTimeout = -1 }, "PublishTimeout: is negative: use"},
		{"zero prefix", func(c *gateway.Config) { c.AllowAddresses = []netip.Prefix{{}} }, "AllowAddresses: number 1 is not a prefix: use"},
		{"rate without a duration", func(c *gateway.Config) { c.ClientRate.Count = 1 }, "ClientRate: is not a rate: use"},
		{"rate without a count", func(c *gateway.Config) { c.SourceRate.Per = time.Second }, "SourceRate: is not a rate: use"},
		{"rate beyond the clock", func(c *gateway.Config) { c.SourceRate = gateway.Rate{Count: 2, Per: 1} }, "SourceRate: is more than one a nanosecond"},
		{"rate over centuries", func(c *gateway.Config) { c.SourceRate = gateway.Rate{Count: 1, Per: time.Hour, Burst: 1 << 40} }, "SourceRate: spans centuries"},
		{"partitions without a key", func(c *gateway.Config) { c.Partitions = 2 }, "Partitions: there is nothing to divide the events by: set OrderKey"},
		{"one partition", func(c *gateway.Config) { c.Partitions, c.OrderKey = 1, verifiers.JSON("/k") }, "Partitions: 1 is out of range: use 2 to 1024"},
		{"too many partitions", func(c *gateway.Config) { c.Partitions, c.OrderKey = 1025, verifiers.JSON("/k") }, "Partitions: 1025 is out of range"},
		{"source of two kinds", func(c *gateway.Config) { c.EventID = verifiers.Source{Header: "A", Query: "b"} }, "EventID: names several places: use First"},
		{"source of no kind", func(c *gateway.Config) { c.EventType = verifiers.Source{Prefix: "x"} }, "EventType: names no place: set one"},
		{"part of no kind", func(c *gateway.Config) { c.EventTime = verifiers.First(verifiers.Source{}) }, "EventTime: names no place"},
		{"header not canonical", func(c *gateway.Config) { c.EventID = verifiers.Source{Header: "x-id"} }, "EventID: the header must be written X-Id"},
		{"pointer without a slash", func(c *gateway.Config) { c.EventID = verifiers.JSON("id") }, "EventID: a JSON Pointer starts with /: use /id"},
		{"empty accept", func(c *gateway.Config) { c.Accept = []string{""} }, "Accept: has an empty glob: write"},
		{"empty drop", func(c *gateway.Config) { c.Drop = []string{"a", ""} }, "Drop: has an empty glob: write"},
		{"unknown mode", func(c *gateway.Config) { c.OnInvalid = "ignore" }, `OnInvalid: "ignore" is not a mode: use quarantine, tag or reject`},
		{"no publisher", func(c *gateway.Config) { c.Publisher = nil }, "Publisher: is nil, so events could not be stored: set it"},
		{"nil budget", func(c *gateway.Config) { c.Budgets = []*gateway.Budget{nil} }, "Budgets[0]: is nil: use NewBudget"},
		{"credentials", func(c *gateway.Config) { c.Headers = []string{"authorization"} }, `Headers: "authorization" may not be handed to consumers: remove it`},
		{"the broker's names", func(c *gateway.Config) { c.Headers = []string{"nats-msg-id"} }, "Headers: "},
		{"the contract's names", func(c *gateway.Config) { c.Provider.Headers = []string{"ce-id"} }, "Provider.Headers: "},
		{"the token itself", func(c *gateway.Config) {
			c.Provider.Scheme = verifiers.Token{Source: verifiers.Header("X-Token")}
			c.Headers = []string{"X-Token"}
		}, "Headers: "},
		{"success that is none", func(c *gateway.Config) { c.Success.Status = 302 }, "Success: the status 302 does not tell"},
		{"the provider's success that is none", func(c *gateway.Config) { c.Provider.Success.Status = 500 }, "Success: the status 500"},
		{"204 with a body", func(c *gateway.Config) { c.Success = verifiers.Reply{Status: 204, Body: "ok"} }, "Success: a 204 has no body"},
		{"handshake without its token", func(c *gateway.Config) {
			c.Provider.Options = []verifiers.Option{{Name: "verify_token", Required: true}}
			c.Provider.Handshakes = []verifiers.Handshake{{Name: "hello", TokenOption: "verify_token"}}
		}, "Options: verify_token is missing, and the handshake hello needs it: set it"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			cfg := goodConfig()
			tt.change(&cfg)
			rt, err := gateway.New(cfg)
			if err == nil || rt != nil {
				t.Fatal("got a route, want an error")
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %q, want it to contain %q", err, tt.want)
			}
		})
	}
}

func TestNewReportsEverythingAtOnce(t *testing.T) {
	t.Parallel()
	_, err := gateway.New(gateway.Config{Source: "hub", MaxBody: -1})
	for _, field := range []string{"Tenant: ", "Provider: ", "Verifier: ", "MaxBody: ", "Publisher: "} {
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("got %v, want it to name %s", err, field)
		}
	}
}

func TestNewCompletes(t *testing.T) {
	t.Parallel()
	cfg := goodConfig()
	cfg.Provider.ContentTypes = []string{"Application/JSON"}
	cfg.Provider.MaxBody = 25 << 20
	rt, err := gateway.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	got := rt.Config()
	if got.CESource != "/default/hub" || got.MaxBody != 25<<20 || got.ReadTimeout != 10*time.Second ||
		got.OnInvalid != gateway.OnInvalidQuarantine || strings.Join(got.Methods, " ") != "POST" ||
		strings.Join(got.ContentTypes, " ") != "application/json" {
		t.Errorf("got %+v, want the defaults filled in", got)
	}
	if cfg.Provider.ContentTypes[0] != "Application/JSON" {
		t.Error("New changed the caller's provider")
	}
}
