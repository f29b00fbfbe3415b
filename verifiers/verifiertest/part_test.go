package verifiertest_test

import (
	"net/url"
	"regexp"
	"strings"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/verifiertest"
)

// A part is a piece of a request that can be changed: of a header, a parameter
// of the URL, a field of an URL-encoded form, a member of a JSON body, or of the
// body itself.
type part struct {
	header, query, form, member string
	whole                       bool
	span                        func(value string) (start, end int)
}

// locate finds the source's value in a request. It reports false where the
// value cannot be changed in its place.
func locate(s verifiers.Source, v *verifiertest.Vector) (part, bool) {
	if len(s.First) > 0 {
		for _, one := range s.First {
			if p, ok := locate(one, v); ok {
				return p, true
			}
		}
		return part{}, false
	}
	p := part{header: s.Header, query: s.Query, form: s.Form, whole: s.Whole, span: span(s)}
	if s.Pointer != "" {
		p.member = s.Pointer[strings.LastIndexByte(s.Pointer, '/')+1:]
	}
	if len(s.Within) > 0 || len(s.Join) > 0 || s.Const != "" || v.Request.BodyBase64 != "" && s.Header == "" {
		return part{}, false
	}
	value, ok := p.read(&v.Request)
	return p, ok && value != ""
}

// span returns where in what the place holds the source's value is. Of a JSON
// Web Token it is the signature.
func span(s verifiers.Source) func(value string) (int, int) {
	prefix, sep := s.Prefix, s.Sep
	if s.Pair != "" {
		prefix = s.Pair + "="
		if sep == "" {
			sep = ","
		}
	}
	if s.Header == "Authorization" && prefix == "" {
		prefix = "Basic "
	}
	return func(value string) (int, int) {
		start := 0
		if i := strings.Index(value, prefix); i >= 0 {
			start = i + len(prefix)
		}
		if strings.HasSuffix(prefix, ";") { // fields, of which the signature is the last
			return strings.LastIndexByte(value, ';') + 1, len(value)
		}
		if sep != "" {
			if n := strings.Index(value[start:], sep); n >= 0 {
				return start, start + n
			}
		}
		if jws.MatchString(value[start:]) {
			start = strings.LastIndexByte(value, '.') + 1
		}
		return start, len(value)
	}
}

var jws = regexp.MustCompile(`^eyJ[\w-]*\.[\w-]*\.[\w-]+$`)

func (p part) get(r *verifiertest.Request) string {
	value, _ := p.read(r)
	start, end := p.span(value)
	return value[start:end]
}

// read returns all that the place holds.
func (p part) read(r *verifiertest.Request) (string, bool) {
	switch {
	case p.header != "":
		values := r.Header[p.header]
		return strings.Join(values, ","), len(values) == 1
	case p.query != "":
		_, query, _ := strings.Cut(r.URL, "?")
		return parameter(query, p.query)
	case p.form != "":
		return parameter(r.Body, p.form)
	case p.whole:
		return r.Body, true
	}
	found := p.re().FindAllStringSubmatch(r.Body, -1)
	if len(found) != 1 {
		return "", false
	}
	return strings.Trim(found[0][1], `"`), true
}

func (p part) re() *regexp.Regexp {
	return regexp.MustCompile(`"` + regexp.QuoteMeta(p.member) + `"\s*:\s*("[^"]*"|[0-9]+)`)
}

func parameter(text, name string) (string, bool) {
	values, err := url.ParseQuery(text)
	return values.Get(name), err == nil && len(values[name]) == 1
}

func (p part) set(r *verifiertest.Request, value string) {
	all, _ := p.read(r)
	start, end := p.span(all)
	changed := all[:start] + value + all[end:]
	switch {
	case p.header != "":
		r.Header[p.header] = []string{changed}
	case p.query != "" || p.form != "":
		p.edit(r, func(item string) string { return strings.SplitN(item, "=", 2)[0] + "=" + url.QueryEscape(changed) })
	case p.whole:
		r.Body = changed
	default:
		at := p.re().FindStringSubmatchIndex(r.Body)
		if r.Body[at[2]] == '"' {
			at[2]++
			at[3]--
		}
		r.Body = r.Body[:at[2]] + changed + r.Body[at[3]:]
	}
}

func (p part) remove(r *verifiertest.Request) {
	switch {
	case p.header != "":
		delete(r.Header, p.header)
	case p.query != "" || p.form != "":
		p.edit(r, func(string) string { return "" })
	case p.whole:
		r.Body = ""
	default:
		at := p.re().FindStringIndex(r.Body)
		r.Body = r.Body[:at[0]] + `"Other": ""` + r.Body[at[1]:]
	}
}

// canDouble reports whether the value can be sent twice so that a receiver has
// to refuse it. Of two equal members of a JSON body it does not matter which one
// is read, except for Amazon SNS, whose members are what is signed.
func (p part) canDouble() bool { return !p.whole && (p.member == "" || p.member == "Signature") }

func (p part) double(r *verifiertest.Request) {
	switch {
	case p.header != "":
		r.Header[p.header] = append(r.Header[p.header], r.Header[p.header][0])
	case p.query != "" || p.form != "":
		p.edit(r, func(item string) string { return item + "&" + item })
	default:
		at := p.re().FindStringIndex(r.Body)
		r.Body = r.Body[:at[1]] + ", " + r.Body[at[0]:at[1]] + r.Body[at[1]:]
	}
}

// edit replaces the parameter and leaves the others as they are written. An
// empty replacement removes it.
func (p part) edit(r *verifiertest.Request, replace func(item string) string) {
	base, text := "", r.Body
	name := p.form
	if p.query != "" {
		name = p.query
		base, text, _ = strings.Cut(r.URL, "?")
		base += "?"
	}
	var list []string
	for item := range strings.SplitSeq(text, "&") {
		key, _, _ := strings.Cut(item, "=")
		if k, err := url.QueryUnescape(key); err == nil && k == name {
			if item = replace(item); item == "" {
				continue
			}
		}
		list = append(list, item)
	}
	text = strings.Join(list, "&")
	if p.query != "" {
		r.URL = strings.TrimSuffix(base+text, "?")
		return
	}
	r.Body = text
}
