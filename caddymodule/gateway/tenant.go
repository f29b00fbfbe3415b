package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Errors of a [Resolver]. Any other means that it could not be found out now
// whose request it is, which is a fault of ours: [Undecidable].
var (
	// ErrUnknownTenant: there is no such tenant, or none with this source. The
	// sender is told what it is told about a path that nobody has configured.
	ErrUnknownTenant = errors.New("the tenant is not known")
	// ErrTooManyLookups: whose request it is would have to be looked up, and too
	// much is being looked up already.
	ErrTooManyLookups = errors.New("too many tenants are being looked up")
	// ErrOldSecrets comes with a route: its secrets are those that were known
	// before, because they cannot be looked up now. What fits one of them is
	// authentic; of what fits none it cannot be said that it is not.
	ErrOldSecrets = errors.New("the tenant's secrets cannot be looked up, and may have changed")
)

// A Resolver finds the route of the tenant that a request is for. It is safe for
// concurrent use.
type Resolver interface {
	// Resolve returns a route that [Route.For] has made, or an error that says no
	// more about the request than names that are valid, or both if the error wraps
	// [ErrOldSecrets]. The body has not been read, and is not for the Resolver.
	Resolve(ctx context.Context, r *Request) (*Route, error)
}

// Identity is what the route of one tenant has of its own.
type Identity struct {
	// Tenant, Source and CESource are as in [Config].
	Tenant, Source, CESource string
	// Verifier, VerifierAt, Keys and Diagnose know the tenant's secrets and nobody else's.
	// Verifier is required, because a request that names a tenant proves nothing.
	Verifier   verifiers.Verifier
	VerifierAt func(at time.Time) (verifiers.Verifier, error)
	Keys       verifiers.KeySource
	Diagnose   Diagnoser
	// TenantLimit is shared by the routes of one tenant; nil means no limit.
	TenantLimit *Limiter
	// SourceLimit is the route's own; nil means a new one, if Config has a
	// SourceRate. A route that replaces another of the same tenant and source is
	// given the limit of that.
	SourceLimit *Limiter
}

// For returns the route of one tenant. It differs from rt, which has a Resolver,
// in nothing but the identity: limits per client, budgets and everything that is
// configured are shared, so that it costs little to make.
func (rt *Route) For(id Identity) (*Route, error) {
	c := *rt
	c.cfg.Resolver = nil
	c.cfg.Tenant, c.cfg.Source, c.cfg.CESource = id.Tenant, id.Source, id.CESource
	if c.cfg.CESource == "" {
		c.cfg.CESource = "/" + id.Tenant + "/" + id.Source
	}
	c.cfg.Verifier, c.cfg.Keys, c.cfg.Diagnose = id.Verifier, id.Keys, id.Diagnose
	c.cfg.VerifierAt = id.VerifierAt
	var p problems
	c.cfg.validateNames(&p)
	if id.Verifier == nil {
		p.add("Verifier", "is nil, so anybody could send the tenant's events")
	}
	if err := errors.Join(p...); err != nil {
		return nil, fmt.Errorf("configuring the route of a tenant: %w", err)
	}
	c.tenant = id.TenantLimit
	if c.source = id.SourceLimit; c.source == nil {
		c.source = NewLimiter(c.cfg.SourceRate)
	}
	if c.samples != nil {
		c.samples = newSamples(&c.cfg) // no tenant takes the places of another
	}
	return &c, nil
}

// validateNames checks what names the route.
func (c *Config) validateNames(p *problems) {
	for _, name := range []struct{ field, value string }{{"Tenant", c.Tenant}, {"Source", c.Source}} {
		if !IsName(name.value) {
			p.add(name.field, "%q is not a name: use 1 to 64 of A-Z, a-z, 0-9, _ and -", name.value)
		}
	}
	if u, err := url.Parse(c.CESource); err != nil || strings.ContainsFunc(c.CESource, notGraphic) || u.User != nil {
		p.add("CESource", "is not a URI reference: use one without spaces, such as https://example.com/%s", c.Source)
	}
}

// resolve finds the route of the tenant. What decides until then is the same for
// all of them.
func (x *exchange) resolve() bool {
	resolver := x.route.cfg.Resolver
	if resolver == nil {
		return true
	}
	route, err := resolver.Resolve(x.r.Context(), &x.r)
	switch {
	case errors.Is(err, ErrOldSecrets) && route != nil:
		x.doubt = err
	case errors.Is(err, ErrUnknownTenant):
		return x.end(NotFound, "", err)
	case errors.Is(err, ErrTooManyLookups):
		return x.end(Overloaded, "", err)
	case err != nil:
		return x.end(Undecidable, "", fmt.Errorf("finding the tenant: %w", err))
	}
	if route == nil || route.cfg.Resolver != nil {
		return x.end(Internal, "", errNoRoute)
	}
	x.route = route
	x.res.Tenant, x.res.Source = route.cfg.Tenant, route.cfg.Source
	return true
}

var errNoRoute = errors.New("the resolver returned no route of a tenant")
