package caddymodule

import (
	"fmt"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// StrictJSON says which JSON is such that all who read it see the same in it, and is
// not beyond some bounds. It is about events that are authentic and whose body is
// JSON, or a form with JSON in a field that the sender's events are known by.
type StrictJSON struct {
	// What happens to an event whose JSON is not strict: `quarantine` keeps it aside
	// and tells the sender that it has arrived, `reject` answers 400, after which most
	// senders give up, and `off` takes it. Default: `quarantine`, or `reject` on a
	// route without one.
	OnInvalid gateway.StrictMode `json:"on_invalid,omitempty"`
	// How many arrays and objects may be inside one another, at most 10000. Default: 256.
	Depth int `json:"depth,omitempty"`
	// How many values there may be, with all that is inside others. Default: 1000000.
	Values int `json:"values,omitempty"`
	// How many members one object may have. Default: 100000.
	Members int `json:"members,omitempty"`
	// How many digits a number may have, and how large its exponent may be. Default: 1000.
	Number int `json:"number,omitempty"`
	// How many bytes a string may have as it is written. Default: no limit but that
	// of the body.
	String int64 `json:"string,omitempty"`
	// Whether an object may have a member twice: `allow` or `refuse`. Default: `refuse`.
	Duplicates string `json:"duplicates,omitempty"`
	// Whether a string may have half of a character, such as `\ud83d` without what
	// belongs to it: `allow` or `refuse`. Default: `refuse`.
	Surrogates string `json:"surrogates,omitempty"`
}

const (
	strictAllow  = "allow"
	strictRefuse = "refuse"
)

// strictJSON translates the settings.
func (h *Handler) strictJSON(cfg *gateway.Config) error {
	s := h.StrictJSON
	if s == nil {
		return nil
	}
	for _, word := range []struct{ name, value string }{{"duplicates", s.Duplicates}, {"surrogates", s.Surrogates}} {
		if word.value != "" && word.value != strictAllow && word.value != strictRefuse {
			return fmt.Errorf("strict_json: %s: %q is not understood: write allow or refuse", word.name, word.value)
		}
	}
	switch s.OnInvalid {
	case "", gateway.StrictQuarantine, gateway.StrictReject, gateway.StrictOff:
	default:
		return fmt.Errorf("strict_json: on_invalid: %q is not understood: write quarantine, reject or off", s.OnInvalid)
	}
	cfg.StrictJSON = s.OnInvalid
	cfg.JSONLimits = verifiers.JSONLimits{
		Depth: s.Depth, Values: s.Values, Members: s.Members, Digits: s.Number, String: int(s.String),
		Duplicates: s.Duplicates == strictAllow, Surrogates: s.Surrogates == strictAllow,
	}
	if err := cfg.JSONLimits.Check(); err != nil {
		return fmt.Errorf("strict_json: %w", err)
	}
	return nil
}

// strict_json off|quarantine|reject
//
//	strict_json {
//		on_invalid quarantine|reject
//		depth      <n>
//		values     <n>
//		members    <n>
//		number     <digits>
//		string     <size>
//		duplicates allow|refuse
//		surrogates allow|refuse
//	}
func (h *Handler) parseStrictJSON(d *caddyfile.Dispenser) error {
	h.StrictJSON = new(StrictJSON)
	mode := func(s *StrictJSON, d *caddyfile.Dispenser, words ...string) error {
		var word string
		err := parseWord(d, &word, words...)
		s.OnInvalid = gateway.StrictMode(word)
		return err
	}
	quarantine, reject := string(gateway.StrictQuarantine), string(gateway.StrictReject)
	if d.CountRemainingArgs() > 0 {
		return mode(h.StrictJSON, d, string(gateway.StrictOff), quarantine, reject)
	}
	number := func(into func(*StrictJSON) *int) subdirective[*StrictJSON] {
		return subdirective[*StrictJSON]{parse: func(s *StrictJSON, d *caddyfile.Dispenser) error { return parseCount(d, into(s)) }}
	}
	return parseBlock(d, "strict_json", map[string]subdirective[*StrictJSON]{
		"on_invalid": {parse: func(s *StrictJSON, d *caddyfile.Dispenser) error { return mode(s, d, quarantine, reject) }},
		"depth":      number(func(s *StrictJSON) *int { return &s.Depth }),
		"values":     number(func(s *StrictJSON) *int { return &s.Values }),
		"members":    number(func(s *StrictJSON) *int { return &s.Members }),
		"number":     number(func(s *StrictJSON) *int { return &s.Number }),
		"string":     {parse: func(s *StrictJSON, d *caddyfile.Dispenser) error { return parseSize(d, &s.String) }},
		"duplicates": {parse: func(s *StrictJSON, d *caddyfile.Dispenser) error {
			return parseWord(d, &s.Duplicates, strictAllow, strictRefuse)
		}},
		"surrogates": {parse: func(s *StrictJSON, d *caddyfile.Dispenser) error {
			return parseWord(d, &s.Surrogates, strictAllow, strictRefuse)
		}},
	}, h.StrictJSON)
}
