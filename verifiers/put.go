package verifiers

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"strconv"
	"strings"
)

// errPlace means that the sender's side cannot write to a source: it is a
// constant, or a part of something that is not there.
var errPlace = errors.New("there is no place for it in the request")

// Put writes a value where the source would find it, the sender's side of
// [Source.Lookup]: the first of several that the request has, or else the first.
// An item of a list of pairs is added to the list; anything else replaces what is
// there. In a body of JSON a number stays one if the value is one, and a member
// that is missing is added to the object that it would be in. All other bytes of
// the body stay as they are. The body is replaced and never written to. The error
// says that there is no place for the value.
func (s Source) Put(req *Request, value string) error { return s.put(req, value) }

func (s *Source) put(req *Request, value string) error {
	switch {
	case len(s.First) > 0:
		return s.present(req).put(req, value)
	case len(s.Join) > 0:
		return s.putParts(req, value)
	case s.Stands != "":
		if value == s.Stands {
			return nil
		}
		return errPlace
	case len(s.Within) > 0:
		return s.putWithin(req, value)
	case s.Header != "":
		req.Header.Set(s.Header, s.with(req.Header.Get(s.Header), value))
	case s.Query != "":
		if req.URL == nil {
			return errPlace
		}
		u := *req.URL
		u.RawQuery = setParameter(u.RawQuery, s.Query, func(old string) string { return s.with(old, value) })
		req.URL = &u
	case s.Form != "":
		if req.media() == mediaPart {
			return s.putPart(req, value)
		}
		if req.media() != mediaForm {
			return errPlace
		}
		text := setParameter(string(req.Body), s.Form, func(old string) string { return s.with(old, value) })
		req.rewrite([]byte(text))
	case s.Pointer != "":
		return s.putMember(req, value)
	case s.Whole:
		req.rewrite([]byte(s.Prefix + value))
	default:
		return errPlace
	}
	return nil
}

// present returns the alternative that the request has, else the first.
func (s *Source) present(req *Request) *Source {
	for i := range s.First {
		if _, err := s.First[i].lookup(req); err == nil {
			return &s.First[i]
		}
	}
	for i := range s.First {
		if s.First[i].fits(req) {
			return &s.First[i]
		}
	}
	return &s.First[0]
}

// fits reports whether the request has what the source is a part of.
func (s *Source) fits(req *Request) bool {
	switch {
	case len(s.First) > 0:
		return s.present(req).fits(req)
	case len(s.Join) > 0:
		return s.Join[0].fits(req)
	case s.Form != "":
		return req.isForm()
	case s.Pointer != "":
		return req.mayBeJSON()
	}
	return s.Const == ""
}

// putParts cuts the value at the separators. The last part takes what is left.
func (s *Source) putParts(req *Request, value string) error {
	sep := s.Sep
	if sep == "" {
		sep = "."
	}
	for i, part := range strings.SplitN(value, sep, len(s.Join)) {
		if err := s.Join[i].put(req, part); err != nil {
			return err
		}
	}
	return nil
}

// putWithin puts the value into the text that another value is made of.
func (s *Source) putWithin(req *Request, value string) error {
	step, outer := s.Within[0], *s
	outer.Within = nil
	old, err := outer.lookup(req)
	missing := errors.Is(err, ErrMissing)
	if err != nil && !missing {
		return err
	}
	inner := &Request{Body: []byte(old)}
	if missing {
		inner.Body = []byte("{}")
	} else if step.As == AsBase64 {
		text, err := base64.StdEncoding.DecodeString(old)
		if err != nil {
			return fmt.Errorf("%s: %w", s, ErrMalformed)
		}
		inner.Body = text
	}
	if step.As == AsJWT {
		return errPlace // it is signed
	}
	place := Source{Pointer: step.Pointer, Within: s.Within[1:]}
	if err := place.put(inner, value); err != nil {
		return err
	}
	text := string(inner.Body)
	if step.As == AsBase64 {
		text = base64.StdEncoding.EncodeToString(inner.Body)
	}
	return outer.put(req, text)
}

// putPart puts the value into the part of a multipart form that has the name.
func (s *Source) putPart(req *Request, value string) error {
	_, params, err := mime.ParseMediaType(req.Header.Get("Content-Type"))
	if err != nil || params["boundary"] == "" {
		return errPlace
	}
	end := []byte("\r\n--" + params["boundary"])
	name := []byte(`form-data; name="` + s.Form + `"`)
	start := bytes.Index(req.Body, name)
	if start < 0 {
		return errPlace
	}
	blank := bytes.Index(req.Body[start:], []byte("\r\n\r\n"))
	if blank < 0 {
		return errPlace
	}
	start += blank + len("\r\n\r\n")
	size := bytes.Index(req.Body[start:], end)
	if size < 0 {
		return errPlace
	}
	text := s.with(string(req.Body[start:start+size]), value)
	req.rewrite(bytes.Join([][]byte{req.Body[:start], []byte(text), req.Body[start+size:]}, nil))
	return nil
}

func (s *Source) putMember(req *Request, value string) error {
	if !req.mayBeJSON() || !json.Valid(req.Body) {
		return errPlace
	}
	var names []string
	for name := range strings.SplitSeq(s.Pointer[1:], "/") {
		names = append(names, unescapePointer.Replace(name))
	}
	var old string
	place, ok := findMember(json.NewDecoder(bytes.NewReader(req.Body)), names)
	if !ok {
		return errPlace
	}
	raw := req.Body[place.start:place.end:place.end]
	_ = json.Unmarshal(raw, &old) // it may be no string
	text := s.with(old, value)
	written, err := json.Marshal(text)
	if err != nil {
		return err
	}
	if plain := bytes.IndexByte([]byte("-0123456789tf"), append(raw, '"')[0]) >= 0; plain && json.Valid([]byte(text)) {
		written = []byte(text) // numbers and booleans stay what they are
	}
	if place.name != "" {
		name, err := json.Marshal(place.name)
		if err != nil {
			return err
		}
		written = append(append(name, ':'), written...)
		if !place.first {
			written = append([]byte(","), written...)
		}
	}
	req.rewrite(bytes.Join([][]byte{req.Body[:place.start], written, req.Body[place.end:]}, nil))
	return nil
}

// memberPlace is where a member's value is in a text, or where a member can be added.
type memberPlace struct {
	start, end int
	name       string // of a member to add
	first      bool   // it will be the first one
}

// findMember follows the names, or finds the end of the object that lacks only the
// last of them. The decoder is of JSON.
func findMember(dec *json.Decoder, names []string) (memberPlace, bool) {
	var skipped json.RawMessage
	if len(names) == 0 {
		err := dec.Decode(&skipped)
		end := int(dec.InputOffset())
		return memberPlace{start: end - len(skipped), end: end}, err == nil
	}
	token, err := dec.Token()
	if err != nil {
		return memberPlace{}, false
	}
	i := 0
	for ; (token == json.Delim('{') || token == json.Delim('[')) && dec.More(); i++ {
		name := any(strconv.Itoa(i))
		if token == json.Delim('{') {
			if name, err = dec.Token(); err != nil {
				return memberPlace{}, false
			}
		}
		if name == names[0] {
			return findMember(dec, names[1:])
		}
		if dec.Decode(&skipped) != nil {
			return memberPlace{}, false
		}
	}
	end := int(dec.InputOffset())
	return memberPlace{end, end, names[0], i == 0}, token == json.Delim('{') && len(names) == 1
}

// rewrite gives the request another body, of which nothing is known yet.
func (r *Request) rewrite(body []byte) {
	*r = Request{Method: r.Method, URL: r.URL, Header: r.Header, Body: body, Remote: r.Remote, Peer: r.Peer, limits: r.limits}
}
