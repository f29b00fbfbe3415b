package caddymodule

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/natspub"
)

func init() {
	caddy.RegisterModule(new(Health))
	httpcaddyfile.RegisterHandlerDirective("webhooks_health", parseHealth)
	httpcaddyfile.RegisterDirectiveOrder("webhooks_health", httpcaddyfile.Before, "invoke")
}

// Health answers whether webhooks are taken now, for what supervises this
// process and cannot reach Caddy's admin API. What it answers follows from the
// end of the request's path:
//
// Path | Answer
// -----|-------
// `.../live` | 200: the process serves requests
// `.../ready` | 200 if events of every route are stored or kept on this machine, else 503
// `.../sources/<source>`, `.../sources/<tenant>/<source>` | the same for the routes of one source
//
// The answer is a JSON object with the reasons. It holds names of streams and of
// connections and no secret; do not show it to everybody all the same.
type Health struct {
	app *App
}

// health is the answer.
type health struct {
	Status string `json:"status"`
	// Reasons say why events are not taken.
	Reasons []string `json:"reasons,omitempty"`
	// Warnings are what the last look at the streams has found besides.
	Warnings []string `json:"warnings,omitempty"`
	// Acknowledgement says in words what a 2xx is worth, by connection.
	Acknowledgement map[string]string `json:"acknowledgement,omitempty"`
}

const (
	healthReady    = "ready"
	healthNotReady = "not ready"
	firstBroker    = "default" // the connection without a name, in answers
)

// CaddyModule returns the Caddy module information.
func (*Health) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.handlers.webhooks_health",
		New: func() caddy.Module { return new(Health) },
	}
}

// Provision finds the app.
func (h *Health) Provision(ctx caddy.Context) error {
	val, err := ctx.App("webhooks")
	if err != nil {
		return err
	}
	app, ok := val.(*App)
	if !ok {
		return fmt.Errorf("app webhooks is a %T", val)
	}
	h.app = app
	return nil
}

// ServeHTTP answers. It asks no server: what is known is some seconds old at
// most.
func (h *Health) ServeHTTP(w http.ResponseWriter, r *http.Request, _ caddyhttp.Handler) error {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		return caddyhttp.Error(http.StatusMethodNotAllowed, fmt.Errorf("health: %s", r.Method))
	}
	answer, found := h.app.healthOf(r.URL.Path)
	if !found {
		return caddyhttp.Error(http.StatusNotFound, fmt.Errorf("health: there is no %s", r.URL.Path))
	}
	return writeHealth(w, answer)
}

func writeHealth(w http.ResponseWriter, answer health) error {
	text, err := encodeAnswer(answer)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if answer.Status == healthNotReady {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_, err = w.Write(text)
	return err
}

// healthOf answers a path by its last segments.
func (a *App) healthOf(path string) (health, bool) {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	switch n := len(parts); {
	case n >= 3 && parts[n-3] == "sources":
		return a.healthOfSource(parts[n-2], parts[n-1])
	case n >= 2 && parts[n-2] == "sources":
		return a.healthOfSource("", parts[n-1])
	case parts[n-1] == "live":
		return health{Status: "live"}, true
	case parts[n-1] == "ready":
		return a.healthOfRoutes(func(*Handler) bool { return true }), true
	}
	return health{}, false
}

// healthOfSource is about the connections of the source's routes; "" is any
// tenant.
func (a *App) healthOfSource(tenant, source string) (health, bool) {
	found := false
	answer := a.healthOfRoutes(func(h *Handler) bool {
		cfg := h.route.Config()
		fits := cfg.Source == source && (tenant == "" || cfg.Tenant == tenant)
		found = found || fits
		return fits
	})
	return answer, found
}

// healthOfRoutes is about the connections of those routes that ask says.
func (a *App) healthOfRoutes(ask func(*Handler) bool) health {
	const unused, kept, direct = 0, 1, 2
	use := make(map[*App]int)
	for _, h := range a.routes {
		switch {
		case !ask(h) || h.route.Config().Publisher == nil:
		case h.spool == natspub.SpoolOff:
			use[h.to] = direct
		default:
			use[h.to] = max(use[h.to], kept)
		}
	}
	answer := health{Status: healthReady}
	for _, app := range a.all() {
		if use[app] != unused {
			app.addHealth(&answer, use[app] == kept)
		}
	}
	for _, h := range a.handlers {
		reason := "route " + h.label() + ": the list of the sender's addresses is not there yet"
		if _, known := h.published.Lists(netip.Addr{}); !known && ask(h) && !slices.Contains(answer.Reasons, reason) {
			answer.Reasons = append(answer.Reasons, reason) // once, although several sites may import it
		}
	}
	if len(answer.Reasons) > 0 {
		answer.Status = healthNotReady
	}
	return answer
}

// addHealth adds what there is to say about one connection. kept says that all
// events have a place on this machine while it takes none.
func (a *App) addHealth(answer *health, kept bool) {
	prefix := ""
	if a.name != "" {
		prefix = "connection " + a.name + ": "
	}
	s := a.shown.Load()
	if s == nil {
		answer.Reasons = append(answer.Reasons, prefix+"the gateway is starting")
		return
	}
	last := s.lastFound()
	for _, reason := range a.troubles(s, last, kept) {
		answer.Reasons = append(answer.Reasons, prefix+reason)
	}
	s.mu.Lock()
	spool := s.spool
	s.mu.Unlock()
	if spool != nil && !spool.spool.Status().Out {
		if err := spool.broker.ready(); err != nil {
			answer.Warnings = append(answer.Warnings, prefix+"the spool takes no events: "+err.Error())
		}
	}
	for _, f := range last.list {
		switch {
		case a.preflightMode(f.Stream) == preflightOff:
		case f.Severity != natspub.Note:
			answer.Warnings = append(answer.Warnings, prefix+f.String())
		case strings.HasPrefix(f.Problem, natspub.WorthPrefix):
			if answer.Acknowledgement == nil {
				answer.Acknowledgement = make(map[string]string)
			}
			answer.Acknowledgement[a.label()] = f.Problem
		}
	}
}

// troubles says why events are neither stored nor kept now.
func (a *App) troubles(s *session, last findings, kept bool) []string {
	s.mu.Lock()
	spool := s.spool
	s.mu.Unlock()
	if kept && spool != nil {
		st := spool.spool.Status()
		if !st.Out {
			return nil // what the cluster does not take is kept
		}
		if st.MaxBytes > 0 && st.Bytes >= st.MaxBytes {
			return []string{"the cluster takes no events, and the spool is full"}
		}
		if err := spool.broker.ready(); err != nil {
			return []string{"the cluster takes no events, and the spool neither: " + err.Error()}
		}
		return nil
	}
	var reasons []string
	if st := a.brokerStatus(s); !st.Ready {
		reasons = append(reasons, st.Problem)
	}
	for _, err := range last.refused {
		reasons = append(reasons, err.Error())
	}
	return reasons
}

// label names the connection in answers and metrics.
func (a *App) label() string {
	if a.name == "" {
		return firstBroker
	}
	return a.name
}

// adminLive answers GET /webhooks/live.
func (a *App) adminLive(http.ResponseWriter, *http.Request) (any, error) {
	return health{Status: "live"}, nil
}

// adminReady answers GET /webhooks/ready.
func (a *App) adminReady(w http.ResponseWriter, _ *http.Request) (any, error) {
	answer, _ := a.healthOf("ready")
	return nil, writeHealth(w, answer)
}

// webhooks_health [<matcher>]
func parseHealth(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	health := new(Health)
	return health, health.UnmarshalCaddyfile(h.Dispenser)
}

// UnmarshalCaddyfile reads the directive, which has no options.
func (h *Health) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // consume directive name
	if d.NextArg() || d.NextBlock(d.Nesting()) {
		return d.ArgErr()
	}
	return nil
}

var (
	_ caddy.Provisioner           = (*Health)(nil)
	_ caddyfile.Unmarshaler       = (*Health)(nil)
	_ caddyhttp.MiddlewareHandler = (*Health)(nil)
)
