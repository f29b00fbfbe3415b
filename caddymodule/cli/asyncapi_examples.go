package cli

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/providers"
)

// largestExample is how many bytes an example may have, so that the document can be
// read.
const largestExample = 4096

// exampleOf is the provider's sample of one of the types; nil if there is none.
func exampleOf(r *ContractRoute, types []string) *object {
	p, ok := providers.Lookup(r.Provider)
	if !ok || p.Name != r.Provider {
		return nil
	}
	s, kind := exampleSample(p, r, types)
	if s == nil || len(s.JSON)+len(s.Form)+len(s.Text) > largestExample {
		return nil
	}
	payload := s.payload(p, r.Batch)
	if payload == nil {
		return nil
	}
	summary := "A made-up event"
	if kind != "" {
		summary += " of the type " + kind
	}
	return newObject("name", "sample", "summary", summary, "payload", payload)
}

// exampleSample returns the sample of one of the types, and its type.
func exampleSample(p verifiers.Provider, r *ContractRoute, types []string) (*sample, string) {
	own, err := ownSample(p.Name)
	if err != nil {
		return nil, ""
	}
	whole := own.kind(p) // of a batch it is the type of the request
	if len(r.Schemas) == 0 || !r.Batch && r.chooses(types, whole) {
		return &own, whole
	}
	entries, err := samples.ReadDir("samples/types/" + p.Name)
	if err != nil {
		return nil, "" // there are none
	}
	for _, e := range entries {
		kind := strings.NewReplacer("+", "/", "=", ":").Replace(strings.TrimSuffix(strings.TrimSuffix(e.Name(), ".json"), ".form"))
		if !r.chooses(types, kind) || r.Batch && kind == whole {
			continue
		}
		if s, err := typeSample(p.Name, kind); err == nil {
			return s, kind
		}
	}
	return nil, ""
}

// chooses reports whether an event of a kind has the schema that is for these types,
// where types have names and no stars.
func (r *ContractRoute) chooses(types []string, kind string) bool {
	kind = strings.NewReplacer("/", ".", ":", ".").Replace(kind)
	longest := ""
	for i := range r.Schemas {
		for _, t := range r.Schemas[i].Types {
			if (t == kind || strings.HasPrefix(kind, t+".")) && len(t) > len(longest) {
				longest = t
			}
		}
	}
	return longest != "" && slices.Contains(types, longest)
}

// kind is the type that the sample has where the provider has it.
func (s *sample) kind(p verifiers.Provider) string {
	req := &verifiers.Request{Method: s.method(p), URL: &url.URL{Path: "/", RawQuery: s.Query}, Header: http.Header{}, Body: slices.Concat(s.JSON, []byte(s.Form), []byte(s.Text))}
	for name, value := range s.Header {
		req.Header.Set(name, value)
	}
	if req.Header.Get("Content-Type") == "" {
		req.Header.Set("Content-Type", s.media(p))
	}
	kind, _ := p.Type.Lookup(req)
	return kind
}

// payload is what a message has of the sample; nil if that differs from what the
// sample has.
func (s *sample) payload(p verifiers.Provider, batch bool) any {
	switch {
	case s.Form != "":
		return s.Form
	case s.JSON == nil:
		return nil // text with places to be filled in
	}
	dec := json.NewDecoder(bytes.NewReader(s.JSON))
	dec.UseNumber()
	var doc any
	if dec.Decode(&doc) != nil {
		return nil
	}
	if !batch {
		return doc
	}
	if p.Batch == nil || !p.Batch.In.IsZero() {
		return nil
	}
	return member(doc, tokens(p.Batch.Elements+"/0"))
}
