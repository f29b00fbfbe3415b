package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// draft is a request that is being made. What the provider's sources name is
// written where a gateway will look for it.
type draft struct {
	req  *verifiers.Request
	doc  any        // of a JSON body
	form url.Values // of a form; nil if the body is JSON
}

// newDraft makes a sample event of p with this id and type; empty ones are
// chosen.
func newDraft(p verifiers.Provider, public *url.URL, id, kind string, now time.Time) (*draft, error) {
	s, ok := samples[p.Name]
	if !ok {
		s = sample{body: `{"note":"a test event"}`, kind: "test"}
	}
	d := &draft{req: &verifiers.Request{Method: http.MethodPost, URL: public, Header: http.Header{}}}
	if len(p.Methods) > 0 {
		d.req.Method = p.Methods[0]
	}
	for name, value := range s.header {
		d.req.Header.Set(name, value)
	}
	media := "application/json"
	if len(p.ContentTypes) > 0 {
		media = p.ContentTypes[0]
	}
	if s.form {
		media = "application/x-www-form-urlencoded"
		values, err := url.ParseQuery(s.body)
		if err != nil {
			return nil, fmt.Errorf("reading the sample: %w", err)
		}
		d.form = values
	} else {
		dec := json.NewDecoder(strings.NewReader(s.body))
		dec.UseNumber()
		if err := dec.Decode(&d.doc); err != nil {
			return nil, fmt.Errorf("reading the sample: %w", err)
		}
	}
	d.req.Header.Set("Content-Type", media)
	if id == "" {
		newID := s.id
		if newID == nil {
			newID = uuid
		}
		id = newID()
	}
	if kind == "" {
		kind = s.kind
	}
	d.place(p.ID, id)
	d.place(p.Type, kind)
	d.place(p.Time, d.timestamp(p.Time, now))
	if s.finish != nil {
		s.finish(d, kind)
	}
	return d, d.encode()
}

func (d *draft) encode() error {
	if d.form != nil {
		d.req.Body = []byte(d.form.Encode())
		return nil
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(d.doc); err != nil {
		return fmt.Errorf("writing the sample: %w", err)
	}
	d.req.Body = bytes.TrimSuffix(b.Bytes(), []byte("\n"))
	return nil
}

// place writes value where s will find it. What cannot be written, such as a
// constant, is left: the request is checked when it is complete.
func (d *draft) place(s verifiers.Source, value string) {
	switch {
	case s.Header != "":
		d.req.Header.Set(s.Header, s.Prefix+value)
	case s.Query != "":
		u := *d.req.URL
		q := u.Query()
		q.Set(s.Query, s.Prefix+value)
		u.RawQuery = q.Encode()
		d.req.URL = &u
	case s.Form != "":
		if d.form != nil {
			d.form.Set(s.Form, s.Prefix+value)
		}
	case s.Pointer != "":
		if d.form == nil {
			d.doc = put(d.doc, tokens(s.Pointer), s.Prefix+value)
		}
	case len(s.First) > 0:
		d.place(d.present(s), value)
	case len(s.Join) > 0:
		sep := s.Sep
		if sep == "" {
			sep = "."
		}
		for i, part := range strings.SplitN(value, sep, len(s.Join)) {
			d.place(s.Join[i], part)
		}
	}
}

// present returns the alternative that the sample has, else the first.
func (d *draft) present(s verifiers.Source) verifiers.Source {
	for _, alternative := range s.First {
		if d.has(alternative) {
			return alternative
		}
	}
	return s.First[0]
}

func (d *draft) has(s verifiers.Source) bool {
	switch {
	case s.Header != "":
		return d.req.Header.Get(s.Header) != ""
	case s.Query != "":
		return d.req.URL.Query().Has(s.Query)
	case s.Form != "":
		return d.form.Has(s.Form)
	case s.Pointer != "":
		return d.form == nil && member(d.doc, tokens(s.Pointer)) != nil
	case len(s.Join) > 0:
		return d.has(s.Join[0])
	}
	return false
}

// timestamp writes now as the sample writes times there: a number of seconds,
// or RFC 3339.
func (d *draft) timestamp(s verifiers.Source, now time.Time) string {
	if len(s.First) > 0 {
		s = d.present(s)
	}
	if _, ok := member(d.doc, tokens(s.Pointer)).(json.Number); ok && s.Pointer != "" {
		return strconv.FormatInt(now.Unix(), 10)
	}
	return now.UTC().Format(time.RFC3339)
}

var unescapePointer = strings.NewReplacer("~1", "/", "~0", "~")

func tokens(pointer string) []string {
	list := strings.Split(strings.TrimPrefix(pointer, "/"), "/")
	for i := range list {
		list[i] = unescapePointer.Replace(list[i])
	}
	return list
}

func member(doc any, path []string) any {
	for _, name := range path {
		switch v := doc.(type) {
		case map[string]any:
			doc = v[name]
		case []any:
			i, err := strconv.Atoi(name)
			if err != nil || i < 0 || i >= len(v) {
				return nil
			}
			doc = v[i]
		default:
			return nil
		}
	}
	return doc
}

// put returns doc with the value at path. A number stays one if it can.
func put(doc any, path []string, value string) any {
	if len(path) == 0 {
		if _, number := doc.(json.Number); number {
			if _, err := strconv.ParseInt(value, 10, 64); err == nil {
				return json.Number(value)
			}
		}
		return value
	}
	if list, ok := doc.([]any); ok {
		if i, err := strconv.Atoi(path[0]); err == nil && i >= 0 && i < len(list) {
			list[i] = put(list[i], path[1:], value)
		}
		return list
	}
	object, ok := doc.(map[string]any)
	if !ok {
		object = map[string]any{}
	}
	object[path[0]] = put(object[path[0]], path[1:], value)
	return object
}
