package caddymodule

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers/providers"
)

func init() {
	// Not as a handler directive: the default of source comes from the matcher.
	httpcaddyfile.RegisterDirective("webhooks", parseDirective)
	httpcaddyfile.RegisterDirectiveOrder("webhooks", httpcaddyfile.Before, "invoke")
}

// parseDirective sets up the handler from Caddyfile tokens. Syntax:
//
//	webhooks [<matcher>] <provider> [<secret>...] {
//		source                  <name or placeholder>
//		tenant                  <name or placeholder>
//		public_url              <url>
//		secret                  <placeholder> {
//			id    <name>
//			until <RFC 3339>
//		}
//		secrets_from            dir <path>
//		secrets_from            nats_kv <bucket> [<key>] {
//			nats <name>
//		}
//		verify                  <scheme> [<hash>] { ... }
//		tolerance               <duration>
//		capture_secret          <file>
//		option                  <name> <value>
//		handshake               off
//		insecure_skip_verify
//		insecure_literal_secret
//		methods                 <method>...
//		content_types           <type>...
//		allow_ips               <address or prefix>...
//		limits {
//			body         <size>
//			read_timeout <duration>
//			requests     <n>
//			memory       <size>
//		}
//		rate_limit              <n>/<unit> [burst <n>] [per source|tenant|client]
//		event_id                <value>
//		event_type              <value>
//		event_time              <value>
//		order_key               <value>
//		batch                   split|whole
//		accept                  <glob>...
//		accept                  expression <cel>
//		drop                    <glob>...
//		drop                    expression <cel>
//		schema {
//			dir          <directory>
//			type         <glob> <file>
//			unknown_type accept|invalid
//			on_invalid   quarantine|tag|reject
//		}
//		dedupe                  off
//		publish                 off
//		publish {
//			nats    <connection>
//			headers <name>...
//			timeout <duration>
//			stream     <name>
//			partitions <n>
//		}
//		quarantine              on|off
//		spool                   off|on_outage|always
//		respond                 accepted <status> [<body> [<type>]]
//		pass_thru
//	}
//
// Secrets on the line are the newest first. The grammar of a value is at
// [parseSource], that of verify at [parseVerify].
func parseDirective(h httpcaddyfile.Helper) ([]httpcaddyfile.ConfigValue, error) {
	if !h.Next() {
		return nil, h.ArgErr()
	}
	matcher, err := h.ExtractMatcherSet()
	if err != nil {
		return nil, err
	}
	handler := new(Handler)
	if err := handler.UnmarshalCaddyfile(h.Dispenser); err != nil {
		return nil, err
	}
	if err := checkProvider(h, handler); err != nil {
		return nil, err
	}
	if handler.Source == "" {
		handler.Source = defaultSource(matcher, handler.Provider)
	}
	return h.NewRoute(matcher, handler), nil
}

// UnmarshalCaddyfile reads the directive without its matcher; its grammar is at
// parseDirective.
func (h *Handler) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // consume directive name
	h.Origin = fmt.Sprintf("%s:%d", d.File(), d.Line())
	if !d.NextArg() {
		return d.Err("the provider is missing: write `webhooks [<matcher>] <provider> <secret>`, such as `webhooks /github github {env.GITHUB_SECRET}`")
	}
	h.Provider = d.Val()
	if strings.ContainsAny(h.Provider, "/{}") {
		return d.Errf("'%s' is not a provider: write the provider before the secret, such as `webhooks /github github {env.GITHUB_SECRET}`", redact(h.Provider))
	}
	for d.NextArg() {
		h.Secrets = append(h.Secrets, Secret{Secret: d.Val()})
	}
	if err := parseBlock(d, "webhooks", subdirectives, h); err != nil {
		return err
	}
	return h.checkSecrets(d)
}

// checkSecrets refuses secrets that are written out, so that the adapted
// configuration never contains one.
func (h *Handler) checkSecrets(d *caddyfile.Dispenser) error {
	for _, s := range h.Secrets {
		err := checkSecretReference(s.Secret)
		if err != nil && (!h.InsecureLiteralSecret || !errors.Is(err, ErrLiteralSecret)) {
			return d.WrapErr(fmt.Errorf("webhooks route %s: %w", h.label(), err))
		}
	}
	p, _ := providers.Lookup(h.Provider) // others have no secret options
	for _, o := range p.Options {
		value, given := h.Options[o.Name]
		if !given || !o.Secret {
			continue
		}
		if err := checkSecretReference(value); err != nil && (!h.InsecureLiteralSecret || !errors.Is(err, ErrLiteralSecret)) {
			return d.WrapErr(fmt.Errorf("webhooks route %s: option %s: %w", h.label(), o.Name, err))
		}
	}
	return nil
}

// subdirectives of the directive webhooks.
var subdirectives = map[string]subdirective[*Handler]{
	"source":                  {parse: (*Handler).parseSourceName},
	"tenant":                  {parse: (*Handler).parseTenant},
	"public_url":              {parse: (*Handler).parsePublicURL},
	"secret":                  {parse: (*Handler).parseSecret, repeat: true},
	"secrets_from":            {parse: (*Handler).parseSecretsFrom},
	"verify":                  {parse: (*Handler).parseVerify},
	"tolerance":               {parse: (*Handler).parseTolerance},
	"capture_secret":          {parse: (*Handler).parseCaptureSecret},
	"key_document":            {parse: (*Handler).parseKeyDocument, repeat: true},
	"option":                  {parse: (*Handler).parseOption, repeat: true},
	"handshake":               {parse: (*Handler).parseHandshake},
	"insecure_skip_verify":    {parse: (*Handler).parseSkipVerify},
	"insecure_literal_secret": {parse: (*Handler).parseLiteralSecret},
	"methods":                 {parse: (*Handler).parseMethods},
	"content_types":           {parse: (*Handler).parseContentTypes},
	"allow_ips":               {parse: (*Handler).parseAllowIPs},
	"limits":                  {parse: (*Handler).parseLimits},
	"rate_limit":              {parse: (*Handler).parseRateLimit, repeat: true},
	"event_id":                {parse: (*Handler).parseEventID},
	"event_type":              {parse: (*Handler).parseEventType},
	"event_time":              {parse: (*Handler).parseEventTime},
	"order_key":               {parse: (*Handler).parseOrderKey},
	"batch":                   {parse: (*Handler).parseBatch},
	"accept":                  {parse: (*Handler).parseAccept, repeat: true},
	"drop":                    {parse: (*Handler).parseDrop, repeat: true},
	"schema":                  {parse: (*Handler).parseSchema},
	"strict_json":             {parse: (*Handler).parseStrictJSON},
	"dedupe":                  {parse: (*Handler).parseDedupe},
	"publish":                 {parse: (*Handler).parsePublish},
	"quarantine":              {parse: (*Handler).parseQuarantine},
	"spool":                   {parse: (*Handler).parseSpool},
	"respond":                 {parse: (*Handler).parseRespond},
	"pass_thru":               {parse: (*Handler).parsePassThru},
}

// subdirective is one word of a block.
type subdirective[T any] struct {
	parse  func(T, *caddyfile.Dispenser) error
	repeat bool
}

// parseBlock reads a block, if there is one. A word that is unknown, or given
// twice, is an error.
func parseBlock[T any](d *caddyfile.Dispenser, name string, words map[string]subdirective[T], into T) error {
	seen := make(map[string]bool)
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		word := d.Val()
		sub, known := words[word]
		switch {
		case word == "{":
			return d.Errf("a block is not expected here, in '%s'", name)
		case !known:
			return d.Errf("unrecognized subdirective '%s' in '%s': write %s", redact(word), name,
				strings.Join(slices.Sorted(maps.Keys(words)), ", "))
		case seen[word] && !sub.repeat:
			return d.Errf("'%s' is given twice in '%s': remove one of them", word, name)
		}
		seen[word] = true
		if err := sub.parse(into, d); err != nil {
			return err
		}
	}
	return nil
}

// redact keeps an error from showing what may be a misplaced secret.
func redact(word string) string {
	if len(word) > 24 && !isPlaceholder(word) {
		return "(a long word)"
	}
	return word
}

// checkProvider finds misspelt providers where the line is still known.
func checkProvider(h httpcaddyfile.Helper, handler *Handler) error {
	name := handler.Provider
	if name == genericName {
		return nil
	}
	if _, ok := providers.Lookup(name); ok {
		return nil
	}
	if app, ok := h.Option("webhooks").(httpcaddyfile.App); ok {
		var cfg App
		if err := json.Unmarshal(app.Value, &cfg); err == nil && cfg.Providers[name] != nil {
			return nil
		}
	}
	return h.Errf("webhooks route %s: %v", handler.label(), unknownProvider(name))
}

// defaultSource is the path's token that is the provider's name, if there is
// one, else the path's first token that is a name. Without a path it is the
// provider's name.
func defaultSource(matcher caddy.ModuleMap, provider string) string {
	var paths []string
	if raw, ok := matcher["path"]; ok {
		_ = json.Unmarshal(raw, &paths) // made by Caddy
	}
	if len(paths) == 0 {
		return provider
	}
	var names []string
	for token := range strings.SplitSeq(paths[0], "/") {
		if token == provider {
			return provider
		}
		if token != "" && !strings.ContainsAny(token, "*{}") {
			names = append(names, token)
		}
	}
	if len(names) == 0 {
		return provider
	}
	return names[0]
}

var _ caddyfile.Unmarshaler = (*Handler)(nil)
