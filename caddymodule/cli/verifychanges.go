package cli

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/cli/internal/capture"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/undo"
)

// maxRewritten is the length of the longest body of which all variants are made.
const maxRewritten = 4 << 20

func bodyChange(name, cure string, do func([]byte) ([]byte, bool)) mishap {
	return mishap{kind: kindBody, name: name, cure: cure, undo: func(req *verifiers.Request) (*verifiers.Request, bool) {
		body, ok := do(req.Body)
		if !ok || bytes.Equal(body, req.Body) {
			return nil, false
		}
		c := undecoded(req)
		c.Body = body
		return c, true
	}}
}

// bodyChanges are what happens to bodies.
func bodyChanges(req *verifiers.Request, c *capture.Request) []mishap {
	var list []mishap
	if n, err := strconv.Atoi(c.Header.Get("Content-Length")); err == nil && n >= 0 && n < len(req.Body) {
		list = append(list, bodyChange(
			fmt.Sprintf("it has %d bytes after those that Content-Length counts", len(req.Body)-n),
			"an editor or a script added them: keep the capture as it was written",
			func(b []byte) ([]byte, bool) { return b[:min(n, len(b))], len(b) > n },
		))
	}
	changes := undo.Bodies()
	if len(req.Body) <= maxRewritten {
		changes = slices.Concat(changes, undo.Rare(req.Header.Get("Content-Type")))
	}
	for _, ch := range changes {
		name := ch.Name
		if strings.HasPrefix(name, "it ") {
			name = "the body: " + name
		}
		list = append(list, bodyChange(name, ch.Cure, ch.Undo))
	}
	return list
}

// cureURL is what to do where the gateway assumes another URL than the sender has.
func cureURL(public *url.URL) string {
	return "the gateway takes another URL for its own than the one that the sender signs: write `public_url " + public.Scheme + "://" + public.Host +
		"`, or trusted_proxies if a proxy says it in X-Forwarded-Proto; here --public-url does the same"
}

// urlChanges are what proxies do to URLs.
func (s *search) urlChanges() []mishap {
	u := s.req.URL
	if u == nil {
		return nil
	}
	var list []mishap
	seen := map[string]bool{u.String(): true}
	add := func(name, cure string, to *url.URL) {
		if to == nil || seen[to.String()] || len(list) > 200 {
			return
		}
		seen[to.String()] = true
		list = append(list, mishap{kind: kindURL, name: name, cure: cure, undo: func(req *verifiers.Request) (*verifiers.Request, bool) {
			c := undecoded(req)
			c.URL = to
			return c, true
		}})
	}
	forwarded := s.forwarded()
	for _, f := range forwarded {
		add("the URL that was asked for is "+s.shownURL(f)+", as the headers of the proxy say", cureURL(f), f)
	}
	for _, form := range undo.URLs(u, s.req.Header) {
		cure := cureURL(form.URL)
		if form.URL.Scheme == u.Scheme && form.URL.Host == u.Host {
			cure = "enter the URL at the sender as the gateway gets it, or take out what rewrites it on the way"
		}
		add("the URL that was signed is another: "+form.Name, cure, form.URL)
	}
	for _, base := range append([]*url.URL{u}, forwarded...) {
		for _, v := range pathForms(base, s.provider.Name, s.req.Header) {
			add("the path that was signed is "+s.plain.text(v.EscapedPath()),
				"a proxy, or handle_path, takes a part of the path off or adds one: write it into public_url, such as `public_url "+v.Scheme+"://"+v.Host+"/prefix`", v)
		}
		for name, v := range queryForms(base) {
			add("the query that was signed is another: "+name, "something on the way rewrites the query: leave it as the sender writes it", v)
		}
	}
	return list
}

// forwarded are the URLs that headers of proxies name.
func (s *search) forwarded() (list []*url.URL) {
	h := s.req.Header
	first := func(names ...string) string {
		for _, name := range names {
			if value, _, _ := strings.Cut(h.Get(name), ","); strings.TrimSpace(value) != "" {
				return strings.TrimSpace(value)
			}
		}
		return ""
	}
	host, proto := first("X-Forwarded-Host", "X-Original-Host"), strings.ToLower(first("X-Forwarded-Proto", "X-Forwarded-Scheme", "X-Scheme"))
	for pair := range strings.SplitSeq(strings.ReplaceAll(h.Get("Forwarded"), ",", ";"), ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(pair), "=")
		switch value = strings.Trim(value, `"`); strings.ToLower(name) {
		case "host":
			host = or(host, value)
		case "proto":
			proto = or(proto, strings.ToLower(value))
		}
	}
	u := *s.req.URL
	if host != "" && !strings.ContainsAny(host, "/ @") {
		u.Host = host
	}
	if proto == "http" || proto == "https" {
		u.Scheme = proto
	}
	list = append(list, &u)
	if port := first("X-Forwarded-Port"); port != "" && u.Port() == "" {
		c := u
		c.Host += ":" + port
		list = append(list, &c)
	}
	if target := first("X-Original-Url", "X-Original-Uri", "X-Rewrite-Url", "X-Forwarded-Uri", "X-Envoy-Original-Path", "X-Replaced-Path"); target != "" {
		if original, err := url.Parse(target); err == nil {
			c := u
			c.Path, c.RawPath, c.RawQuery = original.Path, original.RawPath, original.RawQuery
			list = append(list, &c)
		}
	}
	return list
}

// pathForms are forms of the path with a prefix that was taken off or added.
func pathForms(u *url.URL, provider string, h http.Header) (list []*url.URL) {
	with := func(path, raw string) {
		c := *u
		c.Path, c.RawPath = path, raw
		list = append(list, &c)
	}
	prefixes := []string{"/" + provider, "/webhooks", "/webhook", "/hooks", "/api", "/in", "/webhooks/" + provider, "/webhook/" + provider, "/hooks/" + provider, "/api/webhooks"}
	if p := strings.TrimRight(h.Get("X-Forwarded-Prefix"), "/"); strings.HasPrefix(p, "/") {
		prefixes = append([]string{p}, prefixes...)
	}
	for _, prefix := range prefixes {
		if u.Path == "/" || u.Path == "" {
			with(prefix, "")
		}
		with(prefix+u.Path, "")
	}
	rest := u.Path
	for range 3 {
		i := strings.IndexByte(strings.TrimPrefix(rest, "/"), '/')
		if i < 0 {
			break
		}
		rest = rest[i+1:]
		with(rest, "")
	}
	if plain, err := url.PathUnescape(u.Path); err == nil && plain != u.Path {
		with(plain, "")
	}
	if u.RawPath != "" {
		with(u.Path, "")
		lower := string(recasedPath(u.RawPath))
		if path, err := url.PathUnescape(lower); err == nil {
			with(path, lower)
		}
	}
	return list
}

// recasedPath exchanges the case of percent-encoded bytes.
func recasedPath(raw string) []byte {
	b := []byte(raw)
	for i := 0; i+2 < len(b); i++ {
		if b[i] == '%' {
			for k := i + 1; k <= i+2; k++ {
				if c := b[k] | 0x20; 'a' <= c && c <= 'f' {
					b[k] ^= 0x20
				}
			}
		}
	}
	return b
}

// queryForms are forms of the query, by what is different, in a fixed order.
func queryForms(u *url.URL) func(func(string, *url.URL) bool) {
	return func(yield func(string, *url.URL) bool) {
		if u.RawQuery == "" {
			return
		}
		form := func(name, query string) bool {
			c := *u
			c.RawQuery = query
			return yield(name, &c)
		}
		if !form("spaces are +", strings.ReplaceAll(u.RawQuery, "%20", "+")) || !form("spaces are %20", strings.ReplaceAll(u.RawQuery, "+", "%20")) {
			return
		}
		if plain, err := url.QueryUnescape(u.RawQuery); err == nil && !form("it is not encoded", plain) {
			return
		}
		if values, err := url.ParseQuery(u.RawQuery); err == nil && !form("it is sorted and encoded again", values.Encode()) {
			return
		}
		parts := strings.Split(u.RawQuery, "&")
		for i := range parts {
			if name, _, _ := strings.Cut(parts[i], "="); len(parts) <= 20 && !form("without the parameter "+name, strings.Join(slices.Delete(slices.Clone(parts), i, i+1), "&")) {
				return
			}
		}
	}
}

// headerChanges are what happens to headers that the scheme reads.
func (s *search) headerChanges() []mishap {
	var list []mishap
	set := func(label, cure, name string, values ...string) {
		list = append(list, mishap{kind: kindHeader, name: label, cure: cure, undo: func(req *verifiers.Request) (*verifiers.Request, bool) {
			return edited(req, func(r *verifiers.Request) { r.Header[name] = values }), true
		}})
	}
	names := slices.Compact(slices.Sorted(slices.Values(append(s.entry.places.HeaderNames(), s.provider.ID.Header))))
	const cureProxy = "let the proxy hand the header on as it came"
	for _, name := range names {
		if name == "" {
			continue
		}
		values := s.req.Header[name]
		if len(values) == 0 {
			for _, other := range similarHeaders(s.req.Header, name) {
				set("the header "+name+" came as "+other, "a proxy or a framework renamed it: "+cureProxy, name, s.req.Header[other]...)
			}
			continue
		}
		if len(values) > 1 {
			set("the header "+name+" is there several times, of which the first is right", "a proxy sent it twice: "+cureProxy, name, values[0])
			set("the header "+name+" is there several times, of which the last is right", "a proxy sent it twice: "+cureProxy, name, values[len(values)-1])
			set("the header "+name+" was cut into several", "a proxy did it: "+cureProxy, name, strings.Join(values, ","))
			set("the header "+name+" was cut into several", "a proxy did it: "+cureProxy, name, strings.Join(values, ", "))
			continue
		}
		for _, v := range valueForms(values[0]) {
			set("the header "+name+" "+v.label, v.cure, name, v.value)
		}
	}
	for _, media := range []string{"application/json", "application/x-www-form-urlencoded", ""} {
		if media != s.req.Header.Get("Content-Type") {
			list = append(list, mishap{
				kind: kindHeader, name: fmt.Sprintf("the header Content-Type is %q, and the body is not that", s.req.Header.Get("Content-Type")),
				cure: "capture the header as the sender writes it: curl says application/x-www-form-urlencoded unless it is told otherwise",
				undo: func(req *verifiers.Request) (*verifiers.Request, bool) {
					return edited(req, func(r *verifiers.Request) {
						if r.Header.Del("Content-Type"); media != "" {
							r.Header.Set("Content-Type", media)
						}
					}), true
				},
			})
		}
	}
	for _, method := range []string{http.MethodPost, http.MethodGet, http.MethodPut} {
		if method != s.req.Method {
			list = append(list, mishap{
				kind: kindHeader, name: "the method is " + s.req.Method + ", and " + method + " was signed", cure: "capture the method, too: curl needs -X for it",
				undo: func(req *verifiers.Request) (*verifiers.Request, bool) {
					c := undecoded(req)
					c.Method = method
					return c, true
				},
			})
		}
	}
	return list
}

type valueForm struct{ label, cure, value string }

// valueForms are what the value of a header may have been.
func valueForms(value string) (list []valueForm) {
	const cureCapture = "whatever captured it did that: capture the header as it comes in"
	add := func(label, cure, form string) {
		if form != value && form != "" && !slices.ContainsFunc(list, func(v valueForm) bool { return v.value == form }) {
			list = append(list, valueForm{label, cure, form})
		}
	}
	add("has white space around it", cureCapture, strings.TrimSpace(value))
	add("is in quotes", cureCapture, strings.Trim(value, `"'`))
	add("is in brackets", cureCapture, strings.Trim(value, "[]"))
	add("was broken into lines", cureCapture, strings.Join(strings.Fields(value), ""))
	if half := len(value) / 2; half > 2 {
		for _, sep := range []string{", ", ",", "; "} {
			if a, b, ok := strings.Cut(value, sep); ok && a == b {
				add("is there twice, joined with a comma", "a proxy sent it twice: let the proxy hand the header on as it came", a)
			}
			if n := (len(value) - len(sep)) / 2; n > 0 && value[:n] == value[len(value)-n:] && value[n:n+len(sep)] == sep {
				add("is there twice, joined with a comma", "a proxy sent it twice: let the proxy hand the header on as it came", value[:n])
			}
		}
	}
	if plain, err := url.PathUnescape(value); err == nil {
		add("is percent-encoded", cureCapture, plain)
	}
	add("has spaces where + was", "base64 was decoded as a form: "+cureCapture, strings.ReplaceAll(value, " ", "+"))
	add("lacks the padding of base64", cureCapture, value+strings.Repeat("=", (4-len(value)%4)%4))
	add("has the padding of base64", cureCapture, strings.TrimRight(value, "="))
	add("is in lower case", cureCapture, strings.ToUpper(value))
	add("is in upper case", cureCapture, strings.ToLower(value))
	for _, prefix := range []string{"sha256=", "sha1=", "v1=", "v1,", "v0=", "Bearer ", "Basic ", "Signature "} {
		if rest, ok := strings.CutPrefix(value, prefix); ok {
			add("has "+strings.TrimSpace(prefix)+" before it", cureCapture, rest)
		} else {
			add("lacks "+strings.TrimSpace(prefix)+" before it", cureCapture, prefix+value)
		}
	}
	if n, err := strconv.ParseInt(value, 10, 64); err == nil && n > 1e8 {
		const unit = "the signature is over the text of the time as it came: capture the header as it is"
		if n > 1e11 {
			add("is in milliseconds, and was signed in seconds", unit, strconv.FormatInt(n/1000, 10))
		} else {
			add("is in seconds, and was signed in milliseconds", unit, strconv.FormatInt(n*1000, 10))
		}
	}
	return list
}

// similarHeaders are headers whose name is another form of a missing one.
func similarHeaders(h http.Header, missing string) (names []string) {
	// forms are the name without what is often put before it, step by step.
	forms := func(name string) []string {
		name = strings.NewReplacer("-", "", "_", "", " ", "").Replace(strings.ToLower(name))
		list := []string{name}
	next:
		for len(list) < 4 {
			for _, prefix := range []string{"http", "xoriginal", "original", "xforwarded", "forwarded", "xamznremapped", "x"} {
				if rest, ok := strings.CutPrefix(name, prefix); ok && rest != "" {
					name = rest
					list = append(list, name)
					continue next
				}
			}
			break
		}
		return list
	}
	want := forms(missing)
	want = want[:min(2, len(want))]
	for name := range h {
		if name != missing && slices.ContainsFunc(forms(name), func(form string) bool { return slices.Contains(want, form) }) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// secretChanges are other forms of the secrets.
func (s *search) secretChanges() (list []mishap) {
	for _, held := range s.secrets {
		for _, form := range secretForms(held.text) {
			var keys verifiers.Keys
			for i, text := range form.texts {
				if key, err := verifiers.NewKey(fmt.Sprint(held.from, i), text); err == nil {
					keys = append(keys, key)
				}
			}
			for _, key := range keys {
				// Each on its own: one in the wrong format spoils the others.
				list = append(list, mishap{
					kind: kindSecret, name: "the secret in " + held.from + " " + form.label, cure: form.cure, keys: verifiers.Keys{key},
				})
			}
			if scheme := rawKeyed(s.provider.Scheme); scheme != nil {
				if key, err := verifiers.NewKey(held.from, []byte(hex.EncodeToString(form.bytes))); err == nil {
					list = append(list, mishap{
						kind: kindSecret, name: "the secret in " + held.from + " " + form.label, cure: form.cure, keys: verifiers.Keys{key}, scheme: scheme,
					})
				}
			}
		}
	}
	for i := range list {
		list[i].name = strings.TrimSpace(list[i].name)
	}
	return list
}

// rawKeyed returns the scheme with keys that are written in hex, so that a key may be
// any bytes; nil for a scheme that is not the engine's.
func rawKeyed(s verifiers.Scheme) verifiers.Scheme {
	switch s := s.(type) {
	case verifiers.HMAC:
		s.Key = verifiers.KeyHex
		return s
	case verifiers.Digest:
		s.Key = verifiers.KeyHex
		return s
	}
	return nil
}

// secretForm is what a secret may really be: bytes, and texts of which schemes make
// them.
type secretForm struct {
	label, cure string
	bytes       []byte
	texts       [][]byte
}

func secretForms(text string) (list []secretForm) {
	add := func(label, cure string, secret []byte) {
		if len(secret) == 0 || slices.ContainsFunc(list, func(f secretForm) bool { return bytes.Equal(f.bytes, secret) }) {
			return
		}
		in64 := base64.StdEncoding.EncodeToString(secret)
		list = append(list, secretForm{label, cure, secret, [][]byte{secret, []byte(in64), []byte("whsec_" + in64), []byte(hex.EncodeToString(secret))}})
	}
	const cureStore = "store it without: printf and not echo, no quotes in the file"
	if strings.Contains(text, "-----BEGIN") {
		plain := strings.Trim(strings.TrimSpace(text), `"'`)
		if lines := strings.ReplaceAll(plain, `\n`, "\n"); lines != plain {
			add(`has \n where lines end`, "write it into a file with real ends of lines", []byte(strings.TrimSpace(lines)))
		}
		add("is in quotes, or has white space around it", cureStore, []byte(strings.TrimSpace(plain)))
		return list
	}
	trimmed := strings.TrimSpace(text)
	if trimmed != text {
		add("begins or ends with white space", cureStore, []byte(trimmed))
	}
	unquoted := strings.Trim(trimmed, `"'`+"`")
	if unquoted != trimmed {
		add("is in quotes", cureStore, []byte(unquoted))
	}
	if plain := strings.TrimSpace(unquoted); plain != trimmed {
		add("is in quotes and has white space", cureStore, []byte(plain))
	}
	if _, value, ok := strings.Cut(unquoted, "="); ok && value != "" && !strings.HasSuffix(unquoted, "=") {
		add("has the name of a variable before it", "store only what is after the =", []byte(strings.Trim(value, `"'`)))
	}
	for _, prefix := range []string{"whsec_", "v1,whsec_", "v1,", "whsk_", "secret_", "Bearer "} {
		if rest, ok := strings.CutPrefix(unquoted, prefix); ok {
			add("has "+prefix+" before it, which is no part of it", "store it without "+prefix, []byte(rest))
			if raw, err := base64.StdEncoding.Strict().DecodeString(rest); err == nil {
				add("is base64 after "+prefix, "store it as the sender shows it, and check that it is the secret of this provider", raw)
			}
		}
	}
	add("lacks whsec_ before it", "store it as the sender shows it", []byte("whsec_"+unquoted))
	for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
		if raw, err := enc.Strict().DecodeString(unquoted); err == nil {
			add("is base64, and its bytes are the key", "the sender decodes it first: describe it with the provider hmac and its key format base64, or choose a secret that is text", raw)
		}
	}
	if raw, err := hex.DecodeString(unquoted); err == nil {
		add("is hexadecimal, and its bytes are the key", "the sender decodes it first: describe it with the provider hmac and its key format hex, or choose a secret that is text", raw)
	}
	add("is the key as it is written, and is not decoded", "the sender takes it as text: describe it with the provider hmac, or create the secret as the provider's page says", []byte(unquoted))
	if plain, err := url.QueryUnescape(unquoted); err == nil && plain != unquoted {
		add("is percent-encoded", "store it decoded", []byte(plain))
	}
	add("lacks a newline at its end", "the sender has it with a newline, which a copy from a terminal adds: enter it there again", []byte(unquoted+"\n"))
	add("lacks a space at its end", "the sender has it with a space: enter it there again", []byte(unquoted+" "))
	add("is in the wrong case", "write it as the sender shows it", []byte(strings.ToLower(unquoted)))
	add("is in the wrong case", "write it as the sender shows it", []byte(strings.ToUpper(unquoted)))
	return list
}

// otherProviders are those under which it may verify.
func (s *search) otherProviders() (list []mishap) {
	if s.config.Keys == nil {
		return nil
	}
	all, _ := knownSenders()
	for i := range all {
		p := &all[i]
		if p.Name == s.provider.Name || p.places.Secret || !hasSource(s.req, p.places.Signature) {
			continue
		}
		list = append(list, mishap{
			kind: kindProvider, provider: p.Name, name: "it is signed as " + p.Name + " (" + p.Title + ") signs",
			cure: "`caddy webhooks verify " + p.Name + "` judges it so, and `webhooks <path> " + p.Name + "` receives it",
		})
	}
	return list
}

// hasSource reports whether the request has a header or parameter that the source
// reads.
func hasSource(req *verifiers.Request, s verifiers.Source) bool {
	switch {
	case s.Header != "":
		return len(req.Header[s.Header]) > 0
	case s.Query != "":
		return req.URL != nil && req.URL.Query().Has(s.Query)
	}
	return slices.ContainsFunc(slices.Concat(s.First, s.Join), func(part verifiers.Source) bool { return hasSource(req, part) })
}

// sortedKeys reports whether the members of a JSON object of several are in the
// order of their names.
func sortedKeys(body []byte) bool {
	dec := json.NewDecoder(bytes.NewReader(body))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return false
	}
	last, n := "", 0
	for dec.More() {
		t, err := dec.Token()
		name, ok := t.(string)
		if err != nil || !ok || name < last {
			return false
		}
		var skip json.RawMessage
		if dec.Decode(&skip) != nil {
			return false
		}
		last = name
		n++
	}
	return n > 3
}
