package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// DraftOptions say which sample event to make.
type DraftOptions struct {
	// URL is where the sender would send it to. Required.
	URL *url.URL
	// ID and Type are the event's. Empty means a fresh id and the sample's type.
	ID, Type string
	// At is the event's time. Zero means now.
	At time.Time
}

// Draft makes a sample event of a provider, complete but for what only a key can
// make: [verifiers.Provider.Sign] adds that. The event is in the provider's form,
// with a fresh id, the type and the time where the provider has them, and each
// call makes another event. An id or a type that the provider has no place for is
// left out: look it up with the provider's sources to be sure. A receiver takes the
// event with the options of [SampleOptions]. The error says that there is no URL, or
// that the sample cannot be read.
func Draft(p verifiers.Provider, o DraftOptions) (*verifiers.Request, error) {
	if o.URL == nil {
		return nil, errors.New("making a sample: there is no URL")
	}
	if o.At.IsZero() {
		o.At = time.Now()
	}
	d, err := newDraft(p, o.URL, o.ID, o.Type, o.At)
	if err != nil {
		return nil, err
	}
	return d.req, nil
}

// draft is a request that is being made. What the provider's sources name is
// written where a gateway will look for it.
type draft struct{ req *verifiers.Request }

// newDraft makes a sample event of p with this id and type; empty ones are
// chosen.
func newDraft(p verifiers.Provider, public *url.URL, id, kind string, now time.Time) (*draft, error) {
	s, err := loadSample(p.Name, kind)
	if err != nil {
		return nil, err
	}
	u := *public
	if s.Query != "" {
		u.RawQuery = strings.TrimPrefix(u.RawQuery+"&"+s.Query, "&")
	}
	d := &draft{&verifiers.Request{Method: s.method(p), URL: &u, Header: http.Header{}}}
	for name, value := range s.Header {
		d.req.Header.Set(name, value)
	}
	if s.JSON != nil || s.Form != "" || s.Text != "" {
		d.req.Header.Set("Content-Type", s.media(p))
	}
	text := strings.NewReplacer("{uuid}", uuid(), "{now}", now.UTC().Format(time.RFC3339)).Replace(s.Text)
	d.req.Body = []byte(s.Form + text)
	if s.JSON != nil {
		d.req.Body = compact(s.JSON)
	}
	if kind != "" {
		d.write(p.Type, kind)
	}
	d.retime(p.Time, now)
	if id != "" {
		d.write(p.ID, id)
	}
	fresh := id != "" || d.refresh(p.ID, p, s.Options)
	if b := p.Batch; b != nil && b.In.IsZero() {
		for _, array := range append([]string{b.Elements}, b.Or...) {
			first := array + "/0"
			if kind != "" {
				d.write(below(b.Type, first), kind)
			}
			d.retime(below(b.Time, first), now)
			fresh = id == "" && d.refresh(below(b.ID, first), p, s.Options) || fresh
		}
	}
	if !fresh {
		d.vary(p, s.Options)
	}
	d.renewNonces(p, s.Options)
	if f := finish[p.Name]; f != nil {
		if kind == "" {
			kind, _ = p.Type.Lookup(d.req)
		}
		f(d.req, kind)
	}
	// What was looked up is forgotten, since others may change the request.
	d.req = &verifiers.Request{Method: d.req.Method, URL: d.req.URL, Header: d.req.Header, Body: d.req.Body}
	return d, nil
}

func compact(text json.RawMessage) []byte {
	var b bytes.Buffer
	if json.Compact(&b, text) != nil {
		return text // it was decoded before
	}
	return b.Bytes()
}

// write writes value where the source will find it. What cannot be written, such
// as a constant, is left: the request is checked when it is complete.
func (d *draft) write(s verifiers.Source, value string) {
	_ = unsigned(s).Put(d.req, value)
}

// unsigned reads a claim of the token that the body, or a member of it, becomes
// when it is signed: until then the claims are there themselves.
func unsigned(s verifiers.Source) verifiers.Source {
	s.First, s.Join = slices.Clone(s.First), slices.Clone(s.Join)
	for i := range s.First {
		s.First[i] = unsigned(s.First[i])
	}
	for i := range s.Join {
		s.Join[i] = unsigned(s.Join[i])
	}
	if inBody := s.Whole || s.Pointer != ""; inBody && len(s.Within) > 0 && s.Within[0].As == verifiers.AsJWT {
		s.Whole, s.Pointer, s.Within = false, s.Pointer+s.Within[0].Pointer, s.Within[1:]
	}
	return s
}

// below is a source of an element of a batch, as a source of the request.
func below(s verifiers.Source, pointer string) verifiers.Source {
	s.First, s.Join = slices.Clone(s.First), slices.Clone(s.Join)
	for i := range s.First {
		s.First[i] = below(s.First[i], pointer)
	}
	for i := range s.Join {
		s.Join[i] = below(s.Join[i], pointer)
	}
	if s.Pointer != "" {
		s.Pointer = pointer + s.Pointer
	}
	return s
}

// leaves are the single places of a source that the request has, those of the
// alternative that counts.
func (d *draft) leaves(s verifiers.Source) []verifiers.Source {
	for _, alternative := range s.First {
		if list := d.leaves(alternative); len(list) > 0 {
			return list
		}
	}
	var list []verifiers.Source
	for i, part := range s.Join {
		more := d.leaves(part)
		if _, err := part.Lookup(d.req); i == 0 && err != nil {
			return nil
		}
		list = append(list, more...)
	}
	if len(s.First) > 0 || len(s.Join) > 0 {
		return list
	}
	if s.Const != "" || s.Stands != "" {
		return nil
	}
	if _, err := s.Lookup(d.req); err != nil {
		return nil
	}
	return []verifiers.Source{s}
}

// refresh gives the event an id that no other has, of the form of the sample's:
// where the id is made of several values, in the first that is neither the type
// nor a time, nor what an option of the receiver names. It returns false if there
// is no such value, as where the id is the signature.
func (d *draft) refresh(id verifiers.Source, p verifiers.Provider, options map[string]string) bool {
	if id.IsZero() {
		return false
	}
	id = unsigned(id)
	list := d.leaves(id)
	for _, leaf := range list {
		if d.renew(leaf, p, options) {
			return true
		}
	}
	if len(list) > 0 || isSignature(p, id) {
		return false
	}
	return id.Put(d.req, uuid()) == nil
}

// renew gives one place another value of the same form, unless the value is of
// importance.
func (d *draft) renew(leaf verifiers.Source, p verifiers.Provider, options map[string]string) bool {
	value, err := leaf.Lookup(d.req)
	same := func(s verifiers.Source) bool { return s.String() == leaf.String() }
	if err != nil || isTime(p, leaf, value) || names(options, value) || isSignature(p, leaf) ||
		slices.ContainsFunc(d.leaves(unsigned(p.Type)), same) {
		return false
	}
	return leaf.Put(d.req, fresh(value)) == nil
}

// onceName is what senders call what comes once: receivers may keep such values and
// refuse them when they come again.
var onceName = regexp.MustCompile(`(?i)nonce|salt$|^webhook-id$|^svix-id$|transmission-id$|request-id$|^/signature/token$`)

// renewNonces gives what the signature has besides the event, and what comes with it
// once, another value, unless it is the id.
func (d *draft) renewNonces(p verifiers.Provider, options map[string]string) {
	var places []verifiers.Source
	for name := range d.req.Header {
		places = append(places, verifiers.Header(name))
	}
	for name := range d.req.URL.Query() {
		places = append(places, verifiers.Query(name))
	}
	places = scalars("", d.req.Body, places)
	ids := d.leaves(unsigned(p.ID))
	for _, place := range places {
		isTheID := slices.ContainsFunc(ids, func(id verifiers.Source) bool { return id.String() == place.String() })
		if onceName.MatchString(place.Header+place.Query+place.Pointer) && !isTheID {
			d.renew(place, p, options)
		}
	}
}

// isTime reports whether the value is a time: one in the place of a time, or in a
// place that is called one.
func isTime(p verifiers.Provider, leaf verifiers.Source, value string) bool {
	if timeForm(value) == nil {
		return false
	}
	name := leaf.Header + leaf.Query + leaf.Form + leaf.Pointer
	for _, step := range leaf.Within {
		name = step.Pointer
	}
	name = name[strings.LastIndexByte(name, '/')+1:]
	return strings.Contains(p.Time.String()+" ", leaf.String()+" ") || strings.Trim(value, digits+".") != "" || timeName.MatchString(name)
}

var timeName = regexp.MustCompile(`(?i)time|date|moment|^ts|ts$|ms$|^t$|created|updated|occurred|published|sent|finished|paid|_at$|At$`)

// isSignature reports whether the value, or a part of it, may be the signature.
func isSignature(p verifiers.Provider, s verifiers.Source) bool {
	placer, ok := p.Scheme.(verifiers.Placer)
	if !ok {
		return false
	}
	place := placer.Places().Signature
	for _, part := range append([]verifiers.Source{place}, place.First...) {
		if s.String() == part.String() {
			return true
		}
	}
	return slices.ContainsFunc(append(slices.Clone(s.First), s.Join...), func(part verifiers.Source) bool {
		return isSignature(p, part)
	})
}

// vary makes a body that no other event has, where the id is made of the body: it
// renews what is called an id in it, or else the first text.
func (d *draft) vary(p verifiers.Provider, options map[string]string) {
	var places []verifiers.Source
	if strings.HasPrefix(d.req.Header.Get("Content-Type"), mediaForm) {
		for item := range strings.SplitSeq(string(d.req.Body), "&") {
			name, _, _ := strings.Cut(item, "=")
			if name, err := url.QueryUnescape(name); err == nil {
				places = append(places, verifiers.Form(name))
			}
		}
	} else {
		places = scalars("", d.req.Body, nil)
	}
	for _, wanted := range []func(name string) bool{isID, func(string) bool { return true }} {
		for _, place := range places {
			if name := place.Form + place.Pointer; wanted(name) && d.renew(place, p, options) {
				return
			}
		}
	}
}

// isID reports whether a member or field is called an id.
func isID(name string) bool {
	name = strings.ToLower(name[strings.LastIndexByte(name, '/')+1:])
	return slices.ContainsFunc([]string{"id", "uid", "uuid", "guid", "number", "key", "token", "reference", "ref", "hash"}, func(end string) bool {
		return strings.HasSuffix(name, end)
	})
}

// scalars are the texts and numbers in a JSON text, in their order.
func scalars(pointer string, text []byte, list []verifiers.Source) []verifiers.Source {
	text = bytes.TrimSpace(text)
	switch {
	case len(text) == 0 || len(list) > 1000:
	case text[0] == '{' || text[0] == '[':
		i := 0
		for quoted, value := range verifiers.WalkJSON(text) {
			name := strconv.Itoa(i)
			if quoted != nil {
				name, _ = verifiers.JSONText(quoted)
			}
			list = scalars(pointer+"/"+escapePointer.Replace(name), value, list)
			i++
		}
	case pointer != "" && (text[0] == '"' || text[0] >= '0' && text[0] <= '9'):
		list = append(list, verifiers.JSON(pointer))
	}
	return list
}

var escapePointer = strings.NewReplacer("~", "~0", "/", "~1")

// retime writes the time in the form of the sample's.
func (d *draft) retime(s verifiers.Source, now time.Time) {
	if s.IsZero() {
		return
	}
	s = unsigned(s)
	list := d.leaves(s)
	if len(list) == 0 {
		_ = s.Put(d.req, now.UTC().Format(time.RFC3339))
		return
	}
	if value, err := list[0].Lookup(d.req); err == nil {
		if form := timeForm(value); form != nil {
			_ = list[0].Put(d.req, form(now))
		}
	}
}

func names(options map[string]string, value string) bool {
	for _, list := range options {
		if slices.Contains(strings.Fields(list), value) {
			return true
		}
	}
	return false
}
