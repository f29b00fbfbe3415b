package caddymodule

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/tenants"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// nameFrom is a name, or says which part of a request is one: one placeholder,
// with or without text around it.
type nameFrom struct {
	before string // the whole name, if there is no placeholder
	key    string // of the placeholder; "" if there is none
	after  string
}

// parseName reads a name with at most one placeholder. More could give two pairs
// of values one name.
func parseName(field, text string) (nameFrom, error) {
	before, rest, found := strings.Cut(text, "{")
	if !found {
		if strings.Contains(text, "}") {
			return nameFrom{}, fmt.Errorf("%s: %q: a brace is not opened", field, text)
		}
		return nameFrom{before: text}, nil // the gateway checks it
	}
	key, after, found := strings.Cut(rest, "}")
	n := nameFrom{before: before, key: key, after: after}
	switch {
	case !found || key == "" || strings.ContainsAny(key, "{ ") || strings.ContainsAny(after, "{}"):
		return n, fmt.Errorf("%s: %q: write a name, or one placeholder such as {http.request.host.labels.2}", field, text)
	case before != "" && !gateway.IsName(before), after != "" && !gateway.IsName(after):
		return n, fmt.Errorf("%s: %q: use A-Z, a-z, 0-9, _ and - around the placeholder", field, text)
	}
	for _, group := range []string{"env.", "file.", "time.", "system.", "webhooks.", "http.request.body", "http.error.", "http.request.uuid"} {
		if strings.HasPrefix(key, group) {
			return n, fmt.Errorf("%s: {%s} does not say whose request it is: use a part of the host or of the path, "+
				"such as {http.request.host.labels.2} or {http.request.uri.path.1}", field, key)
		}
	}
	return n, nil
}

func (n nameFrom) dynamic() bool { return n.key != "" }

// of returns the name of a request, which may be anything. Host names do not
// depend on case.
func (n nameFrom) of(repl *caddy.Replacer) string {
	if n.key == "" {
		return n.before
	}
	if repl == nil {
		return ""
	}
	value, found := repl.GetString(n.key)
	if !found || value == "" || len(value) > 64 {
		return ""
	}
	if n.key == "http.request.host" || strings.HasPrefix(n.key, "http.request.host.") {
		value = strings.ToLower(value)
	}
	return n.before + value + n.after
}

// String returns the name as it was written.
func (n nameFrom) String() string {
	if n.key == "" {
		return n.before
	}
	return n.before + "{" + n.key + "}" + n.after
}

// overlaps reports whether some name may be of both.
func (n nameFrom) overlaps(o nameFrom) bool {
	switch {
	case !n.dynamic() && !o.dynamic():
		return n.before == o.before
	case !n.dynamic():
		return o.overlaps(n)
	case !o.dynamic():
		return len(o.before) > len(n.before)+len(n.after) && strings.HasPrefix(o.before, n.before) && strings.HasSuffix(o.before, n.after)
	}
	return (strings.HasPrefix(n.before, o.before) || strings.HasPrefix(o.before, n.before)) &&
		(strings.HasSuffix(n.after, o.after) || strings.HasSuffix(o.after, n.after))
}

// loadStore loads the module that has the secrets, if there is one.
func (h *Handler) loadStore(ctx caddy.Context) error {
	if h.SecretsFrom == nil {
		return nil
	}
	val, err := ctx.LoadModule(h, "SecretsFrom")
	if err != nil {
		return fmt.Errorf("secrets_from: %w", err)
	}
	store, ok := val.(SecretStore)
	if !ok {
		return fmt.Errorf("secrets_from: the module is a %T, which is no store of secrets", val)
	}
	h.store = store
	return nil
}

// names reads tenant and source.
func (h *Handler) names(cfg *gateway.Config) error {
	var errTenant, errSource error
	h.tenantName, errTenant = parseName("tenant", h.tenant())
	h.sourceName, errSource = parseName("source", h.Source)
	if h.tenantName.dynamic() {
		cfg.Tenant = ""
	}
	if h.sourceName.dynamic() {
		// For metrics, whose labels are from the configuration.
		cfg.Source = h.Provider
	}
	return errors.Join(errTenant, errSource)
}

// tenancy sets up routes whose secrets are looked up when they are needed,
// because the request says whose it is or because they change.
func (h *Handler) tenancy(cfg *gateway.Config, p verifiers.Provider) error {
	dynamic := h.tenantName.dynamic() || h.sourceName.dynamic()
	switch {
	case h.store == nil && !dynamic:
		return nil
	case h.store == nil:
		return errors.New("who may send as a tenant, or as a source, that the request names must have a secret for it: " +
			"add `secrets_from dir <path>` or `secrets_from nats_kv <bucket>`")
	case h.InsecureSkipVerify:
		return errors.New("insecure_skip_verify and secrets_from contradict each other: remove one of them")
	case len(h.Secrets) > 0:
		return errors.New("secret and secrets_from contradict each other: remove one of them")
	case h.CaptureSecret != "":
		return errors.New("capture_secret and secrets_from contradict each other: remove one of them")
	}
	byTenant, bySource := h.store.Distinguishes()
	if h.tenantName.dynamic() && !byTenant {
		return errors.New("secrets_from: all tenants would have one secret, and each could send as any other: put {tenant} into it")
	}
	if h.sourceName.dynamic() && !bySource {
		return errors.New("secrets_from: all sources would have one secret, and each could send as any other: put {source} into it")
	}
	fetcher, err := h.keyFetcher()
	if err != nil {
		return err
	}
	base := verifiers.Config{Options: cfg.Options, Tolerance: time.Duration(h.Tolerance), Fetcher: fetcher}
	if err := needsSecret(p, base); err != nil {
		return err
	}
	if weak := weakness(p); weak != "" {
		h.log.Warn("weak signature", "route", h.label(), "provider", p.Name, "weakness", weak)
	}
	limits, err := h.tenantLimits(cfg)
	if err != nil {
		return err
	}
	metrics := h.app.metrics.tenants(cfg.Source)
	h.tenants = tenants.New(tenants.Config{
		Store:   h.store,
		Fixed:   !dynamic,
		Observe: func(r tenants.Result) { metrics[r].Inc() },
		Logger:  h.log,
		Make: func(tenant, source string, keys verifiers.Keys) (*gateway.Route, error) {
			vcfg := base
			vcfg.Keys = keys
			v, err := p.New(vcfg)
			if err != nil {
				return nil, err
			}
			id := gateway.Identity{
				Tenant: tenant, Source: source, Verifier: v, VerifierAt: verifierAt(p, vcfg), Keys: keys,
				Diagnose: func(ctx context.Context, req *verifiers.Request, err error) verifiers.Diagnosis {
					return p.Diagnose(ctx, vcfg, req, err)
				},
				TenantLimit: limits.tenants.Of(tenant),
				SourceLimit: limits.sources.Of(tenant + "/" + source),
			}
			if h.public.base != "" {
				id.CESource = h.public.base + "/" + tenant + "/" + source
			}
			return h.route.For(id)
		},
	})
	cfg.Resolver = resolver{h}
	return nil
}

// needsSecret finds senders whose requests anybody can have signed: all their
// customers' events are signed with one key, which says nothing about the tenant.
func needsSecret(p verifiers.Provider, cfg verifiers.Config) error {
	_, err := p.New(cfg)
	switch {
	case err == nil:
		return fmt.Errorf("secrets_from: the events of provider %s are not authenticated by a secret of yours, so that it cannot tell tenants apart: "+
			"write one route for each tenant, with the options that tell whose events they are", p.Name)
	case errors.Is(err, verifiers.ErrOption):
		return fmt.Errorf("%w: set it with `option <name> <value>`; %s", err, optionNames(p))
	case !errors.Is(err, verifiers.ErrNoKeys):
		return err
	}
	return nil
}

// resolver finds the tenant of a request by the placeholders.
type resolver struct{ h *Handler }

// Resolve implements [gateway.Resolver].
func (r resolver) Resolve(ctx context.Context, req *gateway.Request) (*gateway.Route, error) {
	repl, _ := req.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	return r.h.tenants.Route(ctx, r.h.tenantName.of(repl), r.h.sourceName.of(repl))
}

// mayMeet reports whether a tenant and a source of a request may belong to both
// routes.
func (h *Handler) mayMeet(o *Handler) bool {
	return h.tenantName.overlaps(o.tenantName) && h.sourceName.overlaps(o.sourceName)
}

var _ gateway.Resolver = resolver{}
