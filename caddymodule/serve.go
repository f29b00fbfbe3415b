package caddymodule

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
)

// publicURL is the URL under which the sender reaches this server.
type publicURL struct {
	scheme, host, path string // scheme is "" if they are to be taken from the request
	base               string // all of them, without a slash at the end
}

func parsePublicURL(raw string) (*publicURL, error) {
	u, err := url.Parse(raw)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("public_url: %q is not a base URL: write scheme and host, such as https://hooks.example.com", raw)
	}
	path := strings.TrimRight(u.EscapedPath(), "/")
	return &publicURL{scheme: u.Scheme, host: u.Host, path: path, base: u.Scheme + "://" + u.Host + path}, nil
}

// of returns the URL as the sender addressed it. The request line counts as it
// came, before handle_path, rewrite and uri.
func (p *publicURL) of(r *http.Request) *url.URL {
	orig := r
	if o, ok := r.Context().Value(caddyhttp.OriginalRequestCtxKey).(http.Request); ok {
		orig = &o
	}
	u := *orig.URL
	if line, err := url.ParseRequestURI(orig.RequestURI); err == nil {
		u = *line
	}
	u.Scheme, u.Host, u.User = requestScheme(r), r.Host, nil
	if p.scheme == "" {
		return &u
	}
	u.Scheme, u.Host = p.scheme, p.host
	if p.path != "" {
		// Both forms of the path, so that no escaping is lost.
		if prefix, err := url.PathUnescape(p.path); err == nil {
			u.RawPath = p.path + u.EscapedPath()
			u.Path = prefix + u.Path
		}
	}
	return &u
}

// requestScheme believes X-Forwarded-Proto only from a trusted proxy.
func requestScheme(r *http.Request) string {
	if trusted, ok := caddyhttp.GetVar(r.Context(), caddyhttp.TrustedProxyVarKey).(bool); ok && trusted {
		switch proto, _, _ := strings.Cut(r.Header.Get("X-Forwarded-Proto"), ","); strings.ToLower(strings.TrimSpace(proto)) {
		case "https":
			return "https"
		case "http":
			return "http"
		}
	}
	if r.TLS != nil {
		return "https"
	}
	return "http"
}

// clientAddr is the sender's address as Caddy sees it, trusted proxies taken
// into account.
func clientAddr(r *http.Request) netip.Addr {
	if s, ok := caddyhttp.GetVar(r.Context(), caddyhttp.ClientIPVarKey).(string); ok {
		if addr, err := netip.ParseAddr(s); err == nil {
			return addr
		}
	}
	if peer, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		return peer.Addr()
	}
	return netip.Addr{}
}

func setPlaceholders(r *http.Request, res *gateway.Result) {
	repl, ok := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	if !ok {
		return
	}
	repl.Set("webhooks.outcome", res.Outcome.Word())
	repl.Set("webhooks.reason", res.Reason)
	repl.Set("webhooks.code", res.Code)
	repl.Set("webhooks.request_id", res.RequestID)
	repl.Set("webhooks.source", res.Source)
	repl.Set("webhooks.tenant", res.Tenant)
	repl.Set("webhooks.provider", res.Provider)
	repl.Set("webhooks.event_id", res.EventID)
	repl.Set("webhooks.event_type", res.EventType)
	repl.Set("webhooks.trust", string(res.Trust))
	repl.Set("webhooks.key_id", res.KeyID)
	seq := ""
	if res.Ack.Sequence > 0 {
		seq = strconv.FormatUint(res.Ack.Sequence, 10)
	}
	repl.Set("webhooks.stream_seq", seq)
}

// refuse answers a request that is not accepted. Where the server has error
// routes they answer; the headers are set already, Retry-After above all. The
// error says no more than the answer would.
func refuse(w http.ResponseWriter, r *http.Request, res *gateway.Result) error {
	if !hasErrorRoutes(r) {
		return answer(w, res)
	}
	header := maps.Clone(res.Header)
	delete(header, "Content-Type") // of a body that is not written
	maps.Copy(w.Header(), header)
	return caddyhttp.Error(res.Status, errors.New(res.Code+" "+res.RequestID))
}

func hasErrorRoutes(r *http.Request) bool {
	srv, ok := r.Context().Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	return ok && srv.Errors != nil && len(srv.Errors.Routes) > 0
}

func answer(w http.ResponseWriter, res *gateway.Result) error {
	_ = res.Write(w) // the sender has gone; it will ask again
	return nil
}

// handsOn reports whether a request with this outcome goes to the next handler:
// a handshake is answered by the gateway, and what is dropped or quarantined is
// not wanted.
func handsOn(o gateway.Outcome) bool {
	return o == gateway.Accepted || o == gateway.Spooled || o == gateway.Duplicate || o == gateway.PassedThrough || o == gateway.EmptyBatch
}

// handOn gives the request to the next handler as it came.
func (h *Handler) handOn(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler, res *gateway.Result) error {
	body := res.RequestBody
	r.Body = io.NopCloser(bytes.NewReader(body))
	r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	r.ContentLength = int64(len(body))
	r.TransferEncoding = nil
	rec := caddyhttp.NewResponseRecorder(w, nil, nil)
	err := next.ServeHTTP(rec, r)
	res.Status = rec.Status()
	if err == nil {
		if res.Status >= 200 && res.Status < 300 {
			h.delivered.add(res)
		}
		return nil
	}
	res.Status = http.StatusInternalServerError
	if known, ok := errors.AsType[caddyhttp.HandlerError](err); ok && known.StatusCode != 0 {
		res.Status = known.StatusCode
	}
	res.Err = fmt.Errorf("handing on: %w", err)
	if hasErrorRoutes(r) {
		return err
	}
	// Caddy would log the request with its headers, of which it hides only four:
	// the secret may be in another.
	if rec.Status() == 0 {
		w.WriteHeader(res.Status)
	}
	return nil
}
