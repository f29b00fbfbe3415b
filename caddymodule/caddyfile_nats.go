package caddymodule

import (
	"maps"
	"regexp"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

// connectionName is how further connections are named.
var connectionName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// nats embedded { ... }
// nats [<name>] [<url>...] { ... }
func (a *App) parseNATS(d *caddyfile.Dispenser) error {
	args := d.RemainingArgs()
	name := ""
	switch {
	case len(args) > 1 && args[0] == "embedded":
		return d.Err("nats: write `nats embedded` without further arguments")
	case len(args) > 0 && args[0] == "embedded":
		if a.NATS != nil || a.Embedded != nil {
			return d.Err("nats: there are two connections without a name: remove one of them, or write a name before the URLs")
		}
		a.Embedded = new(Embedded)
		return parseBlock(d, "nats embedded", embeddedSubdirectives, a.Embedded)
	case len(args) > 0 && !strings.ContainsAny(args[0], ":{"):
		if name = args[0]; !connectionName.MatchString(name) {
			return d.Errf("nats: '%s' is neither embedded, nor the URL of a server, nor a name: write `nats embedded`, or such as `nats tls://nats-1:4222`", redact(name))
		}
		args = args[1:]
	}
	c := &Connection{NATS: new(NATS)}
	if err := c.NATS.addURLs(d, args); err != nil {
		return err
	}
	words := namedSubdirectives
	if name == "" {
		words = natsSubdirectives
	}
	if err := parseBlock(d, strings.TrimSpace("nats "+name), words, c); err != nil {
		return err
	}
	if err := c.NATS.checkCaddyfile(d, name); err != nil {
		return err
	}
	switch {
	case name == "" && (a.NATS != nil || a.Embedded != nil):
		return d.Err("nats: there are two connections without a name: remove one of them, or write a name before the URLs")
	case name == "":
		a.NATS = c.NATS
		return nil
	case a.Connections[name] != nil:
		return d.Errf("nats: the connection '%s' is given twice: remove one of them", name)
	}
	if a.Connections == nil {
		a.Connections = make(map[string]*Connection)
	}
	a.Connections[name] = c
	return nil
}

// addURLs takes URLs, and placeholders that stand for some.
func (n *NATS) addURLs(d *caddyfile.Dispenser, urls []string) error {
	for _, raw := range urls {
		if err := checkServerURL(raw); err != nil && !isPlaceholder(raw) {
			return d.Errf("nats: %w", err)
		}
	}
	n.URLs = append(n.URLs, urls...)
	return nil
}

// checkCaddyfile finds mistakes where the line is still known.
func (n *NATS) checkCaddyfile(d *caddyfile.Dispenser, name string) error {
	switch {
	case len(n.URLs) == 0 && n.Context == "" && name != "":
		return d.Errf("nats: the connection '%s' has no servers: write their URLs after the name, or `context <name>` of the nats tool in its block", name)
	case len(n.URLs) == 0 && n.Context == "":
		return d.Err("nats: write `nats embedded`, the servers' URLs such as `nats tls://nats-1:4222`, or `context <name>` of the nats tool in its block")
	}
	for _, s := range []struct{ name, value string }{{"nkey", n.NKey}, {"password", n.Password}, {"token", n.Token}} {
		if s.value == "" {
			continue
		}
		if err := checkSecretReference(s.value); err != nil {
			return d.Errf("nats: %s: %w", s.name, err)
		}
	}
	return nil
}

// natsSubdirectives are those of the connection without a name, whose streams
// are in the global block.
var natsSubdirectives = map[string]subdirective[*Connection]{
	"url": {parse: func(c *Connection, d *caddyfile.Dispenser) error {
		args := d.RemainingArgs()
		if len(args) == 0 {
			return d.ArgErr()
		}
		return c.NATS.addURLs(d, args)
	}, repeat: true},
	"context":          {parse: func(c *Connection, d *caddyfile.Dispenser) error { return parseString(d, &c.NATS.Context) }},
	"credentials":      {parse: func(c *Connection, d *caddyfile.Dispenser) error { return parseString(d, &c.NATS.Credentials) }},
	"nkey":             {parse: func(c *Connection, d *caddyfile.Dispenser) error { return parseString(d, &c.NATS.NKey) }},
	"user":             {parse: func(c *Connection, d *caddyfile.Dispenser) error { return parseString(d, &c.NATS.User) }},
	"password":         {parse: func(c *Connection, d *caddyfile.Dispenser) error { return parseString(d, &c.NATS.Password) }},
	"token":            {parse: func(c *Connection, d *caddyfile.Dispenser) error { return parseString(d, &c.NATS.Token) }},
	"tls":              {parse: (*Connection).parseTLS},
	"jetstream_domain": {parse: func(c *Connection, d *caddyfile.Dispenser) error { return parseString(d, &c.NATS.Domain) }},
	"api_prefix":       {parse: func(c *Connection, d *caddyfile.Dispenser) error { return parseString(d, &c.NATS.APIPrefix) }},
	"inbox_prefix":     {parse: func(c *Connection, d *caddyfile.Dispenser) error { return parseString(d, &c.NATS.InboxPrefix) }},
}

// namedSubdirectives are those of the connections with a name.
var namedSubdirectives = withWords(natsSubdirectives, map[string]subdirective[*Connection]{
	"stream": {parse: func(c *Connection, d *caddyfile.Dispenser) error { return parseStream(d, &c.Stream) }},
	"route_stream": {repeat: true, parse: func(c *Connection, d *caddyfile.Dispenser) error {
		return parseRouteStream(d, &c.RouteStreams)
	}},
	"unverified_stream": {parse: func(c *Connection, d *caddyfile.Dispenser) error {
		return parseStream(d, &c.UnverifiedStream)
	}},
	"quarantine_stream": {parse: func(c *Connection, d *caddyfile.Dispenser) error {
		return parseStream(d, &c.QuarantineStream)
	}},
	"max_pending": {parse: func(c *Connection, d *caddyfile.Dispenser) error { return parseCount(d, &c.MaxPending) }},
})

func withWords[T any](words, more map[string]subdirective[T]) map[string]subdirective[T] {
	all := maps.Clone(words)
	maps.Copy(all, more)
	return all
}

// tls { ... }
func (c *Connection) parseTLS(d *caddyfile.Dispenser) error {
	if d.NextArg() {
		return d.ArgErr()
	}
	c.NATS.TLS = new(TLS)
	return parseBlock(d, "tls", map[string]subdirective[*TLS]{
		"ca":              {parse: func(t *TLS, d *caddyfile.Dispenser) error { return parseString(d, &t.CA) }},
		"cert":            {parse: func(t *TLS, d *caddyfile.Dispenser) error { return parseString(d, &t.Cert) }},
		"key":             {parse: func(t *TLS, d *caddyfile.Dispenser) error { return parseString(d, &t.Key) }},
		"handshake_first": {parse: func(t *TLS, d *caddyfile.Dispenser) error { return parseFlag(d, &t.First) }},
	}, c.NATS.TLS)
}
