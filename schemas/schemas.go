// Package schemas validates payloads against the JSON Schemas of a directory.
// Everything is read and compiled when the directory is loaded; nothing is ever
// read from outside of it, and nothing from the network.
//
// # Schemas
//
// Drafts 4, 6, 7, 2019-09 and 2020-12 are understood, by "$schema"; without it
// a schema is 2020-12. A "$ref" names a file relative to the one in which it
// stands, or what a file of the directory declares as its "$id"; an "$id" is a
// name, and is never fetched.
//
// A rule, or a "$ref", may also name a schema in an OpenAPI document of version 3:
// "openapi.json#/components/schemas/order". Only what is reached is looked at.
//
// Formats are asserted in all drafts: date, date-time, duration, email,
// hostname, ipv4, ipv6, json-pointer, regex, relative-json-pointer, time, uri,
// uri-reference, uri-template, iri, iri-reference and uuid. Others are not looked
// at.
//
// # Bounds
//
// A file has at most 16 MiB, and all have 64 MiB together; they have at most 100,000
// schemas with all that are in them, and patterns of a million instructions. Loading
// takes about 3 KiB for each schema, and 20 bytes for each byte of an enum.
//
// Validating a payload takes a number of steps that depends on it and its schema
// alone: about one for each keyword at each value that it is looked at for, and
// one for each 64 bytes of text. A payload that would take more than
// Config.MaxSteps is invalid, with [ErrTooExpensive]; so are those that are nested
// more than 256 deep where the schema looks at them. Patterns are RE2, so that
// their time is linear. Memory is in proportion to the depth, except that
// uniqueItems takes 24 bytes for each item and unevaluatedProperties keeps the
// names of the members.
//
// Time is in proportion to payload and schema, except that each level of oneOf and
// anyOf looks at the payload once for each branch that is possible. Branches that
// require an absent member, that are for another type, or that pin a member to
// other strings than the payload's are not tried; where branches cannot be told
// apart like this, nested ones multiply.
//
// Numbers are compared exactly, whatever their size, apart from those with an
// exponent of more than 9 digits and, for multipleOf, with more than 1000 digits,
// which are invalid.
package schemas

import (
	"errors"
	"io/fs"
	"slices"
)

// Config says what to load.
type Config struct {
	// Dir is the directory. Required, or FS instead. What counts is every file in
	// it, and in the directories below, whose name ends in ".json"; names that
	// begin with a dot do not count. Links to files are followed where they stay
	// inside.
	//
	// A file whose name, or whose directory's, begins with "_" is found by "$ref"
	// and by rules only: _common.json is for no type by its name.
	Dir string
	// FS holds the files instead of Dir. It must not change while it is read.
	FS fs.FS
	// Name goes before the addresses, with a slash between: with
	// "bundled/stripe" one is "bundled/stripe/invoice.paid.json". Errors of Load
	// name files without it. Default: nothing.
	Name string
	// Rules choose the schema for a type. The most specific rule that fits
	// counts: one without a star before any with, then the one with more other
	// characters, then the one with fewer stars. Two that are equally specific
	// and could fit the same type are a mistake, unless they name the same schema.
	// Files that no rule leads to may be anything.
	//
	// Without rules a type's schema is the file of its name, and every file but
	// those with "_" has to be a schema: for "pull_request.opened" that is pull_request.opened.json,
	// else pull_request.json, else envelope.json. "/" and ":" in a type count as
	// ".", and so does a directory: orders/create.json is for "orders/create".
	Rules []Rule
	// RefuseUnknown makes a payload invalid for whose type there is no schema.
	RefuseUnknown bool
	// MaxSteps is what the validation of one payload may take. Default:
	// [DefaultMaxSteps], which is up to a second; payloads of GitHub, with GitHub's
	// own schemas, take 4700 at most, and 190 for each KiB.
	MaxSteps int
}

// Rule is the schema for some types.
type Rule struct {
	// Type is a glob over the type: "*" is any run of characters, also none.
	Type string
	// Schema is a file inside the directory, with slashes, and optionally a JSON
	// Pointer: "schema.json#/definitions/push_event".
	Schema string
}

// Set is a compiled directory. It is safe for concurrent use.
type Set struct {
	choice        chooser
	all           []Info
	names         map[string]string // of the files, by URL
	refuseUnknown bool
	maxSteps      int
}

// Info describes one schema that a Set may choose.
type Info struct {
	// Schema is its address, as Validate returns it: the name of the set, the file
	// inside the directory and, if a rule has one, "#" and a JSON Pointer.
	Schema string
	// SHA256 changes when the schema does, in lower-case hex: the digest of its
	// file or, if that refers to other files, of what the command sha256sum prints
	// for it and them in the order of their names.
	SHA256 string
}

// Schemas returns what was compiled, in the order of the addresses.
func (s *Set) Schemas() []Info { return slices.Clone(s.all) }

// Choose returns the schema for an event type, as Validate chooses it, and whether
// there is one.
func (s *Set) Choose(eventType string) (Info, bool) {
	c := s.choice.choose(eventType)
	if c == nil {
		return Info{}, false
	}
	return Info{Schema: c.address, SHA256: c.sha256}, true
}

// Validate checks a payload, decoded as by encoding/json with UseNumber, against
// the schema for the event type. It returns the schema's address, or "" if there
// is none for the type. The error is an [*Invalid].
func (s *Set) Validate(eventType string, payload any) (schema string, err error) {
	c := s.choice.choose(eventType)
	if c == nil {
		if s.refuseUnknown {
			return "", &Invalid{Err: errUnknown}
		}
		return "", nil
	}
	found, more, err := c.root.validate(payload, s.maxSteps, c.longest)
	if err == nil && len(found) == 0 {
		return c.address, nil
	}
	return c.address, s.newInvalid(c.address, found, more, err)
}

var (
	errUnknown = errors.New("there is no schema for the type")
	errBroken  = errors.New("the validator failed")
	errEndless = errors.New("the schema refers to itself without end")
)
