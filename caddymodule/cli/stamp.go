package cli

import (
	"bytes"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// stampLife is how long the times that are in events may be wrong.
const stampLife = 500 * time.Millisecond

// stamp makes many events of one sample, much faster than from the beginning: what
// differs is replaced, which is the id wherever it is. Where that cannot be done each
// event is made on its own. It is not safe for concurrent use.
type stamp struct {
	*sender
	plain *verifiers.Request // not signed; nil if each is made on its own
	fresh []string           // the parts of plain that are another in each event
	made  time.Time
}

// message makes one event as [sender.message] does, without saying which id and type
// it has.
func (p *stamp) message(at time.Time) (*message, error) {
	if p.made.IsZero() || at.Sub(p.made) > stampLife || p.made.After(at) {
		if err := p.renew(at); err != nil {
			return nil, err
		}
	}
	if p.plain == nil {
		return p.sender.message(at)
	}
	others := make([]string, len(p.fresh))
	for i, old := range p.fresh {
		if others[i] = fresh(old); len(others[i]) != len(old) {
			return p.sender.message(at)
		}
	}
	req, err := p.sign(replaced(p.plain, p.fresh, others), at.Add(p.fault.skew))
	if err != nil {
		return nil, err
	}
	if p.fault.tamper != nil {
		if err := p.fault.tamper(req); err != nil {
			return nil, err
		}
	}
	return p.pack(req), nil
}

// renew makes a sample, and a second one that shows what differs. What explains all
// of the difference is what has to be replaced.
func (p *stamp) renew(at time.Time) error {
	p.made, p.plain, p.fresh = at, nil, nil
	at = at.Add(p.fault.skew)
	a, err := p.request(at)
	if err != nil {
		return err
	}
	b, err := p.request(at)
	if err != nil {
		return err
	}
	var d difference
	d.add(string(a.Body), string(b.Body))
	d.add(a.URL.RawQuery, b.URL.RawQuery)
	for name, values := range a.Header {
		d.add(strings.Join(values, "\n"), strings.Join(b.Header[name], "\n"))
	}
	if sameRequest(replaced(a, d.here, d.there), b) {
		p.plain, p.fresh = a, d.here
	}
	return nil
}

// difference are words in which two texts differ.
type difference struct{ here, there []string }

// add compares texts of the same length.
func (d *difference) add(a, b string) {
	if len(a) != len(b) {
		return
	}
	inWord := func(c byte) bool { return c == '-' || another(c) != c }
	for i := 0; i < len(a); i++ {
		if a[i] == b[i] {
			continue
		}
		from, to := i, i+1
		for from > 0 && inWord(a[from-1]) && inWord(b[from-1]) && !escaped(a[:from]) {
			from--
		}
		for to < len(a) && inWord(a[to]) && inWord(b[to]) {
			to++
		}
		if !slices.Contains(d.here, a[from:to]) {
			d.here, d.there = append(d.here, a[from:to]), append(d.there, b[from:to])
		}
		i = to
	}
}

// escaped reports whether a text ends with an escape, of a form or of JSON.
func escaped(text string) bool {
	n := len(text)
	return n > 2 && text[n-3] == '%' || n > 1 && text[n-2] == '\\' || n > 5 && text[n-6:n-4] == `\u`
}

// replaced is the request with others of these texts wherever they are.
func replaced(req *verifiers.Request, old, others []string) *verifiers.Request {
	out := &verifiers.Request{Method: req.Method, URL: req.URL, Header: make(http.Header, len(req.Header)+4), Body: req.Body}
	maps.Copy(out.Header, req.Header)
	for i := range old {
		out.Body = bytes.ReplaceAll(out.Body, []byte(old[i]), []byte(others[i]))
		for name, values := range out.Header {
			if len(values) == 1 && strings.Contains(values[0], old[i]) {
				out.Header[name] = []string{strings.ReplaceAll(values[0], old[i], others[i])}
			}
		}
		if strings.Contains(out.URL.RawQuery, old[i]) {
			u := *out.URL
			u.RawQuery = strings.ReplaceAll(u.RawQuery, old[i], others[i])
			out.URL = &u
		}
	}
	return out
}

func sameRequest(a, b *verifiers.Request) bool {
	return a.Method == b.Method && *a.URL == *b.URL && bytes.Equal(a.Body, b.Body) && maps.EqualFunc(a.Header, b.Header, slices.Equal)
}
