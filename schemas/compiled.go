package schemas

import (
	"path"

	"github.com/santhosh-tekuri/jsonschema/v5"
)

// Compiled is a Set with the schemas as the library compiles them: for those who
// look into schemas and not at payloads.
type Compiled struct {
	*Set
	schemas map[string]*jsonschema.Schema // by address
}

// Compile loads as [Load] does.
func Compile(cfg Config) (*Compiled, error) {
	set, err := Load(cfg)
	if err != nil {
		return nil, err
	}
	dir, err := open(cfg)
	if err != nil {
		return nil, err
	}
	addresses, err := dir.prepare(cfg.Rules)
	if err != nil {
		return nil, err
	}
	c := &Compiled{Set: set, schemas: make(map[string]*jsonschema.Schema, len(addresses))}
	compiler := dir.compiler()
	for _, a := range addresses {
		s, err := compileOne(compiler, a.url())
		if err != nil {
			return nil, join(dir.explain(a.file, err))
		}
		c.schemas[path.Join(cfg.Name, a.text)] = s
	}
	return c, nil
}

// Schema returns the schema with an address, as [Set.Choose] returns it; nil if
// there is none.
func (c *Compiled) Schema(address string) *jsonschema.Schema { return c.schemas[address] }

// Location returns where a schema stands: the file inside the directory, "#" and a
// JSON Pointer.
func (c *Compiled) Location(s *jsonschema.Schema) string { return c.location(s.Location) }
