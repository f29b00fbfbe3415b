package caddymodule

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/natspub"
)

// checkRouteStreams checks and completes the streams of routes.
func (a *App) checkRouteStreams() error {
	var problems []error
	own := map[string]bool{a.Stream.Name: true, a.UnverifiedStream.Name: true, a.QuarantineStream.Name: true, a.OpsStream.Name: true}
	streams := make(map[string]*Stream, len(a.RouteStreams))
	for _, name := range slices.Sorted(maps.Keys(a.RouteStreams)) {
		s := Stream{}
		if given := a.RouteStreams[name]; given != nil {
			s = *given
		}
		err := s.complete(a.Stream, name)
		if err == nil {
			err = s.check(a.NATS != nil)
		}
		if err == nil && own[name] {
			err = errors.New("another stream has this name: choose one of its own")
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("route_stream %q: %w", name, err))
		}
		streams[name] = &s
	}
	a.RouteStreams = streams
	return errors.Join(problems...)
}

// complete fills in what the stream of all routes has.
func (s *Stream) complete(like *Stream, name string) error {
	if s.Name != "" && s.Name != name {
		return fmt.Errorf("it is also called %q: remove the name", s.Name)
	}
	s.Name = name
	if s.Replicas == 0 {
		s.Replicas = like.Replicas
	}
	if s.MaxAge == 0 {
		s.MaxAge = like.MaxAge
	}
	if s.Preflight == "" {
		s.Preflight = like.Preflight
	}
	if s.Create == "" {
		s.Create = like.Create
	}
	return nil
}

// subject is what the route publishes on, without the type.
func (h *Handler) subject() string {
	root := natspub.Root
	if h.InsecureSkipVerify {
		root = natspub.UnverifiedRoot
	}
	for _, n := range []nameFrom{h.tenantName, h.sourceName} {
		token := "*"
		if !n.dynamic() {
			token = n.String()
		}
		root += "." + token
	}
	return root + ".>"
}

// registerStream notes which stream has the route's events, and finds routes whose
// subjects would be in two.
func (h *Handler) registerStream() error {
	if h.NoPublish {
		if h.Stream != "" {
			return errors.New("publish: a route that does not publish needs no stream: remove `stream`")
		}
		return nil
	}
	if h.Stream != "" && h.to.RouteStreams[h.Stream] == nil {
		return fmt.Errorf("publish: there is no stream %q for routes: add `route_stream %s` to the global block webhooks", h.Stream, h.Stream)
	}
	for _, other := range h.to.publishing {
		switch {
		case other.Stream == h.Stream && h.Stream != "" && other.InsecureSkipVerify != h.InsecureSkipVerify:
			return fmt.Errorf("publish: the stream %s would have verified and unverified events, as the route %s is of the other kind: give one of them another stream", h.Stream, other.label())
		case other.Stream != h.Stream && subjectsMeet(other.subject(), h.subject()):
			return fmt.Errorf("publish: the subjects %s are also those of the route %s, whose events are in another stream: "+
				"give both the same stream, or other sources", h.subject(), other.label())
		}
	}
	h.to.publishing = append(h.to.publishing, h)
	return nil
}

// subjectsMeet reports whether some subject fits both, which have as many tokens.
func subjectsMeet(a, b string) bool {
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	for i := range x {
		if x[i] != y[i] && x[i] != "*" && y[i] != "*" {
			return false
		}
	}
	return true
}

// streams are those that events go to: of verified and of unverified ones, and
// those of routes. Where no route has a stream of its own the first two take their
// whole root, and else what is left.
func (a *App) streams() (verified, unverified natspub.StreamConfig, routes []natspub.StreamConfig) {
	verified, unverified = a.Stream.translate(a.window(), false), a.unverified()
	subjects, spans := make(map[string][]string), make(map[string]time.Duration)
	divided := map[bool]bool{} // by whether they are unverified
	for _, h := range a.publishing {
		subjects[h.Stream] = append(subjects[h.Stream], h.subject())
		if cfg := h.route.Config(); !cfg.NoDedupe {
			spans[h.Stream] = max(spans[h.Stream], cfg.Provider.RetrySpan)
		}
		divided[h.InsecureSkipVerify] = divided[h.InsecureSkipVerify] || h.Stream != ""
	}
	of := func(list []string, root string) []string {
		list = slices.DeleteFunc(slices.Clone(list), func(s string) bool { return !strings.HasPrefix(s, root+".") })
		slices.Sort(list)
		return slices.Compact(list)
	}
	for _, s := range []struct {
		cfg  *natspub.StreamConfig
		root string
	}{{&verified, natspub.Root}, {&unverified, natspub.UnverifiedRoot}} {
		if !divided[s.root == natspub.UnverifiedRoot] || s.cfg.Name == "" {
			continue
		}
		if s.cfg.Subjects = of(subjects[""], s.root); len(s.cfg.Subjects) == 0 {
			s.cfg.Name = "" // nobody needs it
		}
	}
	for _, name := range slices.Sorted(maps.Keys(a.RouteStreams)) {
		if len(subjects[name]) == 0 {
			continue
		}
		cfg := a.RouteStreams[name].translate(min(max(spans[name], shortestWindow), longestWindow), false)
		cfg.Subjects = of(subjects[name], strings.Join(strings.SplitN(subjects[name][0], ".", 3)[:2], "."))
		routes = append(routes, cfg)
	}
	return verified, unverified, routes
}

// leastWindow is the shortest time for which one of the streams remembers ids.
func (a *App) leastWindow() time.Duration {
	verified, unverified, routes := a.streams()
	var least time.Duration
	for _, s := range append(routes, verified, unverified) {
		if s.Name != "" && (least == 0 || s.Window < least) {
			least = s.Window
		}
	}
	return least
}

// route_stream <name> { ... }
func parseRouteStream(d *caddyfile.Dispenser, into *map[string]*Stream) error {
	if d.CountRemainingArgs() != 1 {
		return d.Err("route_stream takes a name: write `route_stream <name>`, which routes choose with `publish { stream <name> }`")
	}
	var s *Stream
	if err := parseStream(d, &s); err != nil {
		return err
	}
	name := s.Name
	if (*into)[name] != nil {
		return d.Errf("route_stream '%s' is given twice: remove one of them", redact(name))
	}
	if *into == nil {
		*into = make(map[string]*Stream)
	}
	s.Name = ""
	(*into)[name] = s
	return nil
}
