package caddymodule

import (
	"net/http"
	"slices"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// warnSpoofable says, once, that senders behind a trusted proxy can choose their
// address: Caddy takes the first of X-Forwarded-For unless it is told to be strict, and
// most proxies append to what the sender has written there. Only a request shows it,
// since Caddy does not tell which proxies are trusted.
func (h *Handler) warnSpoofable(r *http.Request) {
	if h.spoofed.Load() || len(h.AllowIPs) == 0 && h.ClientRate == nil {
		return
	}
	trusted, _ := caddyhttp.GetVar(r.Context(), caddyhttp.TrustedProxyVarKey).(bool)
	server, ok := r.Context().Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	if !trusted || !ok || server.TrustedProxiesStrict > 0 || !usesForwardedFor(server) || h.spoofed.Swap(true) {
		return
	}
	h.log.Warn("trusted_proxies without trusted_proxies_strict: the address of a request is the first in X-Forwarded-For, "+
		"which the sender has written unless the proxy replaces the header, and allow_ips and limits per client go by it; "+
		"add trusted_proxies_strict to the option servers", "route", h.label())
}

func usesForwardedFor(server *caddyhttp.Server) bool {
	return slices.ContainsFunc(server.ClientIPHeaders, func(header string) bool {
		return http.CanonicalHeaderKey(header) == "X-Forwarded-For"
	})
}
