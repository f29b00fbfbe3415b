package gateway

import (
	"net/http"
	"net/netip"
	"net/url"
	"time"
)

// ServeHTTP handles a request where nothing stands before this server: the
// sender's address is that of the connection, and the public URL is put
// together from the connection, the Host header and the request line. Behind a
// proxy, call [Route.Handle] with the right ones.
func (rt *Route) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	req := Request{Request: r, URL: publicURL(r)}
	if peer, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		req.Remote = peer.Addr()
	}
	res := rt.Handle(w, req)
	_ = res.Write(w) // the sender has gone; it will ask again
}

// Paths serves several routes, each at exactly one path. Any other path is
// [NotFound], before the body is read.
type Paths map[string]*Route

// ServeHTTP hands the request to the route at its path.
func (p Paths) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if rt := p[r.URL.Path]; rt != nil {
		rt.ServeHTTP(w, r)
		return
	}
	// The server drains what the sender has still to send, and must not wait
	// for it for ever. Where it cannot have a deadline, it has its own.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(defaultReadTimeout))
	abandon(r)
	res := Refusal(NotFound)
	_ = res.Write(w) // the sender has gone
}

// publicURL puts the URL together that the sender addressed. The request line
// counts, since handlers before this one may have changed r.URL.
func publicURL(r *http.Request) *url.URL {
	u := *r.URL
	if line, err := url.ParseRequestURI(r.RequestURI); err == nil {
		u = *line
	}
	u.Scheme, u.Host = "http", r.Host
	if r.TLS != nil {
		u.Scheme = "https"
	}
	return &u
}

var (
	_ http.Handler = (*Route)(nil)
	_ http.Handler = Paths(nil)
)
