package caddymodule

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
)

func TestFindEndpoint(t *testing.T) {
	t.Parallel()
	list := []adminEndpoint{
		{method: http.MethodGet, path: "status"},
		{method: http.MethodGet, path: "things/{id}"},
		{method: http.MethodPost, path: "things/{id}"},
		{method: http.MethodPost, path: "things/{id}/release"},
	}
	for _, test := range []struct {
		method, path string
		want, id     string // want is the endpoint's path
		status       int
		allow        string
	}{
		{method: "GET", path: "/webhooks/status", want: "status"},
		{method: "GET", path: "/webhooks/status/", want: "status"},
		{method: "POST", path: "/webhooks/status", status: 405, allow: "GET"},
		{method: "GET", path: "/webhooks/", status: 404},
		{method: "GET", path: "/webhooks/statuses", status: 404},
		{method: "GET", path: "/elsewhere/status", status: 404},
		{method: "GET", path: "/webhooks/things/7", want: "things/{id}", id: "7"},
		{method: "DELETE", path: "/webhooks/things/7", status: 405, allow: "GET, POST"},
		{method: "GET", path: "/webhooks/things//", status: 404},
		{method: "POST", path: "/webhooks/things/7/release", want: "things/{id}/release", id: "7"},
		{method: "POST", path: "/webhooks/things/7/drop", status: 404},
	} {
		r := httptest.NewRequestWithContext(t.Context(), test.method, test.path, nil)
		got, err := findEndpoint(list, r)
		if test.status != 0 {
			e, _ := errors.AsType[caddy.APIError](err)
			if e.HTTPStatus != test.status {
				t.Errorf("%s %s: got %v with the status %d, want %d", test.method, test.path, err, e.HTTPStatus, test.status)
			}
			if allow := allowedMethods(list, test.path); allow != test.allow {
				t.Errorf("%s %s: got the methods %q, want %q", test.method, test.path, allow, test.allow)
			}
			continue
		}
		if err != nil || got.path != test.want || got.method != test.method || r.PathValue("id") != test.id {
			t.Errorf("%s %s: got %+v, id %q, error %v", test.method, test.path, got, r.PathValue("id"), err)
		}
	}
}

func TestAdminBody(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, typ, body string
		status          int
	}{
		{"good", "application/json; charset=utf-8", `{"id":"x"}`, 0},
		{"a form, as another site could send it", "application/x-www-form-urlencoded", `{"id":"x"}`, 415},
		{"no type", "", `{"id":"x"}`, 415},
		{"unknown field", "application/json", `{"di":"x"}`, 400},
		{"two", "application/json", `{"id":"x"}{}`, 400},
		{"nothing", "application/json", ``, 400},
		{"too long", "application/json", `{"id":"` + strings.Repeat("x", maxAdminBody) + `"}`, 400},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/webhooks/x", strings.NewReader(test.body))
		r.Header.Set("Content-Type", test.typ)
		var v struct{ ID string }
		err := adminBody(r, &v)
		if e, _ := errors.AsType[caddy.APIError](err); e.HTTPStatus != test.status || (test.status == 0) != (err == nil) {
			t.Errorf("%s: got %v with the status %d, want %d", test.name, err, e.HTTPStatus, test.status)
		}
	}
}

// TestRunning: the newest app that is still there is asked, also after a reload
// that failed.
func TestRunning(t *testing.T) {
	t.Parallel()
	var r runningApps
	newApp := func() *App {
		a := new(App)
		a.lease = newLease(func() { r.remove(a) })
		r.add(a)
		return a
	}
	if got, _ := r.newest(); got != nil {
		t.Fatal("got an app where none runs")
	}
	first, second := newApp(), newApp()
	got, release := r.newest()
	if got != second {
		t.Fatal("got another than the newest")
	}
	second.lease.close()
	if again, release := r.newest(); again != second {
		t.Error("got another app while the newest is still in use")
	} else {
		release()
	}
	release()
	got, release = r.newest()
	if got != first {
		t.Fatal("got another than the one that is left")
	}
	release()
	first.lease.close()
	if got, _ := r.newest(); got != nil || len(r.apps) != 0 {
		t.Errorf("got %v, %d apps left, want none", got, len(r.apps))
	}
}
