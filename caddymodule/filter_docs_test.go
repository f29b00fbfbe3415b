package caddymodule

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/providers"
)

var (
	codeSpan    = regexp.MustCompile("`([^`]+)`")
	headerLine  = regexp.MustCompile(`^[A-Za-z-]+: `)
	filterBlock = regexp.MustCompile("(?ms)^```caddyfile\n(.*?)^```\n\n\\| Event \\| \\|\n\\| --- \\| --- \\|\n(.*?)\n\n")
)

// TestDocumentedFilters takes each event of the tables of the guide through the
// filters of the Caddyfile above it.
func TestDocumentedFilters(t *testing.T) {
	t.Setenv("DEPLOY_ENV", "production")
	page := filterPage(t)
	blocks := filterBlock.FindAllStringSubmatch(page, -1)
	if all := strings.Count(page, "```caddyfile"); len(blocks) != all || all < 8 {
		t.Fatalf("got %d Caddyfiles with a table, want all %d", len(blocks), all)
	}
	for _, b := range blocks {
		routes := documentedRoutes(t, b[1])
		rows := strings.Split(b[2], "\n")
		seen := make(map[string]bool)
		for _, row := range rows {
			cells := strings.Split(strings.Trim(row, "| "), " | ")
			if len(cells) != 2 {
				t.Fatalf("got the row %s, want an event and what becomes of it", row)
			}
			got := becomes(t, routes, cells[0])
			if seen[got] = true; got != cells[1] {
				t.Errorf("%s\ngot  %s\nwant %s\nwith\n%s", cells[0], got, cells[1], b[1])
			}
		}
		if !seen["published"] || !seen["dropped"] {
			t.Errorf("got no event that is published, or none that is dropped, with\n%s", b[1])
		}
	}
}

func filterPage(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile("../docs/filters.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(page)
}

// documentedRoute has the filters of a route, and verifies and stores nothing.
type documentedRoute struct {
	*Handler
	*gateway.Route
	conditions []gateway.Condition
}

func documentedRoutes(t *testing.T, caddyfile string) (routes []documentedRoute) {
	t.Helper()
	out, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(caddyfile), nil)
	if err != nil {
		t.Fatalf("%v\n%s", err, caddyfile)
	}
	for _, raw := range handlersIn(t, out) {
		h := &Handler{app: &App{metrics: newMetrics()}, log: slog.New(slog.DiscardHandler)}
		if err := json.Unmarshal(raw, h); err != nil {
			t.Fatal(err)
		}
		provider, ok := providers.Lookup(h.Provider)
		if !ok {
			t.Fatalf("got the unknown provider %s", h.Provider)
		}
		cfg := gateway.Config{
			Tenant: "default", Source: h.Source, Provider: provider, Unverified: true, NoPublish: true, NoHandshakes: true,
			Accept: h.Accept, Drop: h.Drop,
		}
		if err := h.filters(&cfg); err != nil {
			t.Fatalf("%v\n%s", err, caddyfile)
		}
		route, err := gateway.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		routes = append(routes, documentedRoute{h, route, append(cfg.AcceptIf, cfg.DropIf...)})
	}
	return routes
}

// handlersIn finds the routes of ours in a configuration.
func handlersIn(t *testing.T, raw json.RawMessage) (list []json.RawMessage) {
	t.Helper()
	var object map[string]json.RawMessage
	var array []json.RawMessage
	switch {
	case json.Unmarshal(raw, &object) == nil:
		if string(object["handler"]) == `"webhooks"` {
			return []json.RawMessage{raw}
		}
		for _, member := range object {
			list = append(list, handlersIn(t, member)...)
		}
	case json.Unmarshal(raw, &array) == nil:
		for _, element := range array {
			list = append(list, handlersIn(t, element)...)
		}
	}
	return list
}

// becomes says what becomes of the event in a cell: "published" or "dropped", and
// why an expression could not be evaluated.
func becomes(t *testing.T, routes []documentedRoute, cell string) string {
	t.Helper()
	header := http.Header{"Content-Type": {"application/json"}}
	target, body := "/"+routes[0].Source, ""
	for _, m := range codeSpan.FindAllStringSubmatch(cell, -1) {
		switch span := m[1]; {
		case span[0] == '/':
			target = span
		case strings.HasPrefix(span, "Content-Type: "):
			header.Set("Content-Type", strings.TrimPrefix(span, "Content-Type: "))
		case headerLine.MatchString(span):
			name, value, _ := strings.Cut(span, ": ")
			header.Add(name, value)
		default:
			body = strings.ReplaceAll(span, "NOW", strconv.FormatInt(time.Now().Unix(), 10))
		}
	}
	req := httptest.NewRequest(http.MethodPost, "https://hooks.example.com"+target, strings.NewReader(body))
	req.Header = header
	var route *documentedRoute
	for i := range routes {
		if routes[i].Source == strings.TrimPrefix(req.URL.Path, "/") {
			route = &routes[i]
		}
	}
	if route == nil {
		t.Fatalf("got no route for %s", target)
	}
	before := failuresOf(route.conditions)
	res := route.Handle(httptest.NewRecorder(), gateway.Request{Request: req, URL: req.URL})
	result := map[gateway.Outcome]string{gateway.PassedThrough: "published", gateway.Dropped: "dropped"}[res.Outcome]
	if result == "" {
		t.Fatalf("%s: got %v (%v)", cell, res.Outcome, res.Err)
	}
	for reason, n := range failuresOf(route.conditions) {
		if n > before[reason] {
			result += ", " + reason
		}
	}
	return result
}

// failuresOf counts by reason.
func failuresOf(conditions []gateway.Condition) map[string]float64 {
	counts := make(map[string]float64)
	for _, c := range conditions {
		if c, ok := c.(*condition); ok {
			for reason, counter := range c.failures {
				counts[reason] += testutil.ToFloat64(counter)
			}
		}
	}
	return counts
}

// TestDocumentedValues evaluates what the guide says to be true of each kind of
// value, and compiles the expressions that take the place of other products'.
func TestDocumentedValues(t *testing.T) {
	page := filterPage(t)
	_, table, _ := strings.Cut(page, "| JSON | CEL |")
	table, _, _ = strings.Cut(table, "\n\n")
	evaluated := 0
	for _, row := range strings.Split(table, "\n")[2:] {
		cells := strings.Split(strings.Trim(row, "| "), " | ")
		for _, value := range codeSpan.FindAllStringSubmatch(cells[0], -1) {
			for _, expr := range codeSpan.FindAllStringSubmatch(cells[2], -1) {
				evaluated++
				f := newFiltered(t, expr[1])
				if dropped, failures := f.send(`{"a":` + value[1] + `}`); !dropped || failures > 0 {
					t.Errorf("%s with %s: got %v with %d failures, want it true", expr[1], value[1], dropped, failures)
				}
			}
		}
	}
	if evaluated < 15 {
		t.Errorf("got %d examples, want more", evaluated)
	}
	_, table, _ = strings.Cut(page, "| There | Here |")
	table, _, _ = strings.Cut(table, "\n\n")
	for _, row := range strings.Split(table, "\n")[2:] {
		_, here, _ := strings.Cut(strings.ReplaceAll(row, `\|`, "OR"), " | ")
		for _, expr := range codeSpan.FindAllStringSubmatch(here, -1) {
			if !strings.Contains(expr[1], "{") {
				continue
			}
			if _, err := compile(expr[1]); err != nil {
				t.Errorf("%s: %v", expr[1], err)
			}
		}
	}
}

// TestDocumentedPlaceholders: each that the guide names is one, and each that is one
// is named.
func TestDocumentedPlaceholders(t *testing.T) {
	page := filterPage(t)
	for name := range eventPlaceholders {
		if !strings.Contains(page, "`{webhooks."+name+"}`") {
			t.Errorf("got nothing about {webhooks.%s}", name)
		}
	}
	_, table, _ := strings.Cut(page, "| Placeholder | Value |")
	table, _, _ = strings.Cut(table, "\n\n")
	for _, m := range regexp.MustCompile("`\\{([^}]+)\\}`").FindAllStringSubmatch(table, -1) {
		if _, ok := parsePlaceholder(m[1]); !ok {
			t.Errorf("got {%s} in the guide, which is no placeholder", m[1])
		}
	}
}
