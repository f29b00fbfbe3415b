package caddymodule

import (
	"slices"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// middleware are Caddy's handlers that answer nothing by themselves, or not
// every request: what stands after them still has to.
var middleware = map[caddy.ModuleID]bool{
	"http.handlers.authentication": true,
	"http.handlers.encode":         true,
	"http.handlers.headers":        true,
	"http.handlers.intercept":      true,
	"http.handlers.invoke":         true,
	"http.handlers.log_append":     true,
	"http.handlers.map":            true,
	"http.handlers.push":           true,
	"http.handlers.request_body":   true,
	"http.handlers.rewrite":        true,
	"http.handlers.templates":      true,
	"http.handlers.timeouts":       true,
	"http.handlers.tracing":        true,
	"http.handlers.vars":           true,
}

// uncovered returns the webhooks handlers that stand in a list of routes without
// a route for everything else. Caddy answers what nobody handles with an empty
// 200, so that a sender with a mistake in its URL would lose every event.
// covered says that such a route follows after the list.
func uncovered(routes caddyhttp.RouteList, covered bool) []*Handler {
	var found []*Handler
	for i := len(routes) - 1; i >= 0; i-- {
		r := &routes[i]
		everything := len(r.MatcherSets) == 0
		after := covered && !r.Terminal
		for _, handler := range slices.Backward(r.Handlers) {
			switch h := handler.(type) {
			case *Handler:
				// Without a matcher nothing is left for others.
				if !everything && !after {
					found = append(found, h)
				}
				after = after || !h.PassThru
			case *caddyhttp.Subroute:
				found = append(found, uncovered(h.Routes, after)...)
				after = after || answersAll(h.Routes)
			case caddy.Module:
				after = after || !middleware[h.CaddyModule().ID]
			default:
				after = true
			}
		}
		if everything && answers(r) {
			covered = true
		}
	}
	return found
}

// answers reports whether one of the route's handlers answers every request
// that reaches it.
func answers(r *caddyhttp.Route) bool {
	for _, handler := range r.Handlers {
		switch h := handler.(type) {
		case *Handler:
			if !h.PassThru {
				return true
			}
		case *caddyhttp.Subroute:
			if answersAll(h.Routes) {
				return true
			}
		case caddy.Module:
			if !middleware[h.CaddyModule().ID] {
				return true
			}
		}
	}
	return false
}

func answersAll(routes caddyhttp.RouteList) bool {
	for i := range routes {
		if len(routes[i].MatcherSets) == 0 && answers(&routes[i]) {
			return true
		}
	}
	return false
}
