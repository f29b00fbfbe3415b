package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Auto, as an amount of time, means what the provider's profile makes of it.
const Auto time.Duration = -1

// What [Faults.Tamper] may be.
const (
	TamperBody      = "body"
	TamperSignature = "signature"
	TamperURL       = "url"
	TamperHeader    = "header"
)

// Tampers are the values of [Faults.Tamper].
var Tampers = []string{TamperBody, TamperSignature, TamperURL, TamperHeader}

const (
	slowPieces = 100 // into which a body is cut
	// boundary is by how much a signature misses the replay window.
	boundary = time.Minute
	// maxValues is how many values of a body are tried.
	maxValues = 100
	// jwtLife is how long the tokens are valid that are made here.
	jwtLife = 5 * time.Minute
)

// Faults are what can be wrong with the events that are sent. One of Stale, Future,
// WrongKey and Tamper at most: a refusal would not tell which one was noticed.
type Faults struct {
	// Stale and Future sign at a time before, or after, the provider's replay
	// window; [Auto] is just outside it.
	Stale, Future time.Duration
	// WrongKey signs with a random key of the same kind.
	WrongKey bool
	// Tamper changes a part of the request after it was signed.
	Tamper string
	// Duplicate is how many times the very same request is sent again.
	Duplicate int
	// Slow is how long it takes to send the body.
	Slow time.Duration
}

// fault is what is wrong with the requests of a sender. The zero value is nothing.
type fault struct {
	name    string
	what    string // goes on from "a request"
	refused bool   // by a receiver that is right
	skew    time.Duration
	tamper  func(*verifiers.Request) error
}

func (f *Faults) check() error {
	if f.Tamper != "" && !slices.Contains(Tampers, f.Tamper) {
		return fmt.Errorf("%w: --tamper: choose one of %s", ErrUsage, strings.Join(Tampers, ", "))
	}
	if f.Stale < Auto || f.Future < Auto {
		return fmt.Errorf("%w: --stale and --future take an amount of time such as 2h, and no negative one", ErrUsage)
	}
	var chosen []string
	for _, c := range []struct {
		flag string
		set  bool
	}{{"--stale", f.Stale != 0}, {"--future", f.Future != 0}, {"--wrong-key", f.WrongKey}, {"--tamper", f.Tamper != ""}} {
		if c.set {
			chosen = append(chosen, c.flag)
		}
	}
	if len(chosen) > 1 {
		return fmt.Errorf("%w: %s together: a refusal would not tell which of them was noticed; send them one after the other", ErrUsage, strings.Join(chosen, " and "))
	}
	return nil
}

// prepareFault makes the fault that is asked for, and tries it on a receiver of our
// own that has the right key: a fault that nobody could notice is refused.
func (s *sender) prepareFault(right *verifiers.Key) error {
	f := &s.options.Faults
	if f.Stale == 0 && f.Future == 0 && !f.WrongKey && f.Tamper == "" {
		return nil
	}
	if err := s.newVerifier(right); err != nil {
		return err
	}
	switch {
	case f.WrongKey:
		wrong, err := freshKey(s.provider)
		if err != nil {
			return err
		}
		s.config.Keys = verifiers.Keys{wrong}
		s.fault = fault{name: "wrong key", what: "that was signed with another key", refused: true}
		if err := s.verdict(); err == nil {
			return fmt.Errorf("%w: --wrong-key: with another key the request of %s is still the right one", ErrUsage, s.provider.Name)
		}
		return nil
	case f.Stale != 0:
		return s.skew("stale", f.Stale, -1, verifiers.ErrStale)
	case f.Future != 0:
		return s.skew("future", f.Future, 1, verifiers.ErrFuture)
	}
	return s.tampered(f.Tamper)
}

// newVerifier makes the receiver. What it would fetch it has already.
func (s *sender) newVerifier(right *verifiers.Key) error {
	p := s.provider
	options := exampleOptions(p)
	maps.Copy(options, s.config.Options)
	cfg := verifiers.Config{Keys: verifiers.Keys{right}, Options: options}
	if server, ok := p.Scheme.(verifiers.KeyServer); ok {
		served, err := server.Serve(right, options)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrUsage, err)
		}
		maps.Copy(cfg.Options, served.Options)
		if len(served.Documents) > 0 {
			cfg.Fetcher, cfg.Keys = servedDocuments(served.Documents), nil
		}
	}
	v, err := p.New(cfg)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUsage, err)
	}
	s.verifier = v
	return nil
}

// servedDocuments are what a receiver fetches, by URL.
type servedDocuments map[string]string

// Fetch returns a document of those that there are.
func (d servedDocuments) Fetch(_ context.Context, pin verifiers.Pin, rawURL string) ([]byte, error) {
	if err := pin.Check(rawURL); err != nil {
		return nil, err
	}
	text, ok := d[rawURL]
	if !ok {
		return nil, fmt.Errorf("fetching %s: %w", rawURL, verifiers.ErrUnavailable)
	}
	return []byte(text), nil
}

// verdict is what the receiver says to an event that is made now.
func (s *sender) verdict() error {
	m, err := s.message(time.Now())
	if err != nil {
		return err
	}
	_, err = s.verifier.Verify(context.Background(), s.received(m.req))
	return err
}

// received is the request as a receiver sees it, which has decoded nothing of it.
func (s *sender) received(req *verifiers.Request) *verifiers.Request {
	return &verifiers.Request{Method: req.Method, URL: req.URL, Header: req.Header, Body: req.Body}
}

// skew makes a fault of the time. Sign is the direction.
func (s *sender) skew(name string, amount time.Duration, sign int, reason error) error {
	window := s.window()
	amounts := []time.Duration{amount}
	if amount == Auto {
		// A token that was made here is valid for a while after it was signed.
		amounts = []time.Duration{window + boundary, window + jwtLife + boundary, 2*window + 24*time.Hour}
	}
	when := map[int]string{-1: "ago", 1: "in the future"}[sign]
	var err error
	for _, a := range amounts {
		s.fault = fault{
			name: name, refused: true, skew: a * time.Duration(sign),
			what: fmt.Sprintf("that was signed %s %s, outside the replay window of %s", short(a), when, short(window)),
		}
		if err = s.verdict(); errors.Is(err, reason) {
			return nil
		}
	}
	switch {
	case err != nil:
		return fmt.Errorf("%w: --%s: a receiver would refuse the request for another reason: %w", ErrUsage, name, err)
	case !s.timed():
		return fmt.Errorf("%w: --%s: %s signs no time: nothing but the id of the event stops a replay", ErrUsage, name, s.provider.Name)
	case amount == Auto:
		return fmt.Errorf("%w: --%s: the time that %s signs is in the body, which is sent as it is given", ErrUsage, name, s.provider.Name)
	}
	s.fault.what = fmt.Sprintf("that was signed %s %s", short(amount), when)
	s.options.note("%s %s is inside the replay window of %s, which is %s: only a receiver with a smaller one refuses it", short(amount), when, s.provider.Name, short(window))
	return nil
}

// timed reports whether the provider signs when it has signed.
func (s *sender) timed() bool {
	e := newEntry(s.provider)
	return e.timed()
}

// window is the provider's replay window; 0 if it has none.
func (s *sender) window() time.Duration {
	e := newEntry(s.provider)
	if e.timed() {
		return e.places.Tolerance
	}
	return 0
}

// tampered makes a fault of a part of the request. Of the changes that are possible
// it takes the first one that a receiver notices by the signature.
func (s *sender) tampered(part string) error {
	var changes []change
	switch part {
	case TamperBody:
		const what = "whose body was changed after signing"
		for n := range maxValues {
			changes = append(changes, change{what, changeValue(n)})
		}
		changes = append(changes, change{what, changeBytes})
	case TamperSignature:
		changes = []change{{"whose signature was changed", s.changeSignature}}
	case TamperURL:
		changes = []change{{"that was signed for another URL", changeURL}}
	case TamperHeader:
		for _, name := range s.signedHeaders() {
			changes = append(changes, change{"whose header " + name + " was changed after signing", changeHeader(name)})
		}
	}
	var noticed *fault
	for _, c := range changes {
		f := fault{name: "tampered " + part, what: c.what, refused: true, tamper: c.do}
		s.fault = f
		switch err := s.verdict(); {
		case err == nil, errors.Is(err, errNoChange), errors.Is(err, ErrUsage):
		case errors.Is(err, verifiers.ErrMismatch), errors.Is(err, verifiers.ErrUntrusted):
			return nil
		case noticed == nil: // by something else than the signature, such as that it is malformed
			noticed = &f
		}
	}
	if noticed != nil {
		s.fault = *noticed
		return nil
	}
	e := newEntry(s.provider)
	return fmt.Errorf("%w: --tamper=%s: nobody would notice: the signature of %s covers %s", ErrUsage, part, s.provider.Name, strings.ReplaceAll(e.covers(), "**", ""))
}

// change changes a request in place.
type change struct {
	what string
	do   func(*verifiers.Request) error
}

var errNoChange = errors.New("there is nothing to change")

// changeValue changes one of the values of the JSON document in the body, which stays
// one.
func changeValue(n int) func(*verifiers.Request) error {
	return func(req *verifiers.Request) error {
		at := leaves(req.Body)
		if n >= len(at) {
			return errNoChange
		}
		req.Body = replaceAt(req.Body, at[n], another(req.Body[at[n]]))
		return nil
	}
}

// leaves returns where, in a JSON document, letters and digits are that may be
// others: the last one of each string and number that is a value.
func leaves(body []byte) []int {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	var found []int
	objects, name := []bool{false}, false // name: the next token is one
	for len(found) < maxValues {
		start := dec.InputOffset()
		token, err := dec.Token()
		if err != nil {
			break
		}
		switch v := token.(type) {
		case json.Delim:
			if v == '{' || v == '[' {
				objects = append(objects, v == '{')
			} else {
				objects = objects[:len(objects)-1]
			}
		case string, json.Number:
			if name {
				name = false
				continue
			}
			if i := lastWord(body, int(start), int(dec.InputOffset())); i >= 0 {
				found = append(found, i)
			}
		}
		name = objects[len(objects)-1]
	}
	return found
}

// lastWord is the index of the last letter or digit in a part of the body, of which
// an escape in JSON has none that could be changed; -1 if there is none.
func lastWord(body []byte, start, end int) int {
	if bytes.IndexByte(body[start:end], '\\') >= 0 {
		return -1
	}
	for i := end - 1; i >= start; i-- {
		if another(body[i]) != body[i] {
			return i
		}
	}
	return -1
}

// changeBytes changes the last letter or digit of the body.
func changeBytes(req *verifiers.Request) error {
	for i, c := range slices.Backward(req.Body) {
		if b := another(c); b != c {
			req.Body = replaceAt(req.Body, i, b)
			return nil
		}
	}
	if len(req.Body) == 0 {
		return errNoChange
	}
	req.Body = replaceAt(req.Body, len(req.Body)-1, req.Body[len(req.Body)-1]^1) // a compressed one, say
	return nil
}

func changeURL(req *verifiers.Request) error {
	u := *req.URL
	if u.RawQuery != "" {
		u.RawQuery += "&"
	}
	u.RawQuery += "tampered=1"
	req.URL = &u
	return nil
}

// signedHeaders are the headers that the signature covers.
func (s *sender) signedHeaders() []string {
	placer, ok := s.provider.Scheme.(verifiers.Placer)
	if !ok {
		return nil
	}
	places := placer.Places()
	var names []string
	for _, name := range append(append([]string{}, places.HeaderNames()...), places.Covers.Headers...) {
		if !slices.Contains(names, name) && name != places.Signature.Header {
			names = append(names, name)
		}
	}
	return names
}

// changeHeader changes the last letter or digit of a header. A time stays one, and
// inside the replay window.
func changeHeader(name string) func(*verifiers.Request) error {
	return func(req *verifiers.Request) error {
		value := []byte(req.Header.Get(name))
		for i, c := range slices.Backward(value) {
			if b := another(c); b != c {
				req.Header.Set(name, string(replaceAt(value, i, b)))
				return nil
			}
		}
		return errNoChange
	}
}

// changeSignature changes one character of the signature, which stays well-formed.
func (s *sender) changeSignature(req *verifiers.Request) error {
	placer, ok := s.provider.Scheme.(verifiers.Placer)
	if !ok {
		return errNoChange
	}
	source := placer.Places().Signature
	value, err := source.Lookup(s.received(req))
	if err != nil || value == "" {
		return errNoChange
	}
	changed := flipped(value)
	for name, values := range req.Header {
		if i := slices.IndexFunc(values, func(v string) bool { return strings.Contains(v, value) }); i >= 0 {
			req.Header[name] = slices.Clone(values)
			req.Header[name][i] = strings.Replace(values[i], value, changed, 1)
			return nil
		}
	}
	query := req.URL.Query()
	for name, values := range query {
		if i := slices.Index(values, value); i >= 0 {
			u := *req.URL
			query[name][i] = changed
			u.RawQuery = query.Encode()
			req.URL = &u
			return nil
		}
	}
	if body := bytes.Replace(req.Body, []byte(value), []byte(changed), 1); !bytes.Equal(body, req.Body) {
		req.Body = body
		return nil
	}
	return errNoChange
}

// flipped changes a letter or digit of a text near its end: not the last ones, of
// which base64 ignores some bits.
func flipped(text string) string {
	b := []byte(text)
	for _, from := range []int{max(len(b)-8, len(b)/2), len(b) - 1} {
		for i := min(from, len(b)-1); i >= 0; i-- {
			if c := another(b[i]); c != b[i] {
				b[i] = c
				return string(b)
			}
		}
	}
	return text + "0"
}

// another returns another character of the same kind: a digit for a digit, and a
// letter for a letter, a to f among themselves. What is neither stays.
func another(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return '0' + (c-'0'+1)%10
	case c >= 'a' && c <= 'f':
		return 'a' + (c-'a'+1)%6
	case c >= 'A' && c <= 'F':
		return 'A' + (c-'A'+1)%6
	case c >= 'g' && c <= 'z':
		return 'g' + (c-'g'+1)%20
	case c >= 'G' && c <= 'Z':
		return 'G' + (c-'G'+1)%20
	}
	return c
}

// replaceAt never writes into the memory of the body, which others send as well.
func replaceAt(body []byte, i int, c byte) []byte {
	body = bytes.Clone(body)
	body[i] = c
	return body
}

// dribble is a body that takes its time.
type dribble struct {
	ctx   context.Context //nolint:containedctx // it lives as long as one request
	body  []byte
	whole time.Duration
	start time.Time
	at    int
}

// Read returns what is due, and waits if that is nothing.
func (d *dribble) Read(p []byte) (int, error) {
	if d.start.IsZero() {
		d.start = time.Now()
	}
	if d.at == len(d.body) {
		return 0, io.EOF
	}
	step := max(1, len(d.body)/slowPieces)
	end := min(len(d.body), d.at+min(step, len(p)))
	due := d.start.Add(time.Duration(float64(d.whole) * float64(end) / float64(len(d.body))))
	select {
	case <-d.ctx.Done():
		return 0, d.ctx.Err()
	case <-time.After(time.Until(due)):
	}
	n := copy(p, d.body[d.at:end])
	d.at += n
	return n, nil
}
