package verifiers

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxItems is how many signatures one request may offer.
const maxItems = 16

// items are the values that a source has in a request.
type items struct {
	values [maxItems]string
	n      int
}

func (l *items) add(v string) {
	l.values[l.n] = v
	l.n++
}

func (l *items) list() []string { return l.values[:l.n] }

func (s *Source) lookup(r *Request) (string, error) {
	switch {
	case len(s.First) > 0:
		for i := range s.First {
			v, err := s.First[i].lookup(r)
			if !errors.Is(err, ErrMissing) {
				return v, err
			}
		}
		return "", ErrMissing
	case len(s.Join) > 0:
		return s.join(r)
	}
	var l items
	if err := s.collect(r, &l); err != nil {
		return "", err
	}
	if l.n > 1 {
		return "", ErrMalformed
	}
	if s.Stands != "" {
		return s.Stands, nil
	}
	if s.LowerCase {
		return strings.ToLower(l.values[0]), nil
	}
	return l.values[0], nil
}

func (s *Source) join(r *Request) (string, error) {
	sep := s.Sep
	if sep == "" {
		sep = "."
	}
	var b strings.Builder
	for i := range s.Join {
		v, err := s.Join[i].lookup(r)
		switch {
		case err == nil && i > 0:
			b.WriteString(sep)
		case errors.Is(err, ErrMissing) && i > 0:
			continue
		case err != nil:
			return "", err
		}
		b.WriteString(v)
	}
	return s.trim(b.String())
}

// collect adds the source's values to l: those of a list, or the only one.
func (s *Source) collect(r *Request, l *items) error {
	switch {
	case len(s.First) > 0:
		for i := range s.First {
			if err := s.First[i].collect(r, l); !errors.Is(err, ErrMissing) {
				return err
			}
		}
		return ErrMissing
	case len(s.Join) > 0:
		v, err := s.join(r)
		if err != nil {
			return err
		}
		l.add(v)
		return nil
	case s.Header != "":
		return s.cut(r, r.Header[s.Header], l)
	case s.Query != "":
		values, err := r.parameters()
		if err != nil {
			return err
		}
		return s.cut(r, values[s.Query], l)
	case s.Form != "":
		if !r.isForm() {
			return ErrMissing
		}
		values, err := r.Form()
		if err != nil {
			return err
		}
		return s.cut(r, values[s.Form], l)
	case s.Pointer != "":
		v, err := s.member(r)
		if err != nil {
			return err
		}
		return s.cutOne(r, v, l)
	case s.Whole:
		if bytes.ContainsAny(r.Body, "\r\n") || !utf8.Valid(r.Body) {
			return ErrMalformed
		}
		return s.cutOne(r, string(r.Body), l)
	case s.Const != "":
		return s.cutOne(r, s.Const, l)
	}
	return ErrMissing
}

func (s *Source) member(r *Request) (string, error) {
	if !r.mayBeJSON() {
		return "", ErrMissing
	}
	raw, err := r.member(s.Pointer)
	if err != nil {
		return "", err
	}
	return scalar(raw)
}

func (s *Source) isList() bool { return s.Pair != "" || s.Sep != "" }

// cut adds what the text found in one place holds. A header, parameter or field
// that is there twice is malformed even where it is a list: of two readers one
// might take the first and the other the last.
func (s *Source) cut(r *Request, found []string, l *items) error {
	switch len(found) {
	case 0:
		return ErrMissing
	case 1:
		return s.cutOne(r, found[0], l)
	}
	return ErrMalformed
}

func (s *Source) cutOne(r *Request, text string, l *items) error {
	if !s.isList() {
		v, err := s.trim(text)
		for i := 0; i < len(s.Within) && err == nil; i++ {
			v, err = s.Within[i].take(r, v)
		}
		if err == nil && v == "" {
			err = ErrMissing
		}
		if err == nil {
			l.add(v)
		}
		return err
	}
	sep := s.Sep
	if sep == "" {
		sep = ","
	}
	if s.Pair != "" && text != "" {
		var err error
		if text, err = s.trim(text); err != nil {
			return err
		}
	}
	for more := text != ""; more; {
		var item string
		item, text, more = strings.Cut(text, sep)
		if v, ok := s.item(item); ok {
			if sep == " " {
				// Some senders join the signatures of Standard Webhooks with a
				// comma and a space; the official libraries verify them.
				v = strings.TrimSuffix(v, ",")
			}
			if v == "" || l.n == maxItems {
				return ErrMalformed
			}
			l.add(v)
		}
	}
	if l.n == 0 {
		return ErrMissing
	}
	return nil
}

// item returns the value of an item of a list, if it is one of ours.
func (s *Source) item(text string) (string, bool) {
	if s.Pair == "" {
		return strings.CutPrefix(text, s.Prefix)
	}
	key, value, ok := strings.Cut(text, "=")
	return value, ok && key == s.Pair
}

func (s *Source) trim(text string) (string, error) {
	if text == "" {
		return "", ErrMissing
	}
	v, ok := strings.CutPrefix(text, s.Prefix)
	switch {
	case !ok:
		return "", ErrMalformed
	case v == "":
		return "", ErrMissing
	}
	return v, nil
}

// check reports what is wrong with a source that has to be one.
func (s *Source) check() error {
	kinds := 0
	for _, set := range [...]bool{
		s.Whole, s.Header != "", s.Query != "", s.Form != "", s.Pointer != "", s.Const != "", len(s.First) > 0, len(s.Join) > 0,
	} {
		if set {
			kinds++
		}
	}
	switch {
	case kinds == 0:
		return errors.New("the source is empty")
	case kinds > 1:
		return errors.New("the source names more than one place")
	case s.Header == "Host":
		return errors.New("the host is not among the headers: use {req:host}")
	case s.Header != http.CanonicalHeaderKey(s.Header):
		return fmt.Errorf("header %q must be written %q", s.Header, http.CanonicalHeaderKey(s.Header))
	case s.Pointer != "" && !validPointer(s.Pointer):
		return fmt.Errorf("%q is not a JSON Pointer", s.Pointer)
	case s.Pair != "" && strings.ContainsAny(s.Pair, "= \t"):
		return fmt.Errorf("%q cannot be the key of a pair", s.Pair)
	case len(s.First) > 0 && (s.Prefix != "" || s.Pair != "" || s.Sep != ""):
		return errors.New("prefix, pair and separator belong to the sources in first")
	case len(s.Join) > 0 && s.Pair != "":
		return errors.New("pair belongs to the sources in join")
	case s.Stands != "" && (s.isList() || len(s.First)+len(s.Join) > 0):
		return errors.New("only a single value can be replaced")
	case len(s.Within) > 0 && (s.isList() || len(s.First)+len(s.Join) > 0):
		return errors.New("steps lead into a single value, not into a list, first or join")
	}
	for _, step := range s.Within {
		if err := step.check(); err != nil {
			return err
		}
	}
	for _, part := range append(slices.Clip(s.First), s.Join...) {
		if err := part.check(); err != nil {
			return err
		}
	}
	return nil
}

// take decodes text, which is in the request, and returns the member of it.
func (t Step) take(r *Request, text string) (string, error) {
	return r.within(t.As, text, func() ([]byte, error) {
		switch t.As {
		case AsJWT:
			_, rest, _ := strings.Cut(text, ".")
			payload, _, ok := strings.Cut(rest, ".")
			raw, err := strictRawURL.DecodeString(payload)
			if err != nil || !ok {
				return nil, ErrMalformed
			}
			return raw, nil
		case AsBase64:
			raw, err := decodeBase64(text)
			if err != nil {
				raw, err = decodeBase64URL(text)
			}
			if err != nil {
				return nil, ErrMalformed
			}
			return raw, nil
		}
		return []byte(text), nil
	}, t.Pointer)
}

func (t Step) check() error {
	switch t.As {
	case AsJSON, AsJWT, AsBase64:
	default:
		return fmt.Errorf("unknown step %q: want json, jwt or base64", t.As)
	}
	if t.Pointer == "" || !validPointer(t.Pointer) {
		return fmt.Errorf("%q is not a JSON Pointer", t.Pointer)
	}
	return nil
}

func validPointer(p string) bool {
	if p[0] != '/' {
		return false
	}
	for i := range len(p) {
		if p[i] == '~' && (i+1 == len(p) || p[i+1] != '0' && p[i+1] != '1') {
			return false
		}
	}
	return true
}

// canonical returns s with the names of headers as net/http writes them.
func (s Source) canonical() Source {
	s.Header = http.CanonicalHeaderKey(s.Header)
	s.First = canonicalAll(s.First)
	s.Join = canonicalAll(s.Join)
	return s
}

func canonicalAll(sources []Source) []Source {
	if len(sources) == 0 {
		return nil
	}
	list := make([]Source, len(sources))
	for i, s := range sources {
		list[i] = s.canonical()
	}
	return list
}

func (s Source) equal(o Source) bool {
	return s.Header == o.Header && s.Query == o.Query && s.Form == o.Form && s.Pointer == o.Pointer &&
		s.Const == o.Const && s.Whole == o.Whole && slices.Equal(s.Within, o.Within) && s.Prefix == o.Prefix && s.Pair == o.Pair && s.Sep == o.Sep &&
		slices.EqualFunc(s.First, o.First, Source.equal) && slices.EqualFunc(s.Join, o.Join, Source.equal)
}
