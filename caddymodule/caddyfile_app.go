package caddymodule

import (
	"strconv"

	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/providers"
)

func init() {
	httpcaddyfile.RegisterGlobalOption("webhooks", parseGlobal)
}

// parseGlobal sets up the app from the global option. Syntax:
//
//	webhooks {
//		public_url <url>
//		instance   <name>
//		nats embedded {
//			store_dir <directory>
//			listen    <host:port>
//			sync      always | interval [<duration>]
//			group_commit on|off
//			max_store <size>
//		}
//		nats [<name>] [<url>...] {
//			url              <url>...
//			context          <name>
//			credentials      <file>
//			nkey             <placeholder>
//			user             <name>
//			password         <placeholder>
//			token            <placeholder>
//			tls {
//				ca   <file>
//				cert <file>
//				key  <file>
//				handshake_first
//			}
//			jetstream_domain <name>
//			api_prefix       <subject>
//			inbox_prefix     <subject>
//			stream|unverified_stream|quarantine_stream [<name>] { ... }
//			max_pending      <n>
//		}
//		route_stream <name> { ... }
//		stream|unverified_stream|quarantine_stream|ops_stream [<name>] {
//			replicas         <n>
//			max_age          <duration>
//			max_bytes        <size>
//			duplicate_window <duration>
//			preflight        strict|warn|off
//			create           on|off
//		}
//		body_store object_store [<bucket>] {
//			above     <size>
//			max_bytes <size>
//		}
//		body_store off
//		spool [off|on_outage|always] {
//			dir      <directory>
//			max_size <size>
//			max_age  <duration>
//		}
//		preflight_interval <duration>
//		attest <placeholder>
//		signature_samples [off] {
//			per_source <n>
//			total      <n>
//			max_body   <size>
//			rate       <n>/<unit> [burst <n>]
//		}
//		max_pending <n>
//		max_memory  <size>
//		provider <name> {
//			verify        <scheme> [<hash>] { ... }
//			event_id      <value>
//			event_type    <value>
//			event_time    <value>
//			batch         [</pointer>] {
//				in   <value>
//				id   <value>
//				type <value>
//				time <value>
//			}
//			varies        </pointer>...
//			type_prefix   <prefix>
//			methods       <method>...
//			content_types <type>...
//			headers       <name>...
//			max_body      <size>
//			deadline      <duration>
//			retries       <duration>
//		}
//	}
func parseGlobal(d *caddyfile.Dispenser, existing any) (any, error) {
	if existing != nil {
		d.Next()
		return nil, d.Err("the global option webhooks is given twice: join the two blocks")
	}
	app := new(App)
	if err := app.UnmarshalCaddyfile(d); err != nil {
		return nil, err
	}
	return httpcaddyfile.App{Name: "webhooks", Value: caddyconfig.JSON(app, nil)}, nil
}

// UnmarshalCaddyfile reads the global option; its grammar is at parseGlobal.
func (a *App) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // consume option name
	if d.NextArg() {
		return d.ArgErr()
	}
	return parseBlock(d, "webhooks", globalSubdirectives, a)
}

var globalSubdirectives = map[string]subdirective[*App]{
	"public_url": {parse: func(a *App, d *caddyfile.Dispenser) error { return parsePublicURLInto(d, &a.PublicURL) }},
	"instance":   {parse: func(a *App, d *caddyfile.Dispenser) error { return parseString(d, &a.Instance) }},
	"nats":       {parse: (*App).parseNATS, repeat: true},
	"stream":     {parse: func(a *App, d *caddyfile.Dispenser) error { return parseStream(d, &a.Stream) }},
	"route_stream": {repeat: true, parse: func(a *App, d *caddyfile.Dispenser) error {
		return parseRouteStream(d, &a.RouteStreams)
	}},
	"unverified_stream": {parse: func(a *App, d *caddyfile.Dispenser) error {
		return parseStream(d, &a.UnverifiedStream)
	}},
	"quarantine_stream": {parse: func(a *App, d *caddyfile.Dispenser) error {
		return parseStream(d, &a.QuarantineStream)
	}},
	"ops_stream":         {parse: func(a *App, d *caddyfile.Dispenser) error { return parseStream(d, &a.OpsStream) }},
	"body_store":         {parse: (*App).parseBodyStore},
	"spool":              {parse: (*App).parseSpool},
	"preflight_interval": {parse: func(a *App, d *caddyfile.Dispenser) error { return parseDuration(d, &a.PreflightInterval) }},
	"max_pending":        {parse: func(a *App, d *caddyfile.Dispenser) error { return parseCount(d, &a.MaxPending) }},
	"max_memory":         {parse: func(a *App, d *caddyfile.Dispenser) error { return parseSize(d, &a.MaxMemory) }},
	"provider":           {parse: (*App).parseProvider, repeat: true},
	"attest":             {parse: (*App).parseAttest},
	"signature_samples":  {parse: (*App).parseSamples},
}

var embeddedSubdirectives = map[string]subdirective[*Embedded]{
	"store_dir": {parse: func(e *Embedded, d *caddyfile.Dispenser) error { return parseString(d, &e.StoreDir) }},
	"listen":    {parse: func(e *Embedded, d *caddyfile.Dispenser) error { return parseString(d, &e.Listen) }},
	"sync":      {parse: (*Embedded).parseSync},
	"group_commit": {parse: func(e *Embedded, d *caddyfile.Dispenser) error {
		return parseWord(d, &e.GroupCommit, "on", "off")
	}},
	"max_store": {parse: func(e *Embedded, d *caddyfile.Dispenser) error { return parseSize(d, &e.MaxStore) }},
}

// sync always | interval [<duration>]
func (e *Embedded) parseSync(d *caddyfile.Dispenser) error {
	if !d.NextArg() || (d.Val() != syncAlways && d.Val() != syncOften) {
		return d.Err("sync: write `sync always` or `sync interval [<duration>]`")
	}
	e.Sync = d.Val()
	if e.Sync == syncOften && d.CountRemainingArgs() > 0 {
		return parseDuration(d, &e.SyncInterval)
	}
	if d.NextArg() {
		return d.ArgErr()
	}
	return nil
}

// parseStream reads [<name>] { ... }.
func parseStream(d *caddyfile.Dispenser, into **Stream) error {
	s := new(Stream)
	if d.CountRemainingArgs() > 0 {
		if err := parseString(d, &s.Name); err != nil {
			return err
		}
	}
	*into = s
	return parseBlock(d, "stream", map[string]subdirective[*Stream]{
		"replicas":         {parse: func(s *Stream, d *caddyfile.Dispenser) error { return parseCount(d, &s.Replicas) }},
		"max_age":          {parse: func(s *Stream, d *caddyfile.Dispenser) error { return parseDuration(d, &s.MaxAge) }},
		"max_bytes":        {parse: func(s *Stream, d *caddyfile.Dispenser) error { return parseSize(d, &s.MaxBytes) }},
		"duplicate_window": {parse: func(s *Stream, d *caddyfile.Dispenser) error { return parseDuration(d, &s.DuplicateWindow) }},
		"preflight": {parse: func(s *Stream, d *caddyfile.Dispenser) error {
			return parseWord(d, &s.Preflight, preflightStrict, preflightWarn, preflightOff)
		}},
		"create": {parse: func(s *Stream, d *caddyfile.Dispenser) error { return parseWord(d, &s.Create, "on", "off") }},
	}, s)
}

// provider <name> { ... }
func (a *App) parseProvider(d *caddyfile.Dispenser) error {
	var name string
	if err := parseString(d, &name); err != nil {
		return err
	}
	if _, taken := providers.Lookup(name); taken || name == genericName {
		return d.Errf("provider: '%s' is in the catalogue already: choose another name", redact(name))
	}
	if a.Providers[name] != nil {
		return d.Errf("provider '%s' is given twice: remove one of them", redact(name))
	}
	if a.Providers == nil {
		a.Providers = make(map[string]*CustomProvider)
	}
	p := new(CustomProvider)
	a.Providers[name] = p
	if err := parseBlock(d, "provider", providerSubdirectives, p); err != nil {
		return err
	}
	if p.Verify == nil {
		return d.Errf("provider '%s': verify is missing: say how it signs, such as `verify hmac sha256 { ... }`", redact(name))
	}
	return nil
}

var providerSubdirectives = map[string]subdirective[*CustomProvider]{
	"verify": {parse: func(p *CustomProvider, d *caddyfile.Dispenser) error {
		s, err := parseVerify(d)
		p.Verify = s
		return err
	}},
	"event_id":      {parse: func(p *CustomProvider, d *caddyfile.Dispenser) error { return parseEvent(d, &p.EventID) }},
	"event_type":    {parse: func(p *CustomProvider, d *caddyfile.Dispenser) error { return parseEvent(d, &p.EventType) }},
	"event_time":    {parse: func(p *CustomProvider, d *caddyfile.Dispenser) error { return parseEvent(d, &p.EventTime) }},
	"batch":         {parse: parseElements},
	"varies":        {parse: func(p *CustomProvider, d *caddyfile.Dispenser) error { return parseList(d, &p.Varies) }},
	"addresses":     {repeat: true, parse: parseAddressList},
	"type_prefix":   {parse: func(p *CustomProvider, d *caddyfile.Dispenser) error { return parseString(d, &p.TypePrefix) }},
	"methods":       {parse: func(p *CustomProvider, d *caddyfile.Dispenser) error { return parseList(d, &p.Methods) }},
	"content_types": {parse: func(p *CustomProvider, d *caddyfile.Dispenser) error { return parseList(d, &p.ContentTypes) }},
	"headers":       {parse: func(p *CustomProvider, d *caddyfile.Dispenser) error { return parseList(d, &p.Headers) }},
	"max_body":      {parse: func(p *CustomProvider, d *caddyfile.Dispenser) error { return parseSize(d, &p.MaxBody) }},
	"deadline":      {parse: func(p *CustomProvider, d *caddyfile.Dispenser) error { return parseDuration(d, &p.Deadline) }},
	"retries":       {parse: func(p *CustomProvider, d *caddyfile.Dispenser) error { return parseDuration(d, &p.Retries) }},
}

// addresses <url> [</pointer>...]
func parseAddressList(p *CustomProvider, d *caddyfile.Dispenser) error {
	args := d.RemainingArgs()
	if len(args) == 0 {
		return d.Err("addresses takes the URL of a list, and the JSON Pointers of the addresses unless it is text: " +
			"write `addresses https://example.com/ips.json /webhooks`")
	}
	p.Addresses = append(p.Addresses, verifiers.AddressList{URL: args[0], Pointers: args[1:]})
	return nil
}

// batch [</pointer>] { ... }
func parseElements(p *CustomProvider, d *caddyfile.Dispenser) error {
	p.Batch = new(verifiers.Batch)
	switch args := d.RemainingArgs(); {
	case len(args) > 1, len(args) == 1 && args[0][0] != '/':
		return d.Err("batch takes the JSON Pointer of the array, such as `batch /events`, or nothing if the body is the array")
	case len(args) == 1:
		p.Batch.Elements = args[0]
	}
	return parseBlock(d, "batch", map[string]subdirective[*verifiers.Batch]{
		"in":   {parse: func(b *verifiers.Batch, d *caddyfile.Dispenser) error { return parseEvent(d, &b.In) }},
		"id":   {parse: func(b *verifiers.Batch, d *caddyfile.Dispenser) error { return parseEvent(d, &b.ID) }},
		"type": {parse: func(b *verifiers.Batch, d *caddyfile.Dispenser) error { return parseEvent(d, &b.Type) }},
		"time": {parse: func(b *verifiers.Batch, d *caddyfile.Dispenser) error { return parseEvent(d, &b.Time) }},
	}, p.Batch)
}

func parseCount(d *caddyfile.Dispenser, into *int) error {
	var text string
	word := d.Val()
	if err := parseString(d, &text); err != nil {
		return err
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return d.Errf("%s: '%s' is not a number of 1 or more", word, redact(text))
	}
	*into = n
	return nil
}

var _ caddyfile.Unmarshaler = (*App)(nil)
