package caddymodule

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/providers"
)

// filterOptions are what `caddy webhooks filter` takes.
type filterOptions struct {
	expr, body, provider, typ, url, source, tenant string
	headers                                        []string
	json                                           bool
	stdin                                          io.Reader
}

var errNotTrue = errors.New("the expression is not true of every event")

func filterCommand() *cobra.Command {
	var o filterOptions
	cmd := &cobra.Command{
		Use:   "filter <expression>",
		Short: "Evaluates an expression of accept or drop over a body",
		Long: `
Evaluates an expression, as it stands after "accept expression" or "drop expression",
over a request, and says whether it is true. Nothing is sent, and no signature is
looked at.

With --provider id, type and time are found as for this sender, and a batch is split:
each of its events is one line, with its id and its type. A result is true, false, or
what is in the way, such as a value that is missing; the gateway then keeps the event.
With --json a result is "true", "false" or "unknown", and "why" says what is in the way.

The exit status is 0 if the expression is true of every event, 1 if it is not, and 2
if it is no expression or the event cannot be read.`,
		Example: `  caddy webhooks filter "{webhooks.json./action} == 'labeled'" --body event.json
  caddy webhooks filter "{webhooks.type} == 'push'" --provider github --header "X-GitHub-Event: push" --body event.json
  caddy webhooks tail --json --count 1 | jq -r .payload | caddy webhooks filter "has({webhooks.json./action})"`,
		Args: cobra.ExactArgs(1),
		RunE: runE(func(_ context.Context, cmd *cobra.Command, args []string) error {
			o.expr, o.stdin = args[0], cmd.InOrStdin()
			return o.run(cmd.OutOrStdout())
		}),
	}
	f := cmd.Flags()
	f.StringVar(&o.body, "body", "-", "`file` with the body, - for standard input")
	f.StringVar(&o.provider, "provider", genericName, "`name` of the sender")
	f.StringVar(&o.typ, "type", "", "type of the event, as the sender writes it (default: where the sender has it)")
	f.StringArrayVar(&o.headers, "header", nil, "`\"Name: value\"`; may be repeated (default: Content-Type: application/json)")
	f.StringVar(&o.url, "url", "https://hooks.example.com/", "`URL` of the request")
	f.StringVar(&o.source, "source", "", "name of the route (default: that of the sender)")
	f.StringVar(&o.tenant, "tenant", defaultTenant, "name of the tenant")
	f.BoolVar(&o.json, "json", false, "print one JSON object for each event")
	return cmd
}

// run prints a line for each event.
func (o *filterOptions) run(out io.Writer) error {
	p, err := compile(o.expr)
	if err == nil {
		err = p.settle()
	}
	if err != nil {
		return usageError("%w", err)
	}
	req, err := o.request()
	if err != nil {
		return err
	}
	probe := &filterProbe{program: p}
	route, err := o.route(probe)
	if err != nil {
		return err
	}
	res := route.Handle(httptest.NewRecorder(), gateway.Request{Request: req, URL: req.URL})
	if len(probe.verdicts) == 0 {
		return usageError("no event came about (%s): %w", res.Reason, cmp.Or(res.Err, errNotTrue))
	}
	for _, v := range probe.verdicts {
		line := v.String()
		if o.json {
			text, err := json.Marshal(v)
			if err != nil {
				return err
			}
			line = string(text)
		}
		if _, err := fmt.Fprintln(out, line); err != nil {
			return err
		}
	}
	if slices.ContainsFunc(probe.verdicts, func(v filterVerdict) bool { return v.Result != "true" }) {
		return errNotTrue
	}
	return nil
}

// filterVerdict is what an expression says of an event.
type filterVerdict struct {
	// Result is "true", "false" or "unknown", and Why says what is in the way.
	Result string `json:"result"`
	Why    string `json:"why,omitempty"`
	ID     string `json:"id,omitempty"`
	Type   string `json:"type,omitempty"`

	named bool // the sender has id or type, or it is of a batch
}

func (v filterVerdict) String() string {
	line := v.Result
	if v.Why != "" {
		line = "cannot be told: " + v.Why
	}
	if v.named {
		line += fmt.Sprintf("\t%q %q", v.ID, v.Type)
	}
	return line
}

func (o *filterOptions) request() (*http.Request, error) {
	body, err := o.read()
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequest(http.MethodPost, o.url, bytes.NewReader(body)) //nolint:noctx // it is not sent
	if err != nil {
		return nil, usageError("--url: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	for _, h := range o.headers {
		name, value, ok := strings.Cut(h, ":")
		if name = textproto.CanonicalMIMEHeaderKey(strings.TrimSpace(name)); !ok || name == "" {
			return nil, usageError(`--header: write "Name: value"`)
		}
		if name == "Content-Type" {
			req.Header.Del(name)
		}
		req.Header.Add(name, strings.TrimSpace(value))
	}
	return req, nil
}

func (o *filterOptions) read() ([]byte, error) {
	if o.body == "-" {
		return io.ReadAll(o.stdin)
	}
	body, err := os.ReadFile(o.body)
	if err != nil {
		return nil, usageError("--body: %w", err)
	}
	return body, nil
}

// route is one that accepts anything, stores nothing and asks the probe.
func (o *filterOptions) route(probe *filterProbe) (*gateway.Route, error) {
	provider := verifiers.Provider{Name: genericName}
	if o.provider != genericName {
		known, ok := providers.Lookup(o.provider)
		if !ok {
			return nil, usageError("%w", unknownProvider(o.provider))
		}
		provider = known
	}
	cfg := gateway.Config{
		Tenant: o.tenant, Source: o.source, Provider: provider, Unverified: true, NoPublish: true, NoHandshakes: true,
		Methods: []string{http.MethodPost}, MaxBody: 1 << 30, DropIf: []gateway.Condition{probe},
		StrictJSON: gateway.StrictOff, // what is asked for is what the expression says
	}
	if cfg.Source == "" {
		cfg.Source = provider.Name
	}
	cfg.Provider.ContentTypes = nil
	if o.typ != "" {
		cfg.EventType = verifiers.Const(o.typ)
	}
	r, err := gateway.New(cfg)
	if err != nil {
		return nil, usageError("%w", err)
	}
	return r, nil
}

// filterProbe evaluates an expression and keeps what it found.
type filterProbe struct {
	*program

	mu       sync.Mutex
	verdicts []filterVerdict
}

// Holds implements [gateway.Condition].
func (p *filterProbe) Holds(f *gateway.Facts) (bool, error) {
	holds, err := p.eval(f)
	p.mu.Lock()
	defer p.mu.Unlock()
	v := filterVerdict{
		Result: strconv.FormatBool(holds), ID: f.Event.ID, Type: f.Event.Type,
		named: f.Event.Part != nil || f.Event.HasID || f.Event.Type != "",
	}
	if err != nil {
		v.Result, v.Why = "unknown", filterReason(err)
		if none, ok := errors.AsType[*noValue](err); ok {
			v.Why += ": {" + none.placeholder + "}"
		}
	}
	p.verdicts = append(p.verdicts, v)
	return holds, err
}

// Members implements [gateway.Condition].
func (p *filterProbe) Members() []string { return p.members }

var _ gateway.Condition = (*filterProbe)(nil)
