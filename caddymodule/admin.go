package caddymodule

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/caddyserver/caddy/v2"
)

func init() {
	caddy.RegisterModule(AdminAPI{})
}

// AdminAPI adds the endpoints under /webhooks/ to Caddy's admin API. It has no
// settings: who may use it, Caddy's `admin` option says.
//
// No answer holds a secret, a payload, or the value of a request's header,
// unless its endpoint is there to show stored events.
type AdminAPI struct{}

// adminRoot is the path of all endpoints.
const adminRoot = "/webhooks/"

// maxAdminBody bounds what a request may bring.
const maxAdminBody = 1 << 20

// An adminEndpoint answers one method on one path under adminRoot. Segments in
// braces fit anything, and the request's PathValue has them.
type adminEndpoint struct {
	method, path string
	// serve returns what is written as JSON, or nil if it has written by itself.
	// An error that is no [caddy.APIError] is answered 500.
	serve func(a *App, w http.ResponseWriter, r *http.Request) (any, error)
}

// adminEndpoints are all endpoints. What changes something is POST.
var adminEndpoints = []adminEndpoint{
	{http.MethodGet, "status", (*App).adminStatus},
	{http.MethodGet, "live", (*App).adminLive},
	{http.MethodGet, "ready", (*App).adminReady},
	{http.MethodGet, "replay", (*App).adminReplays},
	{http.MethodPost, "replay", (*App).adminReplay},
	{http.MethodGet, "replay/{job}", (*App).adminReplayJob},
	{http.MethodPost, "replay/{job}/resume", (*App).adminReplayResume},
	{http.MethodPost, "replay/{job}/stop", (*App).adminReplayStop},
	{http.MethodGet, "quarantine", (*App).adminQuarantine},
	{http.MethodGet, "quarantine/{sequence}", (*App).adminQuarantined},
	{http.MethodPost, "quarantine/{action}", (*App).adminQuarantineAction},
	{http.MethodGet, "dedupe", (*App).adminDedupe},
	{http.MethodPost, "dedupe/forget", (*App).adminForget},
	{http.MethodGet, "contract", (*App).adminContract},
	{http.MethodGet, "events", (*App).adminEvents},
	{http.MethodGet, "events/{sequence}", (*App).adminEvent},
	{http.MethodGet, "spool", (*App).adminSpool},
	{http.MethodPost, "spool/drain", (*App).adminSpoolDrain},
	{http.MethodGet, "schemas", (*App).adminSchemas},
	{http.MethodGet, "drift", (*App).adminDrift},
	{http.MethodPost, "drift/acknowledge", (*App).adminDriftAcknowledge},
	{http.MethodPost, "drift/forget", (*App).adminDriftForget},
}

// CaddyModule returns the Caddy module information.
func (AdminAPI) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "admin.api.webhooks",
		New: func() caddy.Module { return new(AdminAPI) },
	}
}

// Routes implements [caddy.AdminRouter].
func (AdminAPI) Routes() []caddy.AdminRoute {
	return []caddy.AdminRoute{{Pattern: adminRoot, Handler: caddy.AdminHandlerFunc(serveAdmin)}}
}

// serveAdmin finds the endpoint and the app that runs now.
func serveAdmin(w http.ResponseWriter, r *http.Request) error {
	endpoint, err := findEndpoint(adminEndpoints, r)
	if err != nil {
		if e, ok := errors.AsType[caddy.APIError](err); ok && e.HTTPStatus == http.StatusMethodNotAllowed {
			w.Header().Set("Allow", allowedMethods(adminEndpoints, r.URL.Path))
		}
		return err
	}
	a, release := running.newest()
	if a == nil {
		return apiError(http.StatusServiceUnavailable, "the webhooks app does not run: the configuration has neither a webhooks route nor the global option webhooks")
	}
	defer release()
	answer, err := endpoint.serve(a, w, r)
	if err != nil || answer == nil {
		return err
	}
	return writeAdmin(w, answer)
}

// writeAdmin writes the answer as JSON.
func writeAdmin(w http.ResponseWriter, answer any) error {
	text, err := encodeAnswer(answer)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_, err = w.Write(text)
	return err
}

// encodeAnswer returns a line of JSON in which subjects, such as wh.v1.>, can be
// read and copied as they are.
func encodeAnswer(answer any) ([]byte, error) {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	if err := e.Encode(answer); err != nil {
		return nil, fmt.Errorf("encoding the answer: %w", err)
	}
	return text.Bytes(), nil
}

// findEndpoint returns the endpoint for the request, and sets its path values.
func findEndpoint(list []adminEndpoint, r *http.Request) (*adminEndpoint, error) {
	known := false
	for i := range list {
		values, ok := matchPath(list[i].path, r.URL.Path)
		if !ok {
			continue
		}
		known = true
		if list[i].method != r.Method {
			continue
		}
		for name, value := range values {
			r.SetPathValue(name, value)
		}
		return &list[i], nil
	}
	if known {
		return nil, apiError(http.StatusMethodNotAllowed, "method not allowed: use %s", allowedMethods(list, r.URL.Path))
	}
	return nil, apiError(http.StatusNotFound, "there is no %s", r.URL.Path)
}

func allowedMethods(list []adminEndpoint, path string) string {
	var methods []string
	for _, e := range list {
		if _, ok := matchPath(e.path, path); ok {
			methods = append(methods, e.method)
		}
	}
	slices.Sort(methods)
	return strings.Join(slices.Compact(methods), ", ")
}

// matchPath compares a path with one of the table, segment by segment.
func matchPath(pattern, path string) (values map[string]string, ok bool) {
	rest, ok := strings.CutPrefix(path, adminRoot)
	if !ok {
		return nil, false
	}
	want, have := strings.Split(pattern, "/"), strings.Split(strings.TrimSuffix(rest, "/"), "/")
	if len(want) != len(have) {
		return nil, false
	}
	for i, segment := range want {
		name, isValue := strings.CutPrefix(segment, "{")
		switch {
		case isValue && have[i] != "":
			if values == nil {
				values = make(map[string]string)
			}
			values[strings.TrimSuffix(name, "}")] = have[i]
		case segment != have[i]:
			return nil, false
		}
	}
	return values, true
}

// apiError is an error with a status for Caddy to answer with.
func apiError(status int, format string, args ...any) error {
	return caddy.APIError{HTTPStatus: status, Err: fmt.Errorf(format, args...)}
}

// adminBody decodes the request's JSON object into v. A browser cannot send this
// media type from another site without asking first.
func adminBody(r *http.Request, v any) error {
	if typ, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || typ != "application/json" {
		return apiError(http.StatusUnsupportedMediaType, "send a JSON object with `Content-Type: application/json`")
	}
	d := json.NewDecoder(io.LimitReader(r.Body, maxAdminBody))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return apiError(http.StatusBadRequest, "reading the request: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return apiError(http.StatusBadRequest, "reading the request: there is more than one JSON object, or it is longer than %d bytes", maxAdminBody)
	}
	return nil
}

// running are the apps that have been started and not yet released. The admin
// API is told about no app by Caddy, which makes it first.
var running runningApps

type runningApps struct {
	mu   sync.Mutex
	apps []*App
}

func (r *runningApps) add(a *App) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.apps = append(r.apps, a)
}

func (r *runningApps) remove(a *App) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.apps = slices.DeleteFunc(r.apps, func(other *App) bool { return other == a })
}

// newest returns the app that was started last, and what to call when it is not
// needed any more; nil if none runs.
func (r *runningApps) newest() (*App, func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, a := range slices.Backward(r.apps) {
		if a.lease.acquire() {
			return a, a.lease.giveBack
		}
	}
	return nil, nil
}

var _ caddy.AdminRouter = (*AdminAPI)(nil)
