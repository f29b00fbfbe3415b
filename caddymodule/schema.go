package caddymodule

import (
	"errors"
	"fmt"
	"mime"
	"path/filepath"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
	"github.com/caddy-webhooks/caddy-webhooks/schemas"
	"github.com/caddy-webhooks/caddy-webhooks/schemas/bundled"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Schema says how payloads are validated.
type Schema struct {
	// Validate nothing, and learn nothing. It is the only choice for events that are
	// neither JSON nor forms. Default: false.
	Off bool `json:"off,omitempty"`
	// Validate with the schemas that come with the program for the route's provider.
	// Those of `dir` go before them. Default: false.
	Bundled bool `json:"bundled,omitempty"`
	// The directory of the schemas. All of it is read and compiled when the
	// configuration is loaded; a `$ref` may not leave it. Required, unless the
	// bundled schemas are used or only the drift report is wanted.
	Dir string `json:"dir,omitempty"`
	// Which schema of the directory is for which type; the most specific glob that
	// fits counts. Default: the file of the type's name, for `pull_request.opened`
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
	// The same for some types; the most specific glob that fits counts. Default:
	// `on_invalid` is for all.
	OnInvalidTypes []SchemaModeOf `json:"on_invalid_types,omitempty"`
	// A directory of schemas that are tried beside the others, and change nothing:
	// what they would refuse is counted. They are chosen as those of `dir` are.
	// Default: none.
	Shadow string `json:"shadow,omitempty"`
	// How it is learned what payloads look like, to report what was never there
	// before. Default: on, with the defaults.
	Drift *Drift `json:"drift,omitempty"`
}

// SchemaType is the schema for some types.
type SchemaType struct {
	// A glob over the event's type; "*" is any run of characters.
	Match string `json:"match"`
	// The schema's file inside the directory, optionally with a JSON Pointer:
	// `schema.json#/definitions/push_event`.
	File string `json:"file"`
}

// SchemaModeOf is what happens to events of some types that their schema refuses.
type SchemaModeOf struct {
	// A glob over the event's type; "*" is any run of characters.
	Match string `json:"match"`
	// `quarantine`, `tag` or `reject`.
	Mode gateway.SchemaMode `json:"mode"`
}

var schemaModes = []string{string(gateway.OnInvalidQuarantine), string(gateway.OnInvalidTag), string(gateway.OnInvalidReject)}

// watches reports whether the drift report is asked for, which needs no schemas.
func (s *Schema) watches() bool { return s.Drift != nil && !s.Drift.Off }

// judges reports whether there are schemas.
func (s *Schema) judges() bool { return s.Dir != "" || s.Bundled }

// check reports what contradicts itself.
func (s *Schema) check() error {
	switch {
	case s.Off && (s.judges() || s.Shadow != "" || s.Drift != nil || s.OnInvalid != "" || len(s.Types)+len(s.OnInvalidTypes) > 0 || s.UnknownType != ""):
		return errors.New("schema: off and other settings contradict each other: remove one of them")
	case s.Off:
	case !s.judges() && s.Shadow == "" && !s.watches():
		return errors.New("schema: dir is missing: name the directory of the schemas, or write `schema bundled`")
	case !s.judges() && (len(s.Types) > 0 && s.Shadow == "" || s.UnknownType != "" || s.OnInvalid != "" || len(s.OnInvalidTypes) > 0):
		return errors.New("schema: without dir or bundled there is nothing that refuses an event, and type, unknown_type and on_invalid have no effect: remove them, or name the directory of the schemas")
	case s.Dir == "" && s.Shadow == "" && len(s.Types) > 0:
		return errors.New("schema: type chooses files of dir, and there is none: name it, or remove type")
	case s.Shadow != "" && s.Dir != "" && filepath.Clean(s.Shadow) == filepath.Clean(s.Dir):
		return errors.New("schema: shadow is the same directory as dir: name that of the schemas to come")
	case s.UnknownType != "" && s.UnknownType != "accept" && s.UnknownType != "invalid":
		return fmt.Errorf("schema: unknown_type: %q is not understood: write accept or invalid", s.UnknownType)
	case s.OnInvalid != "" && !slices.Contains(schemaModes, string(s.OnInvalid)):
		return fmt.Errorf("schema: on_invalid: %q is not understood: write %s", s.OnInvalid, strings.Join(schemaModes, " or "))
	}
	return nil
}

// load compiles the schemas.
func (s *Schema) load(p verifiers.Provider) (*validator, error) {
	v := new(validator)
	var err error
	if s.Dir != "" {
		if err := v.add(s.config(), s.Dir, "dir"); err != nil {
			return nil, err
		}
	}
	if s.Bundled {
		own, ok := bundled.FS(p.Name)
		if !ok {
			return nil, fmt.Errorf("schema: no schemas for %s come with the program, but for %s: write some and name their directory with `schema { dir <path> }`; `caddy webhooks schema infer` makes a beginning from what has arrived",
				p.Name, strings.Join(bundled.Providers(), ", "))
		}
		set, err := schemas.Load(schemas.Config{FS: own, Name: "bundled/" + bundled.Directory(p.Name), RefuseUnknown: s.UnknownType == "invalid"})
		if err != nil {
			return nil, fmt.Errorf("schema: bundled: %w", err)
		}
		v.sets = append(v.sets, set)
	}
	if v.modes, err = s.modes(); err != nil {
		return nil, err
	}
	if s.Shadow != "" {
		cfg := s.config()
		cfg.MaxSteps = maxShadowSteps
		if v.candidate, err = loadDir(cfg, s.Shadow, "shadow"); err != nil {
			return nil, err
		}
	}
	return v, nil
}

func (v *validator) add(cfg schemas.Config, dir, setting string) error {
	set, err := loadDir(cfg, dir, setting)
	if err == nil {
		v.sets = append(v.sets, set)
	}
	return err
}

// config is how the files of a directory are chosen.
func (s *Schema) config() schemas.Config {
	cfg := schemas.Config{RefuseUnknown: s.UnknownType == "invalid" && !s.Bundled}
	for _, t := range s.Types {
		cfg.Rules = append(cfg.Rules, schemas.Rule{Type: t.Match, Schema: t.File})
	}
	return cfg
}

func loadDir(cfg schemas.Config, dir, setting string) (set *schemas.Set, err error) {
	if cfg.Dir, err = resolveSetting(dir); err != nil {
		return nil, fmt.Errorf("schema: %s: %w", setting, err)
	}
	if set, err = schemas.Load(cfg); err != nil {
		if setting != "dir" {
			return nil, fmt.Errorf("schema: %s: %w", setting, err)
		}
		return nil, fmt.Errorf("schema: %w", err)
	}
	return set, nil
}

// modes are what happens by type; nil if it is the same for all.
func (s *Schema) modes() (*schemas.Globs[gateway.SchemaMode], error) {
	if len(s.OnInvalidTypes) == 0 {
		return nil, nil //nolint:nilnil // there is none, and that is no mistake
	}
	choices := make([]schemas.Choice[gateway.SchemaMode], len(s.OnInvalidTypes))
	for i, m := range s.OnInvalidTypes {
		if m.Match == "" || !slices.Contains(schemaModes, string(m.Mode)) {
			return nil, fmt.Errorf("schema: on_invalid: %q for %q is not understood: write %s, and a glob", m.Mode, m.Match, strings.Join(schemaModes, " or "))
		}
		choices[i] = schemas.Choice[gateway.SchemaMode]{Type: m.Match, Value: m.Mode}
	}
	globs, ties := schemas.NewGlobs(choices)
	if len(ties) > 0 {
		t := ties[0]
		if t.First.Type == t.Second.Type {
			return nil, fmt.Errorf("schema: on_invalid: the type %q has two modes, %s and %s: remove one of them", t.First.Type, t.First.Value, t.Second.Value)
		}
		return nil, fmt.Errorf("schema: on_invalid: the types %q and %q are equally specific, one event may fit both, and their modes differ: write more of one of them", t.First.Type, t.Second.Type)
	}
	return globs, nil
}

// opaque says why no schema can be for the events of a route; "" if one can.
func opaque(p verifiers.Provider, contentTypes []string) string {
	if p.Opaque {
		return "events of " + p.Name + " are neither JSON nor forms"
	}
	if len(contentTypes) == 0 {
		contentTypes = p.ContentTypes
	}
	if len(contentTypes) > 0 && !slices.ContainsFunc(contentTypes, mayHaveSchema) {
		return "content_types has neither JSON nor forms"
	}
	return ""
}

// mayHaveSchema reports whether bodies of a media type may be JSON or a form. Many
// senders of JSON say text/plain.
func mayHaveSchema(contentType string) bool {
	media, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return true
	}
	main, sub, _ := strings.Cut(media, "/")
	return !strings.HasSuffix(sub, "xml") && main != "image" && main != "audio" && main != "video" && media != "text/html"
}

// schema bundled|off
//
//	schema {
//		bundled
//		dir          <path>
//		type         <glob> <file>
//		unknown_type accept|invalid
//		on_invalid   quarantine|tag|reject [<glob>...]
//		shadow       <path>
//		drift        ...
//	}
func (h *Handler) parseSchema(d *caddyfile.Dispenser) error {
	h.Schema = new(Schema)
	if d.CountRemainingArgs() > 0 {
		var word string
		err := parseWord(d, &word, "bundled", "off")
		h.Schema.Bundled, h.Schema.Off = word == "bundled", word == "off"
		return err
	}
	err := parseBlock(d, "schema", map[string]subdirective[*Schema]{
		"bundled": {parse: func(s *Schema, d *caddyfile.Dispenser) error { return parseFlag(d, &s.Bundled) }},
		"dir":     {parse: func(s *Schema, d *caddyfile.Dispenser) error { return parseString(d, &s.Dir) }},
		"type": {repeat: true, parse: func(s *Schema, d *caddyfile.Dispenser) error {
			var t SchemaType
			if !d.AllArgs(&t.Match, &t.File) {
				return d.Err("schema: type takes a glob and a file: write `type invoice.* invoice.json`")
			}
			s.Types = append(s.Types, t)
			return nil
		}},
		"unknown_type": {parse: func(s *Schema, d *caddyfile.Dispenser) error {
			return parseWord(d, &s.UnknownType, "accept", "invalid")
		}},
		"on_invalid": {repeat: true, parse: (*Schema).parseOnInvalid},
		"shadow":     {parse: func(s *Schema, d *caddyfile.Dispenser) error { return parseString(d, &s.Shadow) }},
		"drift":      {parse: (*Schema).parseDrift},
	}, h.Schema)
	if err == nil {
		if err = h.Schema.check(); err != nil {
			return d.Err(err.Error())
		}
	}
	return err
}

// on_invalid quarantine|tag|reject [<glob>...]
func (s *Schema) parseOnInvalid(d *caddyfile.Dispenser) error {
	args := d.RemainingArgs()
	if len(args) == 0 || !slices.Contains(schemaModes, args[0]) {
		word := ""
		if len(args) > 0 {
			word = redact(args[0])
		}
		return d.Errf("on_invalid: '%s' is not understood: write %s", word, strings.Join(schemaModes, " or "))
	}
	mode := gateway.SchemaMode(args[0])
	if len(args) == 1 {
		if s.OnInvalid != "" {
			return d.Err("'on_invalid' is given twice in 'schema' without types: remove one of them, or say for which types it is, such as `on_invalid tag invoice.*`")
		}
		s.OnInvalid = mode
		return nil
	}
	for _, glob := range args[1:] {
		s.OnInvalidTypes = append(s.OnInvalidTypes, SchemaModeOf{Match: glob, Mode: mode})
	}
	return nil
}
