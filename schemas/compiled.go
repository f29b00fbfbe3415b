package schemas

import (
	"path"

	"github.com/santhosh-tekuri/jsonschema/v5"
)

// Compiled is a Set with the schemas in the library's form: for those who look into
// schemas and not at payloads. The library itself cannot validate with them.
type Compiled struct {
	*Set
	schemas map[string]*jsonschema.Schema // by address
}

// Compile loads as [Load] does.
func Compile(cfg Config) (*Compiled, error) {
	dir, err := open(cfg)
	if err != nil {
		return nil, err
	}
	set, err := sets.load(dir.key(cfg), func() (*Set, error) { return dir.set(cfg) })
	if err != nil {
		return nil, err
	}
	// The set may be that of an earlier load, and is of the same bytes.
	dir = dir.again()
	addresses, err := dir.prepare(cfg.Rules)
	if err != nil {
		return nil, err
	}
	c := &Compiled{Set: set, schemas: make(map[string]*jsonschema.Schema, len(addresses))}
	r := newReader()
	for _, a := range addresses {
		c.schemas[path.Join(cfg.Name, a.text)] = r.schema(a.target())
	}
	r.run()
	return c, join(r.problems)
}

// Schema returns the schema with an address, as [Set.Choose] returns it; nil if
// there is none.
func (c *Compiled) Schema(address string) *jsonschema.Schema { return c.schemas[address] }

// Location returns where a schema stands: the file inside the directory, "#" and a
// JSON Pointer.
func (c *Compiled) Location(s *jsonschema.Schema) string { return c.location(s.Location) }
