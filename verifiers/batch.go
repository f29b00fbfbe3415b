package verifiers

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// MaxElements is how many events one request may hold: far more than any sender
// puts into one.
const MaxElements = 10_000

// ErrTooMany means that a request holds more than [MaxElements] events.
var ErrTooMany = errors.New("more events in one request than are taken")

const mediaJSON = "application/json"

// Elements are the events of one request.
type Elements struct {
	of     *Request
	header http.Header
	text   []byte
	spans  []span
}

// Split returns the events of a request, or nil if the request has no such
// array and therefore is one event. The bytes are those of the request, not
// copied where the array is in the body. The error is [ErrTooMany], or is or
// wraps [ErrMalformed] if the text with the array is not JSON, or is a
// [*StrictError] if what is around the events is not strict. Whether an event is,
// its own Request tells.
//
// Where a request has several such arrays it is one event, and what is in them was
// not checked yet.
//
// It is one pass over the text, and none where [Pointers.WithElements] were wanted
// of the body.
func (b *Batch) Split(r *Request) (*Elements, error) {
	text, f, err := b.find(r)
	if text == nil || err != nil {
		return nil, err
	}
	if f.fault != nil {
		return nil, f.fault
	}
	switch {
	case len(f.lists) > 1:
		r.reread()
		return nil, nil
	case len(f.lists) == 0:
		return nil, nil
	case f.lists[0].count > MaxElements:
		return nil, ErrTooMany
	}
	return &Elements{of: r, header: jsonHeader(r), text: text, spans: f.lists[0].elements}, nil
}

// find returns the text with the array, and what is found in it.
func (b *Batch) find(r *Request) ([]byte, finding, error) {
	text, err := b.text(r)
	if text == nil || err != nil {
		return nil, finding{}, err
	}
	if b.inBody() && r.want != nil && r.want.lists != 0 {
		m := r.scan()
		return text, m.finding, m.err
	}
	want := new(Pointers)
	for _, pointer := range b.places() {
		if !want.add(pointer) {
			return nil, finding{}, fmt.Errorf("%q is not a JSON Pointer", pointer)
		}
	}
	want.lists = want.all()
	r.passes++
	f, err := order{want: want, limits: r.limits}.read(text)
	return text, f, err
}

// inBody reports whether the text with the array is the body.
func (b *Batch) inBody() bool { return b.In.IsZero() || b.In.Whole }

// places are where the array may be.
func (b *Batch) places() []string { return slices.Concat([]string{b.Elements}, b.Or) }

// text returns the JSON text with the array; nil if there is none.
func (b *Batch) text(r *Request) ([]byte, error) {
	if b.inBody() {
		if !r.mayBeJSON() {
			return nil, nil
		}
		return r.Body, nil
	}
	text, err := b.In.lookup(r)
	switch {
	case errors.Is(err, ErrMissing):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return []byte(text), nil
}

// jsonHeader returns the request's headers, with the media type of the elements.
func jsonHeader(r *Request) http.Header {
	if media := r.media(); media == mediaJSON || strings.HasSuffix(media, "+json") {
		return r.Header
	}
	h := maps.Clone(r.Header)
	if h == nil {
		h = make(http.Header, 1)
	}
	h["Content-Type"] = []string{mediaJSON}
	return h
}

// Len returns how many events there are.
func (e *Elements) Len() int { return len(e.spans) }

// Request returns the request as if it held only this event: its body is the
// exact bytes of the element, its media type JSON, and everything else is that
// of the whole request.
func (e *Elements) Request(i int) *Request {
	return &Request{
		Method: e.of.Method, URL: e.of.URL, Header: e.header, Body: e.spans[i].of(e.text), Remote: e.of.Remote, Peer: e.of.Peer,
		limits: e.of.limits,
	}
}
