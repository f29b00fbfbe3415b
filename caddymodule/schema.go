package caddymodule

import (
	"errors"
	"fmt"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
	"github.com/caddy-webhooks/caddy-webhooks/schemas"
)

// load compiles the schemas. The error names each mistake with its file and
// JSON Pointer.
func (s *Schema) load() (gateway.Validator, error) {
	if s.Dir == "" {
		return nil, errors.New("schema: dir is missing: name the directory of the schemas")
	}
	dir, err := resolveSetting(s.Dir)
	if err != nil {
		return nil, fmt.Errorf("schema dir: %w", err)
	}
	cfg := schemas.Config{Dir: dir}
	switch s.UnknownType {
	case "", "accept":
	case "invalid":
		cfg.RefuseUnknown = true
	default:
		return nil, fmt.Errorf("schema unknown_type: %q is not understood: write accept or invalid", s.UnknownType)
	}
	switch s.OnInvalid {
	case "", gateway.OnInvalidQuarantine, gateway.OnInvalidTag, gateway.OnInvalidReject:
	default:
		return nil, fmt.Errorf("schema on_invalid: %q is not understood: write quarantine, tag or reject", s.OnInvalid)
	}
	for _, t := range s.Types {
		cfg.Rules = append(cfg.Rules, schemas.Rule{Type: t.Match, Schema: t.File})
	}
	set, err := schemas.Load(cfg)
	if err != nil {
		return nil, fmt.Errorf("schema dir %s: %w", dir, err)
	}
	return set, nil
}
