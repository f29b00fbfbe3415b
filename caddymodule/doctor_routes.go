package caddymodule

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/cli"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// widestTolerance is the longest replay window that is not worth a word, unless it is
// the provider's own.
const widestTolerance = time.Hour

// lookAtRoute looks at one webhooks handler, and at what stands before it.
func (d *doctor) lookAtRoute(k *doctorHook) {
	where := k.label()
	for _, b := range k.way.barriers {
		if coversPath(b.paths, k.paths) {
			d.Add("route-shadowed", where, k.place, b.what+" stands before it and takes its path")
			k.shadowed = true
			break
		}
	}
	if k.way.login != "" {
		d.Add("auth-before", where, cmp.Or(d.places.beside(k.place, k.way.login, "basicauth"), k.place), "`"+k.way.login+"` asks for a login first",
			"give `"+k.way.login+"` a matcher that leaves "+pathText(k.paths)+" out, or put it into a `handle`")
	}
	if k.way.rewrites {
		d.Add("route-rewritten", where, cmp.Or(d.places.beside(k.place, "rewrite", "uri"), k.place), "`rewrite` or `uri` without a matcher changes the path before "+pathText(k.paths)+" is matched")
	}
	for _, name := range k.others {
		if slices.Contains([]string{"method", "remote_ip", "client_ip", "header", "protocol", "query", "expression"}, name) {
			d.Add("route-matcher", where, k.place, "the matcher `"+name+"` stands before it")
		}
	}
	if skip, _ := k.raw["insecure_skip_verify"].(bool); skip {
		d.Add("route-unverified", where, k.place, "insecure_skip_verify: nothing is verified")
	}
	if k.raw["quarantine"] == "off" {
		d.Add("quarantine-off", where, k.place, "quarantine off")
	}
	if k.h != nil {
		d.lookAtHandler(k)
	}
}

func pathText(paths []string) string {
	if len(paths) == 0 {
		return "the route's path"
	}
	return strings.Join(paths, " ")
}

// lookAtHandler compares a route with what its sender does.
func (d *doctor) lookAtHandler(k *doctorHook) {
	cfg, where := k.h.route.Config(), k.label()
	p := &cfg.Provider
	largest := cmp.Or(p.MaxBody, 1<<20)
	if k.h.MaxBody > 0 && k.h.MaxBody < largest {
		d.Add("body-limit", where, k.place, fmt.Sprintf("it takes bodies up to %s, and %s sends up to %s", size(k.h.MaxBody), p.Name, size(largest)))
	}
	if limit := k.way.maxBody; limit > 0 && limit < cfg.MaxBody {
		d.Add("body-limit-site", where, cmp.Or(d.places.beside(k.place, "request_body"), k.place),
			fmt.Sprintf("`request_body` takes bodies up to %s, and the route up to %s", size(limit), size(cfg.MaxBody)))
	}
	tolerance := time.Duration(k.h.Tolerance)
	if tolerance > widestTolerance {
		d.Add("tolerance-wide", where, k.place, "tolerance "+tolerance.String())
	}
	if own := time.Duration(k.h.PublishTimeout); own > 0 && p.Deadline > 0 && own >= p.Deadline {
		d.Add("publish-timeout", where, k.place, fmt.Sprintf("it waits up to %s for NATS, and %s waits %s for the answer", own, p.Name, p.Deadline))
	}
	d.lookAtHandshakes(k, p)
	d.lookAtKeeping(k, p)
	d.lookAtURL(k, p)
	d.lookAtAddresses(k)
}

// size writes a number of bytes as a person would.
func size(n int64) string {
	for _, unit := range []struct {
		name  string
		bytes int64
	}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if n >= unit.bytes {
			return strconv.FormatFloat(math.Round(float64(n)/float64(unit.bytes)*10)/10, 'f', -1, 64) + " " + unit.name
		}
	}
	return fmt.Sprintf("%d bytes", n)
}

func (d *doctor) lookAtHandshakes(k *doctorHook, p *verifiers.Provider) {
	if k.h.NoHandshakes {
		if len(p.Handshakes) > 0 {
			d.Add("handshake-off", k.label(), k.place, "handshake off, and "+p.Name+" asks for "+p.Handshakes[0].Name)
		}
		return
	}
	for i := range p.Handshakes {
		for _, option := range []string{p.Handshakes[i].TokenOption, p.Handshakes[i].ConfirmOption} {
			if option == "" || k.h.Options[option] != "" {
				continue
			}
			d.Add("handshake-option", k.label(), k.place, fmt.Sprintf("the handshake %s needs the option %s", p.Handshakes[i].Name, option), "add `"+optionLine(p, option)+"`")
		}
	}
}

// optionLine is how an option is set.
func optionLine(p *verifiers.Provider, name string) string {
	for i := range p.Handshakes {
		if p.Handshakes[i].ConfirmOption == name {
			return "option " + name + " on"
		}
	}
	for _, o := range p.Options {
		if o.Name == name && o.Secret {
			return "option " + name + " {env." + strings.ToUpper(strings.ReplaceAll(p.Name, "-", "_")+"_"+name) + "}"
		}
		if o.Name == name && o.Example != "" {
			return "option " + name + " " + o.Example
		}
	}
	return "option " + name + " <value>"
}

// lookAtKeeping looks at whether events are kept, and remembered, for as long as the
// sender needs.
func (d *doctor) lookAtKeeping(k *doctorHook, p *verifiers.Provider) {
	cfg := k.h.route.Config()
	if cfg.NoPublish {
		return
	}
	where := k.label()
	if p.NeverRetries && k.h.to.NATS != nil && k.h.spool == "off" {
		d.Add("spool-off", where, k.place, p.Name+" never sends again, and the spool is off")
	}
	if k.h.to.BodyStore != nil && k.h.to.BodyStore.Mode == "off" && cfg.MaxBody > 1<<20 {
		d.Add("body-store-off", where, k.place, fmt.Sprintf("%s sends bodies up to %s, and a message has 1 MiB unless the servers are told otherwise", p.Name, size(cfg.MaxBody)))
	}
	stream := k.h.to.Stream
	if own := k.h.to.RouteStreams[k.h.Stream]; own != nil {
		stream = own
	}
	if window := time.Duration(stream.DuplicateWindow); window > 0 && window < p.RetrySpan && !cfg.NoDedupe {
		d.Add("dedupe-window", where, k.place, fmt.Sprintf("%s sends again for up to %s, and ids are remembered for %s", p.Name, p.RetrySpan.Round(time.Second), window))
	}
}

// lookAtURL looks at how the sender reaches the route, which counts where it signs
// that.
func (d *doctor) lookAtURL(k *doctorHook, p *verifiers.Provider) {
	signs := false
	if placer, ok := p.Scheme.(verifiers.Placer); ok {
		signs = placer.Places().Covers.URL
	}
	public, where := k.h.public, k.label()
	if public.scheme == "" {
		if signs && !d.hasTLS(k.doctorSite) && k.doctorSite.raw["trusted_proxies"] == nil {
			cure := "set `public_url https://<the host that is entered at " + p.Name + ">`"
			if len(k.hosts) == 1 {
				cure = "set `public_url https://" + k.hosts[0] + "`"
			}
			d.Add("public-url", where, k.place, p.Name+" signs the URL, which begins with http:// here", cure)
		}
		return
	}
	if u, err := url.Parse(public.base); err == nil && len(k.hosts) > 0 && !fitsHost(k.hosts, u.Hostname()) {
		d.Add("public-url-host", where, k.place, fmt.Sprintf("public_url names %s, and the site is %s", u.Hostname(), strings.Join(k.hosts, ", ")))
	}
	if public.scheme == "http" && d.hasTLS(k.doctorSite) {
		d.Add("https-redirect", where, k.place, "public_url is "+public.base+", and http:// is answered with a redirect", "write `public_url https://"+public.host+public.path+"`, and enter that at the provider")
	}
}

func fitsHost(hosts []string, host string) bool {
	return slices.ContainsFunc(hosts, func(h string) bool {
		if _, rest, ok := strings.Cut(h, "*."); ok {
			_, domain, _ := strings.Cut(host, ".")
			return strings.EqualFold(rest, domain)
		}
		return strings.EqualFold(h, host) || strings.ContainsAny(h, "{}")
	})
}

// hasTLS reports whether the site is served with TLS.
func (d *doctor) hasTLS(s *doctorSite) bool {
	if d.http == nil || d.http.Servers[s.server] == nil {
		return false
	}
	server := d.http.Servers[s.server]
	return len(server.TLSConnPolicies) > 0 && s.port() != "80"
}

// lookAtAddresses looks at whether the address of a request is that of its sender.
func (d *doctor) lookAtAddresses(k *doctorHook) {
	if len(k.h.AllowIPs) == 0 && k.h.ClientRate == nil {
		return
	}
	trusted := k.doctorSite.raw["trusted_proxies"] != nil
	strict, _ := k.doctorSite.raw["trusted_proxies_strict"].(float64)
	place := cmp.Or(d.places.global("servers"), k.place)
	switch headers := texts(k.doctorSite.raw["client_ip_headers"]); {
	case !trusted && !d.hasTLS(k.doctorSite):
		d.Add("trusted-proxies", k.label(), k.place, "the site has no TLS, so that a proxy is in front of it, and no trusted_proxies")
	case trusted && strict == 0 && (len(headers) == 0 || slices.ContainsFunc(headers, func(h string) bool { return strings.EqualFold(h, "X-Forwarded-For") })):
		d.Add("trusted-proxies-strict", k.label(), place, "allow_ips or a limit per client goes by X-Forwarded-For, whose first address counts")
	}
}

// lookAtSources looks at routes that have one source.
func (d *doctor) lookAtSources() {
	for i, k := range d.hooks {
		for _, other := range d.hooks[:i] {
			if k.h == nil || other.h == nil || k.place == other.place && k.place != "" {
				continue // that is imported by several sites
			}
			if k.h.tenantName == other.h.tenantName && k.h.sourceName == other.h.sourceName && !k.h.sourceName.dynamic() {
				d.Add("source-shared", k.label(), k.place, fmt.Sprintf("%s (%s) has the source %s too", other.label(), other.place, k.h.sourceName.String()))
			}
		}
	}
}

// lookAtSites looks at what a site does besides its routes.
func (d *doctor) lookAtSites() {
	if d.http != nil {
		for name, server := range d.http.Servers {
			for _, h := range uncovered(server.Routes, false) {
				for _, k := range d.hooks {
					if k.h == h && k.server == name && !k.shadowed {
						d.Add("catch-all", k.name(), k.place, "a path that is not that of "+k.label()+" is answered with an empty 200")
						break
					}
				}
			}
		}
	}
	seen := make(map[string]bool)
	for _, k := range d.hooks {
		site := k.doctorSite
		if seen[site.name()] {
			continue
		}
		seen[site.name()] = true
		if what := successIn(listAt(mapAt(site.raw, "errors"), "routes"), site.hosts); what != "" {
			d.Add("errors-success", site.name(), d.places.beside(k.place, "handle_errors"), what)
		}
		if d.http == nil || d.hasTLS(site) || site.raw["trusted_proxies"] != nil || k.h == nil || k.h.public.scheme == "https" {
			continue
		}
		if site.public() && site.exposed() {
			d.Add("http-plain", site.name(), d.places.site(k.place), "it is served without TLS")
		}
	}
}

// successIn finds an answer below 400 in the routes for errors.
func successIn(routes []map[string]any, hosts []string) string {
	for _, route := range routes {
		if own := hostsOf(route); len(own) > 0 && len(hosts) > 0 && !slices.ContainsFunc(own, func(h string) bool { return slices.Contains(hosts, h) }) {
			continue // another site's
		}
		for _, handler := range listAt(route, "handle") {
			if handler["handler"] == "subroute" {
				if what := successIn(listAt(handler, "routes"), nil); what != "" {
					return what
				}
			}
			if handler["handler"] != "static_response" {
				continue
			}
			status := caddyhttp.WeakString("")
			decodeInto(handler["status_code"], &status)
			if n := status.Int(); n >= 200 && n < 400 {
				return fmt.Sprintf("errors are answered with %d", n)
			}
		}
	}
	return ""
}

func hostsOf(route map[string]any) (hosts []string) {
	for _, set := range listAt(route, "match") {
		hosts = append(hosts, texts(set["host"])...)
	}
	return hosts
}

// reachable reports whether others than this machine reach an address.
func reachable(listen string) bool {
	a, err := caddy.ParseNetworkAddress(listen)
	return err == nil && !a.IsUnixNetwork() && !a.IsFdNetwork() && !cli.OnlyHere(a.Host)
}

// lookAtAdmin looks at the admin API, and asks it if a Caddy runs.
func (d *doctor) lookAtAdmin(ctx context.Context, o *doctorOptions) {
	admin := mapAt(d.raw, "admin")
	off, _ := admin["disabled"].(bool)
	listen, _ := admin["listen"].(string)
	place := d.places.global("admin")
	switch {
	case off:
		d.Add("admin-off", "", place, "admin off")
	case listen != "" && reachable(listen):
		d.Add("admin-open", "", place, "the admin API listens on "+listen)
	}
	if d.file == "" || off {
		if d.live != nil {
			d.live.Report(d.DoctorReport, o.Address)
		}
		return
	}
	d.admin = cmp.Or(listen, cli.DefaultAdmin)
	live, err := cli.AskRunning(ctx, d.admin)
	if err != nil {
		d.Skipped("the Caddy that runs: none answers at " + d.admin)
		return
	}
	d.live = live
	if !live.Same(d.config) {
		d.Add("running-other-config", "the Caddy at "+d.admin, "", "its configuration is not this one")
	}
	live.Report(d.DoctorReport, d.admin)
}
