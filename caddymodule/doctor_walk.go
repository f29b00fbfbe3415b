package caddymodule

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"path/filepath"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/cli"
)

// doctorSite is what a request passes before it comes to a handler: the server, and
// the hosts that lead there.
type doctorSite struct {
	server string // its name in the configuration
	raw    map[string]any
	listen []string
	hosts  []string // empty: all
}

// name is how the operator knows the site.
func (s *doctorSite) name() string {
	if len(s.hosts) > 0 {
		return "site " + strings.Join(s.hosts, ", ")
	}
	return "site " + strings.Join(s.listen, ", ")
}

// doctorBarrier answers the requests of these paths, so that nothing comes after it.
type doctorBarrier struct {
	paths []string // nil: all
	what  string
}

// doctorWay is what happens to a request on its way to a handler.
type doctorWay struct {
	barriers []doctorBarrier
	login    string // what asks for one
	rewrites bool   // the path is another
	maxBody  int64  // of request_body; 0 if there is none
}

// walk finds the webhooks handlers, and what stands before them.
func (d *doctor) walk() {
	servers := mapAt(mapAt(mapAt(d.raw, "apps"), "http"), "servers")
	for _, name := range slices.Sorted(maps.Keys(servers)) {
		server, ok := servers[name].(map[string]any)
		if !ok {
			continue
		}
		site := &doctorSite{server: name, raw: server, listen: texts(server["listen"])}
		d.walkRoutes(listAt(server, "routes"), site, nil, doctorWay{}, nil)
	}
	// As they stand in the file, and not as Caddy sorts them.
	slices.SortStableFunc(d.hooks, func(a, b *doctorHook) int { return cmp.Compare(lineOf(a.place), lineOf(b.place)) })
}

// lineOf is the line of a place, 0 if that is not known.
func lineOf(place string) (line int) {
	_, _ = fmt.Sscanf(place[strings.LastIndexByte(place, ':')+1:], "%d", &line)
	return line
}

// walkRoutes goes through routes in the order in which Caddy does. Paths are those
// that come here, nil for all.
func (d *doctor) walkRoutes(routes []map[string]any, site *doctorSite, paths []string, way doctorWay, others []string) {
	for _, route := range routes {
		here, mine, names := site, paths, slices.Clone(others)
		way := &way // what a route without a matcher does is done for those after it
		matchers := listAt(route, "match")
		for _, set := range matchers {
			for _, name := range slices.Sorted(maps.Keys(set)) {
				switch name {
				case "path":
				case "host":
					s := *site
					s.hosts = texts(set["host"])
					here = &s
				default:
					names = append(names, name)
				}
			}
		}
		if p := pathsOf(matchers); p != nil {
			mine = p
		}
		only := len(names) == len(others) // the path decides, and the host
		inner := *way
		inner.barriers = slices.Clone(way.barriers)
		for _, handler := range listAt(route, "handle") {
			d.walkHandler(handler, here, mine, &inner, names)
		}
		if here != site && len(site.hosts) == 0 && len(here.hosts) > 0 {
			continue // another site
		}
		if only {
			way.take(&inner, matchers)
		}
	}
}

// take has what a route does apply to those after it, as far as its matchers let it.
func (w *doctorWay) take(inner *doctorWay, matchers []map[string]any) {
	w.barriers = inner.barriers
	if len(matchers) == 0 {
		w.login, w.rewrites, w.maxBody = inner.login, inner.rewrites, inner.maxBody
	}
}

// walkHandler goes on in one handler.
func (d *doctor) walkHandler(handler map[string]any, site *doctorSite, paths []string, way *doctorWay, others []string) {
	name, _ := handler["handler"].(string)
	switch name {
	case "webhooks":
		place, _ := handler["origin"].(string)
		k := &doctorHook{doctorSite: site, raw: handler, place: place, paths: paths, way: *way, others: others}
		k.way.barriers = slices.Clone(way.barriers)
		d.hooks = append(d.hooks, k)
		if pass, _ := handler["pass_thru"].(bool); !pass && len(others) == 0 {
			way.barriers = append(way.barriers, doctorBarrier{paths, k.label() + " (" + k.place + ")"})
		}
	case "subroute":
		d.walkRoutes(listAt(handler, "routes"), site, paths, *way, others)
		if len(others) == 0 && answersRaw(listAt(handler, "routes")) {
			way.barriers = append(way.barriers, doctorBarrier{paths, "a `handle` or `route` that answers everything"})
		}
		d.passes(listAt(handler, "routes"), way)
	case "authentication":
		way.login = "basic_auth"
	case "rewrite":
		_, strips := handler["strip_path_prefix"]
		if strips {
			way.barriers = nil // paths are others from here on
		} else if len(paths) == 0 && len(others) == 0 {
			way.rewrites = true
		}
	case "request_body":
		if n, ok := handler["max_size"].(float64); ok && n > 0 {
			way.maxBody = int64(n)
		}
	case "reverse_proxy":
		if _, forward := handler["handle_response"]; forward {
			way.login = "forward_auth"
			return
		}
		fallthrough
	default:
		if !middleware[caddy.ModuleID("http.handlers."+name)] && len(others) == 0 {
			way.barriers = append(way.barriers, doctorBarrier{paths, "`" + directiveOf(handler, name) + "`"})
		}
	}
}

// passes has what is done in a subroute without a matcher apply to what follows it.
func (d *doctor) passes(routes []map[string]any, way *doctorWay) {
	for _, route := range routes {
		if len(listAt(route, "match")) > 0 {
			continue
		}
		for _, handler := range listAt(route, "handle") {
			if handler["handler"] == "authentication" {
				way.login = "basic_auth"
			}
		}
	}
}

// directiveOf is how the Caddyfile writes a handler.
func directiveOf(handler map[string]any, name string) string {
	if name == "static_response" {
		return "respond"
	}
	return name
}

// answersRaw is what answersAll is for routes that are provisioned.
func answersRaw(routes []map[string]any) bool {
	for _, route := range routes {
		if len(listAt(route, "match")) > 0 {
			continue
		}
		for _, handler := range listAt(route, "handle") {
			name, _ := handler["handler"].(string)
			pass, _ := handler["pass_thru"].(bool)
			_, forward := handler["handle_response"]
			switch {
			case name == "subroute":
				if answersRaw(listAt(handler, "routes")) {
					return true
				}
			case !middleware[caddy.ModuleID("http.handlers."+name)] && !pass && !forward:
				return true
			}
		}
	}
	return false
}

// pathsOf are the paths of matchers; nil if they let all paths through.
func pathsOf(matchers []map[string]any) (paths []string) {
	for _, set := range matchers {
		list, ok := set["path"]
		if !ok {
			return nil
		}
		paths = append(paths, texts(list)...)
	}
	return paths
}

// coversPath reports whether each path that fits one of inner fits one of outer.
func coversPath(outer, inner []string) bool {
	if outer == nil {
		return true
	}
	if inner == nil {
		return slices.Contains(outer, "*") || slices.Contains(outer, "/*")
	}
	for _, p := range inner {
		p = strings.ToLower(p)
		if !slices.ContainsFunc(outer, func(o string) bool {
			o = strings.ToLower(o)
			prefix, wild := strings.CutSuffix(o, "*")
			return o == p || wild && !strings.Contains(prefix, "*") && strings.HasPrefix(p, prefix)
		}) {
			return false
		}
	}
	return true
}

// mapAt returns a member that is an object; nil if it is none.
func mapAt(v map[string]any, name string) map[string]any {
	m, _ := v[name].(map[string]any)
	return m
}

// listAt returns the objects of a member that is a list of them.
func listAt(v map[string]any, name string) (list []map[string]any) {
	items, _ := v[name].([]any)
	for _, item := range items {
		if m, ok := item.(map[string]any); ok {
			list = append(list, m)
		}
	}
	return list
}

// texts returns the strings of a list of them.
func texts(v any) (list []string) {
	items, _ := v.([]any)
	for _, item := range items {
		if s, ok := item.(string); ok {
			list = append(list, s)
		}
	}
	return list
}

// public reports whether others than this machine reach the site.
func (s *doctorSite) public() bool {
	if len(s.hosts) > 0 {
		return slices.ContainsFunc(s.hosts, func(host string) bool { return !cli.OnlyHere(host) })
	}
	return s.exposed()
}

// exposed reports whether one of the listeners is on an address that others reach.
func (s *doctorSite) exposed() bool {
	return slices.ContainsFunc(s.listen, reachable)
}

// port is that of the first listener.
func (s *doctorSite) port() string {
	if len(s.listen) == 0 {
		return ""
	}
	_, port, _ := net.SplitHostPort(s.listen[0])
	return port
}

// doctorPlaces knows where in a Caddyfile something is.
type doctorPlaces struct {
	file   string
	blocks []doctorBlock
}

// doctorBlock is a site of a Caddyfile, or the global block.
type doctorBlock struct {
	first, last int
	global      bool
	lines       map[string]int // of its directives
}

// newDoctorPlaces reads a Caddyfile. What cannot be parsed has no places.
func newDoctorPlaces(file string, text []byte) *doctorPlaces {
	p := &doctorPlaces{file: file}
	blocks, err := caddyfile.Parse(file, text)
	if err != nil {
		return p
	}
	for i, b := range blocks {
		block := doctorBlock{lines: make(map[string]int), global: i == 0 && len(b.Keys) == 0}
		for _, key := range b.Keys {
			if block.first == 0 {
				block.first = key.Line
			}
		}
		for _, segment := range b.Segments {
			if len(segment) == 0 || !sameFile(segment[0].File, file) {
				continue
			}
			if _, there := block.lines[segment[0].Text]; !there {
				block.lines[segment[0].Text] = segment[0].Line
			}
			if block.first == 0 {
				block.first = segment[0].Line
			}
			block.last = max(block.last, segment[len(segment)-1].Line)
		}
		p.blocks = append(p.blocks, block)
	}
	return p
}

func sameFile(a, b string) bool { return filepath.Base(a) == filepath.Base(b) }

// global is where a directive of the global block is, "" if that is not known.
func (p *doctorPlaces) global(directive string) string {
	for _, b := range p.blocks {
		if line, ok := b.lines[directive]; ok && b.global {
			return fmt.Sprintf("%s:%d", p.file, line)
		}
	}
	return ""
}

// site is where the site of a handler begins, "" if that is not known.
func (p *doctorPlaces) site(place string) string {
	if b := p.around(place); b != nil {
		return fmt.Sprintf("%s:%d", p.file, b.first)
	}
	return ""
}

// around is the site of a handler.
func (p *doctorPlaces) around(place string) *doctorBlock {
	i := strings.LastIndexByte(place, ':')
	if i < 0 || !sameFile(place[:i], p.file) {
		return nil
	}
	line := lineOf(place)
	for i := range p.blocks {
		if b := &p.blocks[i]; line >= b.first && line <= b.last && !b.global {
			return b
		}
	}
	return nil
}

// beside is where a directive is in the site of a handler, "" if that is not known.
func (p *doctorPlaces) beside(place string, directives ...string) string {
	b := p.around(place)
	if b == nil {
		return ""
	}
	for _, directive := range directives {
		if n, ok := b.lines[directive]; ok {
			return fmt.Sprintf("%s:%d", p.file, n)
		}
	}
	return ""
}

// decodeInto decodes a part of the configuration.
func decodeInto(v, into any) {
	if text, err := json.Marshal(v); err == nil {
		_ = json.Unmarshal(text, into)
	}
}
