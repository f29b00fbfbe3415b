package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// editor changes what sources find in a request: values are set, replaced or taken
// away wherever they are.
type editor struct {
	req  *verifiers.Request
	doc  any        // of a JSON body
	form url.Values // of a form; nil if the body is JSON
	raw  bool       // the body is in parts: it is changed at once, and nothing taken away
}

// newEditor reads the request. A body that is neither JSON nor a form becomes an
// empty object.
func newEditor(req *verifiers.Request) *editor {
	e := &editor{req: req, raw: strings.HasPrefix(req.Header.Get("Content-Type"), "multipart/")}
	if e.raw {
		return e
	}
	if form, err := url.ParseQuery(string(req.Body)); err == nil && strings.HasPrefix(req.Header.Get("Content-Type"), mediaForm) {
		e.form = form
		return e
	}
	dec := json.NewDecoder(bytes.NewReader(req.Body))
	dec.UseNumber()
	if dec.Decode(&e.doc) != nil {
		e.doc = map[string]any{}
	}
	return e
}

// emptyEditor begins a request of which a handshake says all. The event is what is in
// a field that wraps one.
func emptyEditor(to *url.URL, h *verifiers.Handshake, event []byte) *editor {
	e := &editor{req: &verifiers.Request{URL: to, Header: http.Header{}}, doc: map[string]any{}}
	media := mediaJSON
	for _, m := range h.When {
		if inForm(m.Source) {
			e.form, media = url.Values{}, mediaForm
			if len(m.Source.Within) > 0 && json.Valid(event) {
				e.form.Set(m.Source.Form, string(event))
			}
		}
		if strings.HasPrefix(m.Source.Pointer, "/0/") && !m.Absent {
			e.doc = []any{map[string]any{}}
		}
	}
	e.req.Header.Set("Content-Type", media)
	return e
}

func inForm(s verifiers.Source) bool { return s.Form != "" || slices.ContainsFunc(s.First, inForm) }

// encode writes the body, which only a POST has here. The request is a new one, that
// remembers nothing of the old body.
func (e *editor) encode() error {
	e.req = &verifiers.Request{Method: e.req.Method, URL: e.req.URL, Header: e.req.Header, Body: e.req.Body}
	switch {
	case e.req.Method != http.MethodPost:
		e.req.Header.Del("Content-Type")
		e.req.Body = nil
	case e.raw:
	case e.form != nil:
		e.req.Body = []byte(e.form.Encode())
	default:
		body, err := json.Marshal(e.doc)
		if err != nil {
			return fmt.Errorf("writing the body: %w", err)
		}
		e.req.Body = body
	}
	return nil
}

// has reports whether s finds something.
func (e *editor) has(s verifiers.Source) bool {
	switch {
	case e.raw:
		_, err := s.Lookup(&verifiers.Request{Method: e.req.Method, URL: e.req.URL, Header: e.req.Header, Body: e.req.Body})
		return err == nil
	case s.Header != "":
		return e.req.Header.Get(s.Header) != ""
	case s.Query != "":
		return e.req.URL.Query().Has(s.Query)
	case s.Form != "":
		return e.form.Has(s.Form)
	case s.Pointer != "":
		return e.form == nil && member(e.doc, tokens(s.Pointer)) != nil
	}
	return slices.ContainsFunc(s.First, e.has)
}

// set writes a value where s finds it: of several alternatives to the first that is
// there.
func (e *editor) set(s verifiers.Source, value string) {
	switch {
	case e.raw:
		_ = s.Put(e.req, value) // what cannot be written is missed later
	case len(s.Within) > 0 && s.Form != "" && e.form != nil: // JSON in a field
		inner := newEditor(&verifiers.Request{Header: http.Header{}, Body: []byte(e.form.Get(s.Form))})
		inner.doc = withValue(inner.doc, tokens(s.Within[0].Pointer), value)
		if text, err := json.Marshal(inner.doc); err == nil {
			e.form.Set(s.Form, string(text))
		}
	case s.Header != "":
		e.req.Header.Set(s.Header, s.Prefix+value)
	case s.Query != "":
		e.query(func(q url.Values) { q.Set(s.Query, s.Prefix+value) })
	case s.Form != "" && e.form != nil:
		e.form.Set(s.Form, s.Prefix+value)
	case s.Pointer != "" && e.form == nil:
		e.doc = withValue(e.doc, tokens(s.Pointer), s.Prefix+value)
	case len(s.First) > 0:
		i := max(0, slices.IndexFunc(s.First, e.has))
		e.set(s.First[i], value)
	}
}

// remove takes away what s finds.
func (e *editor) remove(s verifiers.Source) {
	for _, alternative := range s.First {
		e.remove(alternative)
	}
	switch {
	case s.Header != "":
		e.req.Header.Del(s.Header)
	case s.Query != "":
		e.query(func(q url.Values) { q.Del(s.Query) })
	case s.Form != "" && e.form != nil:
		e.form.Del(s.Form)
	case s.Pointer != "" && e.form == nil && !e.raw:
		path := tokens(s.Pointer)
		above := path[:len(path)-1]
		switch parent := member(e.doc, above).(type) {
		case map[string]any:
			delete(parent, path[len(path)-1])
		case []any:
			e.doc = withValue(e.doc, above, []any{})
		}
	}
}

func (e *editor) query(change func(url.Values)) {
	u := *e.req.URL
	q := u.Query()
	change(q)
	u.RawQuery = q.Encode()
	e.req.URL = &u
}

// withValue returns the document with a value as the member, of which it makes what
// is not there. A number stays one if it can.
func withValue(doc any, path []string, value any) any {
	if len(path) == 0 {
		text, ok := value.(string)
		if _, number := doc.(json.Number); number && ok {
			if _, err := strconv.ParseInt(text, 10, 64); err == nil {
				return json.Number(text)
			}
		}
		return value
	}
	if list, ok := doc.([]any); ok {
		if i, err := strconv.Atoi(path[0]); err == nil && i >= 0 && i < len(list) {
			list[i] = withValue(list[i], path[1:], value)
		}
		return list
	}
	object, ok := doc.(map[string]any)
	if !ok {
		object = map[string]any{}
	}
	object[path[0]] = withValue(object[path[0]], path[1:], value)
	return object
}
