package caddymodule

import (
	"errors"
	"fmt"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
	"github.com/caddy-webhooks/caddy-webhooks/schemas"
)

// Schema says how payloads are validated.
type Schema struct {
	// The directory of the schemas. All of it is read and compiled when the
	// configuration is loaded; a `$ref` may not leave it. Required.
	Dir string `json:"dir,omitempty"`
	// Which schema is for which type; the most specific glob that fits counts.
	// Default: the file of the type's name, for `pull_request.opened`
	// `pull_request.opened.json`, else `pull_request.json`, else
	// `envelope.json`.
	Types []SchemaType `json:"types,omitempty"`
	// What happens to an event for whose type there is no schema: `accept`, or
	// `invalid` to treat it as one that its schema refuses. Default: `accept`.
	UnknownType string `json:"unknown_type,omitempty"`
	// What happens to an event that its schema refuses: `quarantine` keeps it
	// aside and tells the sender that it has arrived, `tag` publishes and marks
	// it, `reject` answers 422, after which most senders give up. Default:
	// `quarantine`.
	OnInvalid gateway.SchemaMode `json:"on_invalid,omitempty"`
	// How it is learned what payloads look like, to report what was never there
	// before. Default: on, with the defaults.
	Drift *Drift `json:"drift,omitempty"`
}

// watches reports whether the drift report is asked for, which needs no schemas.
func (s *Schema) watches() bool { return s.Drift != nil && !s.Drift.Off }

// SchemaType is the schema for some types.
type SchemaType struct {
	// A glob over the event's type; "*" is any run of characters.
	Match string `json:"match"`
	// The schema's file inside the directory, optionally with a JSON Pointer:
	// `schema.json#/definitions/push_event`.
	File string `json:"file"`
}

// load compiles the directory.
func (s *Schema) load() (*validator, error) {
	if s.Dir == "" && s.watches() {
		if len(s.Types) > 0 || s.UnknownType != "" || s.OnInvalid != "" {
			return nil, errors.New("schema: without dir there is only the drift report, and type, unknown_type and on_invalid have no effect: remove them, or name the directory of the schemas")
		}
		return new(validator), nil
	}
	if s.Dir == "" {
		return nil, errors.New("schema: dir is missing: name the directory of the schemas")
	}
	cfg := schemas.Config{}
	var err error
	if cfg.Dir, err = resolveSetting(s.Dir); err != nil {
		return nil, fmt.Errorf("schema: dir: %w", err)
	}
	switch s.UnknownType {
	case "", "accept":
	case "invalid":
		cfg.RefuseUnknown = true
	default:
		return nil, fmt.Errorf("schema: unknown_type: %q is not understood: write accept or invalid", s.UnknownType)
	}
	for _, t := range s.Types {
		cfg.Rules = append(cfg.Rules, schemas.Rule{Type: t.Match, Schema: t.File})
	}
	set, err := schemas.Load(cfg)
	if err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	v := &validator{set: set, digests: make(map[string]string)}
	for _, info := range set.Schemas() {
		v.digests[info.Schema] = info.SHA256
	}
	return v, nil
}

// validator checks the payloads of a route.
type validator struct {
	set     *schemas.Set      // nil: there are no schemas
	digests map[string]string // of the schemas, by address
	drift   *driftRoute       // nil: payloads are not learned
}

// Validate implements [gateway.Validator].
func (v *validator) Validate(e *gateway.Event, payload any) gateway.Validation {
	v.drift.observe(e, payload)
	if v.set == nil {
		return gateway.Validation{}
	}
	schema, err := v.set.Validate(e.Type, payload)
	return gateway.Validation{Schema: schema, SHA256: v.digests[schema], Err: err}
}

var _ gateway.Validator = (*validator)(nil)
