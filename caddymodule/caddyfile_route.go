package caddymodule

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/dustin/go-humanize"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// source <name or placeholder>
func (h *Handler) parseSourceName(d *caddyfile.Dispenser) error { return parseString(d, &h.Source) }

// tenant <name or placeholder>
func (h *Handler) parseTenant(d *caddyfile.Dispenser) error { return parseString(d, &h.Tenant) }

// secrets_from <store> <arguments>...
func (h *Handler) parseSecretsFrom(d *caddyfile.Dispenser) error {
	var name string
	if !d.Args(&name) {
		return d.Err("secrets_from takes a store: write `secrets_from dir <path>` or `secrets_from nats_kv <bucket> [<key>]`")
	}
	mod, err := caddyfile.UnmarshalModule(d, secretsNamespace+"."+name)
	if err != nil {
		return err
	}
	store, ok := mod.(SecretStore)
	if !ok {
		return d.WrapErr(fmt.Errorf("secrets_from: the module %s is no store of secrets", redact(name)))
	}
	h.SecretsFrom = caddyconfig.JSONModuleObject(store, "store", name, nil)
	return nil
}

// public_url <url>
func (h *Handler) parsePublicURL(d *caddyfile.Dispenser) error {
	return parsePublicURLInto(d, &h.PublicURL)
}

// secret <placeholder> {
//
//	id    <name>
//	until <RFC 3339>
//
// }
func (h *Handler) parseSecret(d *caddyfile.Dispenser) error {
	var s Secret
	if !d.AllArgs(&s.Secret) {
		return d.Err("secret takes one placeholder: write `secret {env.NAME}` or `secret {file./absolute/path}`")
	}
	err := parseBlock(d, "secret", map[string]subdirective[*Secret]{
		"id": {parse: func(s *Secret, d *caddyfile.Dispenser) error { return parseString(d, &s.ID) }},
		"until": {parse: func(s *Secret, d *caddyfile.Dispenser) error {
			var text string
			if err := parseString(d, &text); err != nil {
				return err
			}
			until, err := time.Parse(time.RFC3339, text)
			if err != nil {
				return d.Errf("until: '%s' is not a time: write it as 2026-12-01T00:00:00Z", redact(text))
			}
			s.Until = until
			return nil
		}},
	}, &s)
	h.Secrets = append(h.Secrets, s)
	return err
}

// verify <scheme> [<hash>] { ... }
func (h *Handler) parseVerify(d *caddyfile.Dispenser) error {
	s, err := parseVerify(d)
	h.Verify = s
	return err
}

// tolerance <duration>
func (h *Handler) parseTolerance(d *caddyfile.Dispenser) error { return parseDuration(d, &h.Tolerance) }

// capture_secret <file>
func (h *Handler) parseCaptureSecret(d *caddyfile.Dispenser) error {
	return parseString(d, &h.CaptureSecret)
}

// option <name> <value>
func (h *Handler) parseOption(d *caddyfile.Dispenser) error {
	args := d.RemainingArgs()
	if len(args) < 2 {
		return d.Err("option takes a name and a value: write `option <name> <value>`")
	}
	if _, twice := h.Options[args[0]]; twice {
		return d.Errf("option '%s' is given twice: remove one of them", redact(args[0]))
	}
	if h.Options == nil {
		h.Options = make(map[string]string)
	}
	h.Options[args[0]] = strings.Join(args[1:], " ")
	return nil
}

// handshake off
func (h *Handler) parseHandshake(d *caddyfile.Dispenser) error {
	return parseOff(d, &h.NoHandshakes)
}

// insecure_skip_verify
func (h *Handler) parseSkipVerify(d *caddyfile.Dispenser) error {
	return parseFlag(d, &h.InsecureSkipVerify)
}

// insecure_literal_secret
func (h *Handler) parseLiteralSecret(d *caddyfile.Dispenser) error {
	return parseFlag(d, &h.InsecureLiteralSecret)
}

// methods <method>...
func (h *Handler) parseMethods(d *caddyfile.Dispenser) error { return parseList(d, &h.Methods) }

// content_types <type>...
func (h *Handler) parseContentTypes(d *caddyfile.Dispenser) error {
	return parseList(d, &h.ContentTypes)
}

// allow_ips <address or prefix>|provider...
func (h *Handler) parseAllowIPs(d *caddyfile.Dispenser) error { return parseList(d, &h.AllowIPs) }

// limits {
//
//	body         <size>
//	decompressed <size> [ratio <n>]
//	read_timeout <duration>
//	min_rate     <size>/s
//	requests     <n>
//	memory       <size>
//
// }
func (h *Handler) parseLimits(d *caddyfile.Dispenser) error {
	if d.NextArg() {
		return d.ArgErr()
	}
	return parseBlock(d, "limits", map[string]subdirective[*Handler]{
		"body":         {parse: func(h *Handler, d *caddyfile.Dispenser) error { return parseSize(d, &h.MaxBody) }},
		"decompressed": {parse: (*Handler).parseDecompressed},
		"read_timeout": {parse: func(h *Handler, d *caddyfile.Dispenser) error { return parseDuration(d, &h.ReadTimeout) }},
		"min_rate":     {parse: func(h *Handler, d *caddyfile.Dispenser) error { return parseMinRate(d, &h.MinRate) }},
		"requests":     {parse: func(h *Handler, d *caddyfile.Dispenser) error { return parseCount(d, &h.MaxRequests) }},
		"memory":       {parse: func(h *Handler, d *caddyfile.Dispenser) error { return parseSize(d, &h.MaxMemory) }},
	}, h)
}

// rate_limit <n>/<unit> [burst <n>] [per source|tenant|client]
//
// The unit is s, m, h or a duration such as 10s.
func (h *Handler) parseRateLimit(d *caddyfile.Dispenser) error {
	args := d.RemainingArgs()
	rate, ok := parseRate(args)
	if !ok {
		return d.Err("rate_limit: write `rate_limit <n>/<unit> [burst <n>] [per source|tenant|client]`, such as `rate_limit 100/s burst 200`")
	}
	into, per := &h.SourceRate, "source"
	for rest := args[1:]; len(rest) > 0; rest = rest[2:] {
		switch {
		case len(rest) < 2:
			return d.Errf("rate_limit: '%s' needs a value", redact(rest[0]))
		case rest[0] == "burst":
			n, err := strconv.Atoi(rest[1])
			if err != nil || n < 1 {
				return d.Errf("rate_limit: '%s' is not a burst: write a number of 1 or more", redact(rest[1]))
			}
			rate.Burst = n
		case rest[0] == "per" && rest[1] == "source":
			into, per = &h.SourceRate, "source"
		case rest[0] == "per" && rest[1] == "tenant":
			into, per = &h.TenantRate, "tenant"
		case rest[0] == "per" && rest[1] == "client":
			into, per = &h.ClientRate, "client"
		default:
			return d.Errf("rate_limit: '%s %s' is not understood: write `burst <n>`, `per source`, `per tenant` or `per client`", redact(rest[0]), redact(rest[1]))
		}
	}
	if *into != nil {
		return d.Errf("'rate_limit' per %s is given twice: remove one of them", per)
	}
	*into = rate
	return nil
}

func parseRate(args []string) (*Rate, bool) {
	if len(args) == 0 {
		return nil, false
	}
	count, unit, found := strings.Cut(args[0], "/")
	n, err := strconv.Atoi(count)
	if !found || err != nil || n < 1 {
		return nil, false
	}
	if unit != "" && (unit[0] < '0' || unit[0] > '9') {
		unit = "1" + unit
	}
	per, err := caddy.ParseDuration(unit)
	if err != nil || per <= 0 {
		return nil, false
	}
	return &Rate{Count: n, Per: caddy.Duration(per)}, true
}

// event_id <value>
func (h *Handler) parseEventID(d *caddyfile.Dispenser) error { return parseEvent(d, &h.EventID) }

// event_type <value>
func (h *Handler) parseEventType(d *caddyfile.Dispenser) error { return parseEvent(d, &h.EventType) }

// event_time <value>
func (h *Handler) parseEventTime(d *caddyfile.Dispenser) error { return parseEvent(d, &h.EventTime) }

// order_key <value>
func (h *Handler) parseOrderKey(d *caddyfile.Dispenser) error { return parseEvent(d, &h.OrderKey) }

func parseEvent(d *caddyfile.Dispenser, into *verifiers.Source) error {
	s, rest, err := parseSource(d, d.Val())
	if err != nil {
		return err
	}
	if len(rest) > 0 {
		return d.ArgErr()
	}
	*into = s
	return nil
}

// batch split|whole
func (h *Handler) parseBatch(d *caddyfile.Dispenser) error {
	return parseWord(d, &h.Batch, batchSplit, batchWhole)
}

// accept <glob>...
//
// accept expression <cel>
func (h *Handler) parseAccept(d *caddyfile.Dispenser) error {
	return parseFilter(d, &h.Accept, &h.AcceptIf)
}

// drop <glob>...
//
// drop expression <cel>
func (h *Handler) parseDrop(d *caddyfile.Dispenser) error { return parseFilter(d, &h.Drop, &h.DropIf) }

// dedupe off
func (h *Handler) parseDedupe(d *caddyfile.Dispenser) error { return parseOff(d, &h.NoDedupe) }

// publish off
//
//	publish {
//		headers <name>...
//		timeout <duration>
//		stream     <name>
//		partitions <n>
//	}
func (h *Handler) parsePublish(d *caddyfile.Dispenser) error {
	if d.CountRemainingArgs() > 0 {
		return parseOff(d, &h.NoPublish)
	}
	return parseBlock(d, "publish", map[string]subdirective[*Handler]{
		"nats":       {parse: func(h *Handler, d *caddyfile.Dispenser) error { return parseString(d, &h.Connection) }},
		"headers":    {parse: func(h *Handler, d *caddyfile.Dispenser) error { return parseList(d, &h.Headers) }},
		"timeout":    {parse: func(h *Handler, d *caddyfile.Dispenser) error { return parseDuration(d, &h.PublishTimeout) }},
		"stream":     {parse: func(h *Handler, d *caddyfile.Dispenser) error { return parseString(d, &h.Stream) }},
		"partitions": {parse: func(h *Handler, d *caddyfile.Dispenser) error { return parseCount(d, &h.Partitions) }},
	}, h)
}

// quarantine on|off
func (h *Handler) parseQuarantine(d *caddyfile.Dispenser) error {
	return parseWord(d, &h.Quarantine, "on", "off")
}

// respond accepted <status> [<body> [<type>]]
func (h *Handler) parseRespond(d *caddyfile.Dispenser) error {
	args := d.RemainingArgs()
	if len(args) < 2 || len(args) > 4 || args[0] != "accepted" {
		return d.Err("respond: write `respond accepted <status> [<body> [<type>]]`; the answers to refused requests are fixed, and handle_errors changes their form")
	}
	status, err := strconv.Atoi(args[1])
	if err != nil || status < 200 || status > 299 {
		return d.Errf("respond: '%s' does not tell the sender that the event has arrived: write a 2xx", redact(args[1]))
	}
	h.Respond = &Respond{Status: status}
	if len(args) > 2 {
		h.Respond.Body = args[2]
	}
	if len(args) > 3 {
		h.Respond.ContentType = args[3]
	}
	return nil
}

// pass_thru
func (h *Handler) parsePassThru(d *caddyfile.Dispenser) error { return parseFlag(d, &h.PassThru) }

func parseString(d *caddyfile.Dispenser, into *string) error {
	if word := d.Val(); !d.AllArgs(into) {
		return d.Errf("'%s' takes one argument", word)
	}
	return nil
}

func parsePublicURLInto(d *caddyfile.Dispenser, into *string) error {
	if err := parseString(d, into); err != nil {
		return err
	}
	if _, err := parsePublicURL(*into); err != nil {
		return d.WrapErr(err)
	}
	return nil
}

func parseList(d *caddyfile.Dispenser, into *[]string) error {
	word := d.Val()
	if *into = d.RemainingArgs(); len(*into) == 0 {
		return d.Errf("'%s' takes one or more arguments", word)
	}
	return nil
}

func parseFlag(d *caddyfile.Dispenser, into *bool) error {
	if word := d.Val(); d.NextArg() {
		return d.Errf("'%s' takes no argument: it is on if it is there", word)
	}
	*into = true
	return nil
}

func parseOff(d *caddyfile.Dispenser, into *bool) error {
	var off string
	if word := d.Val(); !d.AllArgs(&off) || off != "off" {
		return d.Errf("'%s' takes the argument off: without it, it is on", word)
	}
	*into = true
	return nil
}

func parseWord(d *caddyfile.Dispenser, into *string, words ...string) error {
	name := d.Val()
	if err := parseString(d, into); err != nil {
		return err
	}
	if slices.Contains(words, *into) {
		return nil
	}
	return d.Errf("%s: '%s' is not understood: write %s", name, redact(*into), strings.Join(words, " or "))
}

func parseDuration(d *caddyfile.Dispenser, into *caddy.Duration) error {
	var text string
	word := d.Val()
	if err := parseString(d, &text); err != nil {
		return err
	}
	value, err := caddy.ParseDuration(text)
	if err != nil || value <= 0 {
		return d.Errf("%s: '%s' is not a duration above zero: write it as 30s, 5m or 7d", word, redact(text))
	}
	*into = caddy.Duration(value)
	return nil
}

func parseSize(d *caddyfile.Dispenser, into *int64) error {
	var text string
	word := d.Val()
	if err := parseString(d, &text); err != nil {
		return err
	}
	n, err := humanize.ParseBytes(text)
	if err != nil || n < 1 || n > 1<<62 {
		return d.Errf("%s: '%s' is not a size above zero: write it as 512KiB or 25MB", word, redact(text))
	}
	*into = int64(n)
	return nil
}
