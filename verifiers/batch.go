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
	bodies [][]byte
}

// Split returns the events of a request, or nil if the request has no such
// array and therefore is one event. The bytes are those of the request, not
// copied where the array is in the body. The error is [ErrTooMany], or is or
// wraps [ErrMalformed] if the text with the array is not JSON.
func (b *Batch) Split(r *Request) (*Elements, error) {
	text, err := b.text(r)
	if text == nil || err != nil {
		return nil, err
	}
	var found *scanner
	for _, pointer := range slices.Concat([]string{b.Elements}, b.Or) {
		var array Pointers
		if !array.add(pointer) {
			return nil, fmt.Errorf("%q is not a JSON Pointer", pointer)
		}
		s := scanner{text: text, want: &array, found: make([]span, 1), lists: 1, most: MaxElements}
		if err := s.scan(); err != nil {
			return nil, err
		}
		switch {
		case !s.isList:
			continue
		case found != nil:
			return nil, nil
		}
		found = &s
	}
	switch {
	case found == nil:
		return nil, nil
	case found.count > MaxElements:
		return nil, ErrTooMany
	}
	return &Elements{of: r, header: jsonHeader(r), bodies: found.elements}, nil
}

// text returns the JSON text with the array; nil if there is none.
func (b *Batch) text(r *Request) ([]byte, error) {
	if b.In.IsZero() || b.In.Whole {
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
func (e *Elements) Len() int { return len(e.bodies) }

// Request returns the request as if it held only this event: its body is the
// exact bytes of the element, its media type JSON, and everything else is that
// of the whole request.
func (e *Elements) Request(i int) *Request {
	return &Request{
		Method: e.of.Method, URL: e.of.URL, Header: e.header, Body: e.bodies[i], Remote: e.of.Remote, Peer: e.of.Peer,
	}
}
