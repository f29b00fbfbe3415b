package cli

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/cli/internal/capture"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/providers"
)

// maxCandidates is how many senders are named.
const maxCandidates = 5

// A candidate is a sender that a request may be of.
type candidate struct {
	Provider string   `json:"provider"`
	Title    string   `json:"title"`
	Score    int      `json:"score"`
	Has      []string `json:"has"`
	Lacks    []string `json:"lacks,omitempty"`
}

// detected is what is said about one request.
type detected struct {
	Entry      string      `json:"entry,omitempty"`
	Candidates []candidate `json:"candidates"`
}

// common are headers that say nothing about the sender.
var common = []string{
	"Accept", "Authorization", "Content-Type", "Content-Length", "Date", "Digest", "Host", "User-Agent", "X-Request-Id", "Content-Encoding",
}

// detect ranks senders by what a request has. It returns [ErrNo] if there is none
// for a request.
func detect(o VerifyOptions, requests []capture.Request, out io.Writer) error {
	none := false
	for i := range requests {
		c := &requests[i]
		req := &verifiers.Request{Method: c.Method, URL: c.URL, Header: c.Header, Body: c.Body}
		d := detected{Entry: c.Label, Candidates: candidates(req)}
		if c.Provider != "" { // the gateway has said it
			d.Candidates = slices.DeleteFunc(d.Candidates, func(x candidate) bool { return x.Provider == c.Provider })
			d.Candidates = append([]candidate{{Provider: c.Provider, Title: title(c.Provider), Score: 100, Has: []string{"the capture says so"}}}, d.Candidates...)
		}
		none = none || len(d.Candidates) == 0
		if err := d.write(o, out); err != nil {
			return fmt.Errorf("writing: %w", err)
		}
	}
	if none {
		return ErrNo
	}
	return nil
}

func title(name string) string {
	p, _ := providers.Lookup(name)
	return p.Title
}

func (d *detected) write(o VerifyOptions, out io.Writer) error {
	if o.JSON {
		return printJSON(out, d)
	}
	var b strings.Builder
	if d.Entry != "" {
		fmt.Fprintf(&b, "%s: ", visible(d.Entry, false))
	}
	if len(d.Candidates) == 0 {
		b.WriteString("no sender of the catalogue is known by what this request has\n")
		_, err := io.WriteString(out, b.String())
		return err
	}
	b.WriteString("what it has hints at these senders, the likeliest first:\n")
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, c := range d.Candidates {
		lacks := ""
		if len(c.Lacks) > 0 {
			lacks = "; lacks " + strings.Join(c.Lacks, ", ")
		}
		fmt.Fprintf(t, "  %s\t%s\t%s%s\n", c.Provider, c.Title, visible(strings.Join(c.Has, ", "), false), lacks)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	file := or(o.File, "-")
	fmt.Fprintf(&b, "It is a hint, and nothing was verified: `caddy webhooks verify %s %s` does.\n", d.Candidates[0].Provider, visible(file, false))
	_, err := io.WriteString(out, b.String())
	return err
}

// A knownSender is an entry of the catalogue and how to recognise it.
type knownSender struct {
	verifiers.Provider
	places    verifiers.Places
	headers   []string // by which it is known
	signature []string // headers in which the signature is
}

// knownSenders are those of which is known where the signature is, and by how many of them
// each header is read: a rare one says more.
var knownSenders = sync.OnceValues(func() ([]knownSender, map[string]int) {
	var list []knownSender
	counts := map[string]int{}
	for _, p := range providers.All() {
		placer, ok := p.Scheme.(verifiers.Placer)
		if !ok || p.Name == providers.HMAC.Name {
			continue
		}
		k := knownSender{Provider: p, places: placer.Places(), headers: headersOf(&p)}
		k.signature = sourceNames(k.places.Signature)
		for _, name := range k.headers {
			counts[name]++
		}
		list = append(list, k)
	}
	return list, counts
})

// headersOf are the headers by which a sender is known.
func headersOf(p *verifiers.Provider) (names []string) {
	all := slices.Clone(p.Headers)
	if placer, ok := p.Scheme.(verifiers.Placer); ok {
		all = append(all, placer.Places().HeaderNames()...)
	}
	all = append(all, p.ID.Header, p.Type.Header)
	for _, name := range all {
		name = http.CanonicalHeaderKey(name)
		if name != "" && !slices.Contains(names, name) && !slices.Contains(common, name) {
			names = append(names, name)
		}
	}
	return names
}

// candidates are the senders that a request may be of, the likeliest first.
func candidates(req *verifiers.Request) []candidate {
	all, counts := knownSenders()
	list := []candidate{}
	for i := range all {
		if c := all[i].score(req, counts); c.Score > 0 {
			list = append(list, c)
		}
	}
	slices.SortStableFunc(list, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Provider, b.Provider))
	})
	return list[:min(len(list), maxCandidates)]
}

// score says how likely a sender is, in points.
func (p *knownSender) score(req *verifiers.Request, counts map[string]int) candidate {
	c := candidate{Provider: p.Name, Title: p.Title}
	places, signature, proved := p.places, p.signature, false
	for _, name := range p.headers {
		weight := 12 / min(12, max(1, counts[name]))
		if slices.Contains(signature, name) {
			weight = max(3*weight, 4)
		}
		switch {
		case len(req.Header[name]) > 0:
			c.Score += weight + 1
			c.Has = append(c.Has, name)
			proved = proved || slices.Contains(signature, name)
		case slices.Contains(signature, name) && len(places.Signature.First) == 0, name == places.Timestamp.Header:
			c.Score -= weight
			c.Lacks = append(c.Lacks, name)
		}
	}
	if hasSource(req, places.Signature) && places.Signature.Query != "" {
		c.Score += 4
		c.Has = append(c.Has, "the parameter "+places.Signature.Query)
	}
	if s := places.Signature; s.Pointer != "" || s.Form != "" {
		if _, err := s.Lookup(undecoded(req)); err == nil {
			c.Score += 6
			c.Has = append(c.Has, s.String())
		}
	}
	if len(c.Has) == 0 || c.Score <= 0 {
		c.Score = 0
		return c
	}
	agent := strings.ToLower(req.Header.Get("User-Agent"))
	if word := strings.ToLower(strings.Split(p.Name, "-")[0]); len(word) > 2 && strings.Contains(agent, word) {
		c.Score += 5
		c.Has = append(c.Has, "User-Agent")
	}
	if req.URL != nil && slices.Contains(strings.Split(req.URL.Path, "/"), p.Name) {
		c.Score += 5
		c.Has = append(c.Has, "its name in the path")
	}
	if _, err := p.Type.Lookup(undecoded(req)); err == nil && proved && p.Type.Const == "" {
		c.Score += 2
	}
	if _, err := p.ID.Lookup(undecoded(req)); err == nil && proved && p.ID.Const == "" {
		c.Score += 2
	}
	return c
}

// sourceNames are the headers that a source reads.
func sourceNames(s verifiers.Source) (names []string) {
	if s.Header != "" {
		names = append(names, s.Header)
	}
	for _, part := range slices.Concat(s.First, s.Join) {
		names = append(names, sourceNames(part)...)
	}
	return names
}

// looksLike returns another sender that the request is likelier of, and what it has.
func (j *judge) looksLike(req *verifiers.Request) (name, why string) {
	list := candidates(req)
	if len(list) == 0 || slices.ContainsFunc(list, func(c candidate) bool { return c.Provider == j.provider.Name }) {
		return "", ""
	}
	if len(sourceNames(j.entry.places.Signature)) > 0 && hasSource(req, j.entry.places.Signature) {
		return "", ""
	}
	return list[0].Provider, strings.Join(list[0].Has, ", ")
}
