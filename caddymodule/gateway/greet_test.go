package gateway_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// TestHandshakeRefusal: a sender that tries whether a wrong token is refused gets
// the status that it wants.
func TestHandshakeRefusal(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		token   string
		refusal int
		status  int
	}{{"right", 404, 204}, {"wrong", 404, 404}, {"wrong", 0, 403}} {
		rt, _, _ := newRoute(t, func(c *gateway.Config) {
			c.Provider.Options = append(c.Provider.Options, verifiers.Option{Name: "verify", Doc: "A code."})
			c.Options["verify"] = "right"
			c.Provider.Handshakes = []verifiers.Handshake{{
				Name: "verify", Method: "GET", When: []verifiers.Match{verifiers.Query("verify").Present()},
				Token: verifiers.Query("verify"), TokenOption: "verify", Refusal: tt.refusal,
				Reply: verifiers.Reply{Status: 204},
			}}
		})
		w := httptest.NewRecorder()
		rt.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/hooks?verify="+tt.token, nil))
		if w.Code != tt.status || w.Body.Len() > 0 && w.Code == 204 {
			t.Errorf("%+v: got %d %q", tt, w.Code, w.Body)
		}
	}
}
