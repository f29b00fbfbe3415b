package caddymodule

import (
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// parseSource reads where a value is, from the arguments after a word. Syntax:
//
//	header <name>
//	query  <name>
//	form   <name>
//	json   </pointer>
//	const  <value>
//	body
//	<placeholder>
//
// The placeholders {header.X}, {query.X}, {webhooks.json./pointer} and
// {webhooks.form.X} are other ways to write the same; those of Caddy are
// understood in both their forms, because Caddy expands the short one in sites
// and not in the global block. What is left of the arguments is returned.
func parseSource(d *caddyfile.Dispenser, word string) (verifiers.Source, []string, error) {
	args := d.RemainingArgs()
	if len(args) > 0 && strings.HasPrefix(args[0], "{") {
		s, ok := placeholderSource(args[0])
		if !ok {
			return s, nil, d.Errf("%s: '%s' is not a place in a webhook: write header <name>, query <name>, form <name>, json </pointer> or const <value>", word, redact(args[0]))
		}
		return s, args[1:], nil
	}
	if len(args) > 0 && args[0] == "body" {
		return verifiers.Body(), args[1:], nil
	}
	if len(args) < 2 || args[1] == "" {
		return verifiers.Source{}, nil, d.Errf("%s: write header <name>, query <name>, form <name>, json </pointer> or const <value>", word)
	}
	s, ok := sourceOf(args[0], args[1])
	switch {
	case !ok:
		return s, nil, d.Errf("%s: '%s' is not a kind of place: write header, query, form, json or const", word, redact(args[0]))
	case s.Pointer != "" && s.Pointer[0] != '/':
		return s, nil, d.Errf("%s: a JSON Pointer starts with a slash: write json /%s", word, redact(s.Pointer))
	}
	return s, args[2:], nil
}

func sourceOf(kind, name string) (verifiers.Source, bool) {
	switch kind {
	case "header":
		return verifiers.Header(name), true
	case "query":
		return verifiers.Query(name), true
	case "form":
		return verifiers.Form(name), true
	case "json":
		return verifiers.JSON(name), true
	case "const":
		return verifiers.Const(name), true
	}
	return verifiers.Source{}, false
}

func placeholderSource(s string) (verifiers.Source, bool) {
	if !isPlaceholder(s) {
		return verifiers.Source{}, false
	}
	name := s[1 : len(s)-1]
	for _, p := range []struct{ prefix, kind string }{
		{"http.request.header.", "header"},
		{"header.", "header"},
		{"http.request.uri.query.", "query"},
		{"query.", "query"},
		{"webhooks.json.", "json"},
		{"webhooks.form.", "form"},
	} {
		if rest, ok := strings.CutPrefix(name, p.prefix); ok && rest != "" && (p.kind != "json" || rest[0] == '/') {
			return sourceOf(p.kind, rest)
		}
	}
	return verifiers.Source{}, false
}

var timeUnits = map[string]verifiers.TimeUnit{
	"unix": verifiers.Seconds, "unix_ms": verifiers.Milliseconds, "unix_us": verifiers.Microseconds,
	"unix_ns": verifiers.Nanoseconds, "rfc3339": verifiers.RFC3339,
	"http_date": verifiers.HTTPDate,
}

// parseVerify reads how a sender authenticates its requests. Syntax:
//
//	verify hmac|digest|ecdsa|rsa <hash> { ... }
//	verify ed25519 { ... }
//	{
//		key       text|hex|base64|base64url|whsec|whpk|pem|nfkd|any
//		signature <value> {
//			list     <separator>
//			pair     <key>
//			prefix   <text>
//			inner    </pointer>
//			claim    </pointer>
//			base64   </pointer>
//			encoding hex|base64|base64url
//		}
//		timestamp <value> [unix|unix_ms|unix_us|unix_ns|rfc3339|http_date] {
//			list   <separator>
//			pair   <key>
//			prefix <text>
//		}
//		signed    <template>
//		id        <value>
//		tolerance <duration>
//		key_hash  <hash>
//		raw
//		pss
//		sorted
//		example   { ... }
//	}
//	verify token {
//		token <value> {
//			prefix <text>
//		}
//	}
//	verify basic
//	verify jwt {
//		token      <value> {
//			prefix <text>
//		}
//		algorithms <alg>...
//		jwks       <url>
//		issuers    <issuer>...
//		audience   <audience>
//		body_hash  <claim> [<hash>] [hex|base64|base64url]
//		tolerance  <duration>
//		timeless
//		key        <format>
//		example    { ... }
//	}
//	example {
//		secret   <text>
//		document <url> <text>
//		at       <time>
//		method   <method>
//		url      <url>
//		header   <name> <value>
//		body     <text>
//		body_base64 <text>
//	}
//
// The tokens of a template are those of [verifiers.Signed]: with colons, as
// Caddy replaces names with dots.
func parseVerify(d *caddyfile.Dispenser) (*Scheme, error) {
	args := d.RemainingArgs()
	if len(args) == 0 {
		return nil, d.Err("verify: the scheme is missing: write hmac, digest, ed25519, ecdsa, rsa, token, basic or jwt")
	}
	s := &Scheme{Kind: args[0]}
	words, ok := schemeWords[s.Kind]
	if !ok {
		return nil, d.Errf("verify: '%s' is not a scheme: write hmac, digest, ed25519, ecdsa, rsa, token, basic or jwt", redact(s.Kind))
	}
	hashed := s.Kind == "hmac" || s.Kind == "digest" || s.Kind == "ecdsa" || s.Kind == "rsa"
	switch {
	case hashed && len(args) == 2:
		s.Hash = verifiers.Hash(args[1])
		keyed := s.Hash == verifiers.MD5 && (s.Kind == "hmac" || s.Kind == "digest")
		if !keyed && !slices.Contains(hashes, s.Hash) {
			return nil, d.Errf("verify: '%s' is not a hash: write sha1, sha256, sha384 or sha512", redact(args[1]))
		}
	case hashed:
		return nil, d.Errf("verify: write `verify %s <hash>`, such as `verify %s sha256`", s.Kind, s.Kind)
	case len(args) > 1:
		return nil, d.Errf("verify: write `verify %s` without further arguments", s.Kind)
	}
	allowed := make(map[string]subdirective[*Scheme], len(words))
	for _, w := range words {
		allowed[w] = schemeSubdirectives[w]
	}
	if err := parseBlock(d, "verify "+s.Kind, allowed, s); err != nil {
		return nil, err
	}
	if _, err := s.build(); err != nil {
		return nil, d.WrapErr(err)
	}
	return s, nil
}

// schemeWords are the subdirectives of each scheme.
var schemeWords = map[string][]string{
	"hmac":    {"key", "signature", "timestamp", "signed", "id", "tolerance", "example", "uncompressed", "key_hash"},
	"digest":  {"key", "signature", "timestamp", "signed", "id", "tolerance", "example", "uncompressed", "sorted"},
	"ed25519": {"key", "signature", "timestamp", "signed", "id", "tolerance", "example", "uncompressed"},
	"ecdsa":   {"key", "signature", "timestamp", "signed", "id", "tolerance", "example", "uncompressed", "raw"},
	"rsa":     {"key", "signature", "timestamp", "signed", "id", "tolerance", "example", "uncompressed", "pss"},
	"token":   {"key", "token", "example"},
	"basic":   {"example"},
	"jwt":     {"key", "token", "algorithms", "jwks", "issuers", "audience", "body_hash", "tolerance", "timeless", "example", "uncompressed"},
}

// hashes are those for any scheme.
var hashes = []verifiers.Hash{verifiers.SHA1, verifiers.SHA256, verifiers.SHA384, verifiers.SHA512}

var schemeSubdirectives = map[string]subdirective[*Scheme]{
	"key":          {parse: (*Scheme).parseKey},
	"signature":    {parse: (*Scheme).parseSignature},
	"timestamp":    {parse: (*Scheme).parseTimestamp},
	"signed":       {parse: func(s *Scheme, d *caddyfile.Dispenser) error { return parseString(d, &s.Signed) }},
	"id":           {parse: func(s *Scheme, d *caddyfile.Dispenser) error { return parseRefined(d, &s.ID) }},
	"tolerance":    {parse: func(s *Scheme, d *caddyfile.Dispenser) error { return parseDuration(d, &s.Tolerance) }},
	"raw":          {parse: func(s *Scheme, d *caddyfile.Dispenser) error { return parseFlag(d, &s.Raw) }},
	"pss":          {parse: func(s *Scheme, d *caddyfile.Dispenser) error { return parseFlag(d, &s.PSS) }},
	"sorted":       {parse: func(s *Scheme, d *caddyfile.Dispenser) error { return parseFlag(d, &s.Sorted) }},
	"uncompressed": {parse: func(s *Scheme, d *caddyfile.Dispenser) error { return parseFlag(d, &s.Uncompressed) }},
	"timeless":     {parse: func(s *Scheme, d *caddyfile.Dispenser) error { return parseFlag(d, &s.Timeless) }},
	"token":        {parse: func(s *Scheme, d *caddyfile.Dispenser) error { return parseRefined(d, &s.Token) }},
	"algorithms":   {parse: func(s *Scheme, d *caddyfile.Dispenser) error { return parseList(d, &s.Algorithms) }},
	"jwks":         {parse: func(s *Scheme, d *caddyfile.Dispenser) error { return parseString(d, &s.JWKS) }},
	"issuers":      {parse: func(s *Scheme, d *caddyfile.Dispenser) error { return parseList(d, &s.Issuers) }},
	"audience":     {parse: func(s *Scheme, d *caddyfile.Dispenser) error { return parseString(d, &s.Audience) }},
	"body_hash":    {parse: (*Scheme).parseBodyHash},
	"key_hash":     {parse: (*Scheme).parseKeyHash},
	"example":      {parse: (*Scheme).parseExample},
}

// body_hash <claim> [<hash>] [<encoding>]
func (s *Scheme) parseBodyHash(d *caddyfile.Dispenser) error {
	args := d.RemainingArgs()
	if len(args) == 0 || args[0] == "" {
		return d.ArgErr()
	}
	s.BodyHash = args[0]
	for _, arg := range args[1:] {
		switch {
		case slices.Contains(hashes, verifiers.Hash(arg)) && s.BodyHashAlg == "":
			s.BodyHashAlg = verifiers.Hash(arg)
		case slices.Contains(encodings, verifiers.Encoding(arg)) && s.BodyHashEncoding == "":
			s.BodyHashEncoding = verifiers.Encoding(arg)
		default:
			return d.Errf("body_hash: '%s' is neither a hash nor an encoding: write `body_hash <claim> [sha1|sha256|sha384|sha512] [hex|base64|base64url]`", redact(arg))
		}
	}
	return nil
}

// key_hash <hash>
func (s *Scheme) parseKeyHash(d *caddyfile.Dispenser) error {
	var hash string
	err := parseWord(d, &hash, string(verifiers.SHA1), string(verifiers.SHA256), string(verifiers.SHA384), string(verifiers.SHA512))
	s.KeyHash = verifiers.Hash(hash)
	return err
}

var encodings = []verifiers.Encoding{verifiers.Hex, verifiers.Base64, verifiers.Base64URL}

// key <format>
func (s *Scheme) parseKey(d *caddyfile.Dispenser) error {
	var format string
	err := parseWord(d, &format, string(verifiers.KeyText), string(verifiers.KeyHex), string(verifiers.KeyBase64),
		string(verifiers.KeyBase64URL), string(verifiers.KeyWhsec), string(verifiers.KeyWhpk), string(verifiers.KeyPEM),
		string(verifiers.KeyNFKD), string(verifiers.KeyAny))
	s.Key = verifiers.KeyFormat(format)
	return err
}

// signature <value> { ... }
func (s *Scheme) parseSignature(d *caddyfile.Dispenser) error {
	src, rest, err := parseSource(d, "signature")
	if err != nil {
		return err
	}
	if len(rest) > 0 {
		return d.ArgErr()
	}
	s.Signature = src
	words := refinements(&s.Signature)
	words["encoding"] = subdirective[*Scheme]{parse: func(s *Scheme, d *caddyfile.Dispenser) error {
		var encoding string
		err := parseWord(d, &encoding, string(verifiers.Hex), string(verifiers.Base64), string(verifiers.Base64URL))
		s.Encoding = verifiers.Encoding(encoding)
		return err
	}}
	return parseBlock(d, "signature", words, s)
}

// timestamp <value> [<unit>] { ... }
func (s *Scheme) parseTimestamp(d *caddyfile.Dispenser) error {
	src, rest, err := parseSource(d, "timestamp")
	if err != nil {
		return err
	}
	if len(rest) > 0 {
		unit, ok := timeUnits[rest[0]]
		if !ok || len(rest) > 1 {
			return d.Errf("timestamp: '%s' is not a way to write time: write unix, unix_ms, unix_us, unix_ns, rfc3339 or http_date", redact(rest[0]))
		}
		s.Unit = unit
	}
	s.Timestamp = src
	return parseBlock(d, "timestamp", refinements(&s.Timestamp), s)
}

// parseRefined reads a value and the block that says how it is cut out.
func parseRefined(d *caddyfile.Dispenser, into *verifiers.Source) error {
	word := d.Val()
	src, rest, err := parseSource(d, word)
	if err != nil {
		return err
	}
	if len(rest) > 0 {
		return d.ArgErr()
	}
	*into = src
	return parseBlock(d, word, refinements(into), nil)
}

// refinements are the words for cutting a value out of what is found.
func refinements(src *verifiers.Source) map[string]subdirective[*Scheme] {
	return map[string]subdirective[*Scheme]{
		"list":   {parse: func(_ *Scheme, d *caddyfile.Dispenser) error { return parseString(d, &src.Sep) }},
		"pair":   {parse: func(_ *Scheme, d *caddyfile.Dispenser) error { return parseString(d, &src.Pair) }},
		"prefix": {parse: func(_ *Scheme, d *caddyfile.Dispenser) error { return parseString(d, &src.Prefix) }},
		"inner":  {repeat: true, parse: func(_ *Scheme, d *caddyfile.Dispenser) error { return parseStep(d, src, verifiers.AsJSON) }},
		"claim":  {repeat: true, parse: func(_ *Scheme, d *caddyfile.Dispenser) error { return parseStep(d, src, verifiers.AsJWT) }},
		"base64": {repeat: true, parse: func(_ *Scheme, d *caddyfile.Dispenser) error { return parseStep(d, src, verifiers.AsBase64) }},
	}
}

// parseStep reads the pointer of a step into a value.
func parseStep(d *caddyfile.Dispenser, src *verifiers.Source, as string) error {
	word := d.Val()
	var pointer string
	if err := parseString(d, &pointer); err != nil {
		return err
	}
	if pointer[0] != '/' {
		return d.Errf("%s: a JSON Pointer starts with a slash: write %s /%s", word, word, redact(pointer))
	}
	src.Within = append(src.Within, verifiers.Step{As: as, Pointer: pointer})
	return nil
}
