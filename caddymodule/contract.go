package caddymodule

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/cli"
	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/natspub"
	"github.com/caddy-webhooks/caddy-webhooks/schemas"
	"github.com/caddy-webhooks/caddy-webhooks/schemas/bundled"
)

// adminContract answers GET /webhooks/contract: what the gateway publishes, and what
// it uses for that.
func (a *App) adminContract(http.ResponseWriter, *http.Request) (any, error) { return a.contract() }

// contract describes what the configuration publishes. It asks nobody.
func (a *App) contract() (*cli.Contract, error) {
	c := &cli.Contract{PublicURL: a.PublicURL, Attested: a.attester != nil, Connections: []cli.ContractConnection{}, Routes: []cli.ContractRoute{}, Documents: []cli.ContractDocument{}}
	documents := make(map[string]schemas.Document)
	for i, app := range a.all() {
		if i > 0 && !app.publishes() && !app.reads {
			continue
		}
		connection := app.contractConnection(a)
		if len(connection.Streams) == 0 && len(connection.Secrets) == 0 {
			continue
		}
		c.Connections = append(c.Connections, connection)
	}
	for _, h := range a.handlers {
		if h.NoPublish {
			continue
		}
		r, err := h.contract(documents)
		if err != nil {
			return nil, err
		}
		c.Routes = append(c.Routes, *r)
	}
	slices.SortStableFunc(c.Routes, func(x, y cli.ContractRoute) int {
		return cmp.Or(cmp.Compare(x.Connection, y.Connection), cmp.Compare(x.Tenant.Name, y.Tenant.Name), cmp.Compare(x.Source.Name, y.Source.Name))
	})
	for name, d := range documents {
		text, err := json.Marshal(d.Schema)
		if err != nil {
			return nil, fmt.Errorf("schema %s: %w", name, err)
		}
		c.Documents = append(c.Documents, cli.ContractDocument{Name: name, Draft: d.Draft, Schema: text})
	}
	slices.SortFunc(c.Documents, func(x, y cli.ContractDocument) int { return cmp.Compare(x.Name, y.Name) })
	return c, nil
}

func (a *App) contractConnection(of *App) cli.ContractConnection {
	c := cli.ContractConnection{
		Name: a.label(), Embedded: a.NATS == nil, Listen: a.settings.embed.Listen, Servers: []string{},
		APIPrefix:   cmp.Or(strings.TrimSuffix(a.settings.prefix, "."), "$JS.API"),
		InboxPrefix: cmp.Or(a.settings.connect.InboxPrefix, "_INBOX"),
		Streams:     []cli.ContractStream{}, Spool: a.spools,
	}
	for _, raw := range a.settings.connect.URLs {
		if u, err := url.Parse(raw); err == nil {
			u.User = nil
			c.Servers = append(c.Servers, u.String())
		}
	}
	for _, h := range of.handlers {
		if s, ok := h.store.(*KVSecrets); ok && s.app == a && !slices.Contains(c.Secrets, s.Bucket) {
			c.Secrets = append(c.Secrets, s.Bucket)
		}
	}
	slices.Sort(c.Secrets)
	if !a.stores {
		return c
	}
	verified, unverified, routes := a.streams()
	quarantine := a.QuarantineStream.translate(a.window(), true)
	ops := a.OpsStream.translate(time.Hour, true)
	for _, s := range []struct {
		role, root string
		cfg        natspub.StreamConfig
	}{
		{cli.RoleVerified, natspub.Root, verified},
		{cli.RoleUnverified, natspub.UnverifiedRoot, unverified},
		{cli.RoleQuarantine, natspub.QuarantineRoot, quarantine},
		{cli.RoleOps, natspub.OpsRoot, ops},
	} {
		if s.cfg.Name != "" {
			c.Streams = append(c.Streams, contractStream(s.role, s.cfg, s.root+".>"))
		}
	}
	for _, cfg := range routes {
		c.Streams = append(c.Streams, contractStream(cli.RoleRoute, cfg, ""))
	}
	c.Bodies, c.Forgotten = a.bodies().Bucket, a.forgotten().Bucket
	c.Release = a.UnverifiedStream.Name
	c.Create = a.Stream.Create == "on"
	c.Samples = a.SignatureSamples != nil && !a.SignatureSamples.Off
	return c
}

func contractStream(role string, cfg natspub.StreamConfig, all string) cli.ContractStream {
	subjects := cfg.Subjects
	if len(subjects) == 0 {
		subjects = []string{all}
	}
	return cli.ContractStream{Name: cfg.Name, Role: role, Subjects: subjects, Create: cfg.Create, MaxAge: cfg.MaxAge.String(), Window: cfg.Window.String()}
}

// contract describes what the route publishes, and adds its schemas to the documents.
func (h *Handler) contract(documents map[string]schemas.Document) (*cli.ContractRoute, error) {
	cfg := h.route.Config()
	p := cfg.Provider
	r := &cli.ContractRoute{
		Connection: h.to.label(), Stream: h.streamName(),
		Tenant:   cli.ContractName{Name: h.tenantName.String(), Dynamic: h.tenantName.dynamic()},
		Source:   cli.ContractName{Name: h.sourceName.String(), Dynamic: h.sourceName.dynamic()},
		Provider: p.Name, Title: p.Title, Docs: p.Docs, TypePrefix: cmp.Or(p.TypePrefix, p.Name),
		ContentTypes: append([]string{}, cfg.ContentTypes...),
		Unverified:   cfg.Unverified, Dedupe: !cfg.NoDedupe, Quarantine: !cfg.NoQuarantine,
		Batch:    p.Batch != nil && !cfg.WholeBatch,
		OrderKey: !cfg.OrderKey.IsZero(), Partitions: cfg.Partitions, Compressed: cfg.MaxDecompressed > 0,
		Varies: len(p.Varies) > 0, Headers: append([]string{}, h.route.Headers()...), Schemas: []cli.ContractSchema{},
	}
	slices.Sort(r.Headers)
	if !r.Tenant.Dynamic && !r.Source.Dynamic {
		r.CESource = cfg.CESource
	}
	if h.validator == nil || len(h.validator.sets) == 0 {
		return r, nil
	}
	r.OnInvalid = string(cfg.OnInvalid)
	exports, err := h.Schema.exports(p.Name)
	if err != nil {
		return nil, apiError(http.StatusConflict, "route %s: the schemas cannot be read any more: %w", h.label(), err)
	}
	for i, x := range exports {
		if !slices.EqualFunc(x.Roots, h.validator.sets[i].Schemas(), func(r schemas.Root, i schemas.Info) bool { return r.Info == i }) {
			return nil, apiError(http.StatusConflict, "route %s: the files of its schemas have changed since the configuration was loaded: reload it first", h.label())
		}
		for _, d := range x.Documents {
			documents[d.Name] = d
		}
		for _, root := range x.Roots {
			s := cli.ContractSchema{Schema: root.Schema, SHA256: root.SHA256, Types: root.Types, Document: root.Document, Pointer: root.Pointer}
			if root.Err != nil {
				s.Document, s.Problem = "", root.Err.Error()
			}
			r.Schemas = append(r.Schemas, s)
		}
	}
	return r, nil
}

// streamName is the stream that has the route's events.
func (h *Handler) streamName() string {
	switch {
	case h.Stream != "":
		return h.Stream
	case h.InsecureSkipVerify:
		return h.to.UnverifiedStream.Name
	}
	return h.to.Stream.Name
}

// exports reads the schemas of a route once more, in the order in which they are
// asked.
func (s *Schema) exports(provider string) (list []*schemas.Export, err error) {
	ref := func(to schemas.Document, pointer string) string { return "#" + to.Name + "#" + pointer }
	if s.Dir != "" {
		cfg := s.config()
		if cfg.Dir, err = resolveSetting(s.Dir); err != nil {
			return nil, err
		}
		x, err := schemas.NewExport(cfg, ref)
		if err != nil {
			return nil, err
		}
		list = append(list, x)
	}
	if own, ok := bundled.FS(provider); s.Bundled && ok {
		x, err := schemas.NewExport(schemas.Config{FS: own, Name: "bundled/" + bundled.Directory(provider), RefuseUnknown: s.UnknownType == "invalid"}, ref)
		if err != nil {
			return nil, err
		}
		list = append(list, x)
	}
	return list, nil
}

// adaptedConfig reads a configuration file. Without the name of an adapter what does
// not end in .json is a Caddyfile.
func adaptedConfig(file, adapter string) ([]byte, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("%w: --config: %w", cli.ErrUsage, err)
	}
	if adapter == "" {
		if filepath.Ext(file) == ".json" {
			return text, nil
		}
		adapter = "caddyfile"
	}
	by := caddyconfig.GetAdapter(adapter)
	if by == nil {
		return nil, fmt.Errorf("%w: --adapter: there is no config adapter %q", cli.ErrUsage, adapter)
	}
	adapted, _, err := by.Adapt(text, map[string]any{"filename": file})
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", cli.ErrUsage, file, err)
	}
	return adapted, nil
}

// configuredContract describes what a configuration publishes, which is provisioned
// as for `caddy validate`: nothing is started.
func configuredContract(file, adapter string) (*cli.Contract, error) {
	text, err := adaptedConfig(file, adapter)
	if err != nil {
		return nil, err
	}
	cfg := new(caddy.Config)
	if err := json.Unmarshal(text, cfg); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", cli.ErrUsage, file, err)
	}
	// What the configuration logs is for when it runs.
	cfg.Logging = &caddy.Logging{Logs: map[string]*caddy.CustomLog{"default": {BaseLog: caddy.BaseLog{Level: "ERROR"}}}}
	ctx, err := caddy.ProvisionContext(cfg)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", cli.ErrUsage, file, err)
	}
	val, err := ctx.AppIfConfigured("webhooks")
	if err != nil {
		return nil, fmt.Errorf("%w: %s has neither a webhooks route nor the global option webhooks", cli.ErrUsage, file)
	}
	app, ok := val.(*App)
	if !ok {
		return nil, fmt.Errorf("app webhooks is a %T", val)
	}
	return app.contract()
}
