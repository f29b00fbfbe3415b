package gateway_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
)

// handle takes a request through a route without a server.
func handle(rt *gateway.Route, req *http.Request) gateway.Result {
	return rt.Handle(httptest.NewRecorder(), gateway.Request{
		Request: req, URL: req.URL, Remote: netip.MustParseAddr("192.0.2.1"),
	})
}
