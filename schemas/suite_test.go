package schemas

import (
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// suiteDrafts are the directories of the official test suite, with what "$schema"
// says of the schemas in them, most of which leave it out.
var suiteDrafts = []struct{ dir, schema, id string }{
	{"draft4", "http://json-schema.org/draft-04/schema#", "id"},
	{"draft6", "http://json-schema.org/draft-06/schema#", "$id"},
	{"draft7", "http://json-schema.org/draft-07/schema#", "$id"},
	{"draft2019-09", "https://json-schema.org/draft/2019-09/schema", "$id"},
	{"draft2020-12", "https://json-schema.org/draft/2020-12/schema", "$id"},
}

// suiteGroup is a schema with payloads.
type suiteGroup struct {
	Description string `json:"description"`
	Schema      any    `json:"schema"`
	Tests       []struct {
		Description string `json:"description"`
		Data        any    `json:"data"`
		Valid       bool   `json:"valid"`
	} `json:"tests"`
}

// suiteHost is where the schemas of the suite expect its remote ones.
const suiteHost = "http://localhost:1234/"

// TestOfficialSuite runs the official JSON-Schema-Test-Suite, each schema as a file
// of a directory. What it expects on a server is in files beside it, with the URL
// as $id: nothing is fetched.
func TestOfficialSuite(t *testing.T) {
	t.Parallel()
	dir := os.Getenv("JSON_SCHEMA_SUITE_DIR")
	if dir == "" {
		t.Skip("the official test suite is not here: set JSON_SCHEMA_SUITE_DIR to a checkout of json-schema-org/JSON-Schema-Test-Suite, " +
			"or, on Debian: apt-get download libtest-json-schema-acceptance-perl && dpkg-deb -x libtest-json-schema-acceptance-perl_*.deb suite, " +
			"and set it to $PWD/suite/usr/share/perl5/auto/share/dist/Test-JSON-Schema-Acceptance")
	}
	seen := map[string]bool{}
	for _, draft := range suiteDrafts {
		remotes := suiteRemotes(t, dir, draft.dir, draft.schema, draft.id)
		var count suiteCount
		for _, file := range suiteFiles(t, filepath.Join(dir, "tests", draft.dir)) {
			data, err := os.ReadFile(filepath.Join(dir, "tests", draft.dir, filepath.FromSlash(file)))
			if err != nil {
				t.Fatal(err)
			}
			for _, group := range decodeSuite(t, data) {
				files := maps.Clone(remotes)
				files["x.json"] = &fstest.MapFile{Data: marshal(t, withDraft(group.Schema, draft.schema))}
				count.run(t, draft.dir, strings.TrimSuffix(file, ".json"), group, files, seen)
			}
		}
		t.Logf("%s: %d tests, %d as the suite says, %d exceptions; the library alone: %d as the suite says", draft.dir, count.all, count.passed, count.excepted, count.library)
		if count.passed < 500 {
			t.Errorf("%s: only %d tests: this is not the suite", draft.dir, count.passed)
		}
	}
	for _, e := range suiteExceptions {
		for _, glob := range e.tests {
			if !seen[glob] {
				t.Logf("not in this version of the suite: %s", glob)
			}
		}
	}
}

type suiteCount struct{ all, passed, excepted, library int }

func (c *suiteCount) run(t *testing.T, draft, file string, group suiteGroup, files fstest.MapFS, seen map[string]bool) {
	t.Helper()
	s, loadErr := Load(Config{FS: files})
	plain := compileAlone(files)
	for _, test := range group.Tests {
		name := file + ": " + group.Description + ": " + test.Description
		if slices.ContainsFunc(suiteUnclaimed, func(glob string) bool { return matchGlob(glob, name) }) {
			continue
		}
		c.all++
		if plain != nil && (plain(test.Data) == nil) == test.Valid {
			c.library++
		}
		err := loadErr
		if err == nil {
			_, err = s.Validate("x", test.Data)
		}
		right := loadErr == nil && (err == nil) == test.Valid
		switch excepted := isSuiteException(name, seen); {
		case excepted && right:
			t.Errorf("%s: no exception any more: %s", draft, name)
		case excepted:
			c.excepted++
		case !right:
			t.Errorf("%s: %s: got %v, valid %v", draft, name, err, test.Valid)
		default:
			c.passed++
		}
	}
}

// suiteException is what the suite and we judge differently on purpose: all tests
// that the globs fit, which are of a file, a group and a test in one.
type suiteException struct {
	reason string
	tests  []string
}

var suiteExceptions = []suiteException{
	{"formats are asserted in all drafts, since a payload is not to be believed", []string{
		"format: *: * is only an annotation by default",
	}},
	{"decoders do not tell 1.0 from 1, and senders write either", []string{
		"optional/zeroTerminatedFloats: *: a float is not an integer even without fractional part",
	}},
	{"patterns are RE2, whose time is linear: it has other escapes and no lookaround, and other spaces in \\s", []string{
		"optional/ecmascript-regex: ECMA 262 regex escapes control codes with *",
		"optional/ecmascript-regex: ECMA 262 \\s matches whitespace: Line tabulation matches",
		"optional/ecmascript-regex: ECMA 262 \\s matches whitespace: latin-1 non-breaking-space matches",
		"optional/ecmascript-regex: ECMA 262 \\s matches whitespace: zero-width whitespace matches",
		"optional/ecmascript-regex: ECMA 262 \\s matches whitespace: paragraph separator matches *",
		"optional/ecmascript-regex: ECMA 262 \\s matches whitespace: EM SPACE matches *",
		"optional/ecmascript-regex: ECMA 262 \\S matches everything but whitespace: Line tabulation *",
		"optional/ecmascript-regex: ECMA 262 \\S matches everything but whitespace: latin-1 *",
		"optional/ecmascript-regex: ECMA 262 \\S matches everything but whitespace: zero-width *",
		"optional/ecmascript-regex: ECMA 262 \\S matches everything but whitespace: paragraph separator *",
		"optional/ecmascript-regex: ECMA 262 \\S matches everything but whitespace: EM SPACE *",
		"*ecmascript-regex: \\a is not an ECMA 262 control escape: when used as a pattern",
		"optional/format/ecmascript-regex: Python-specific *: Python named group *",
		"optional/format/ecmascript-regex: global inline flag groups are not valid *",
		"optional/format/ecmascript-regex: *: an ECMA 262 named backreference *",
		"optional/format/ecmascript-regex: *: a variable-width lookbehind *",
		"optional/format/ecmascript-regex: *: * empty character class is valid ECMA 262",
		"optional/format/ecmascript-regex: *: a control escape \\cA is valid ECMA 262",
	}},
	{"what labels with xn-- stand for is not looked at", []string{
		"optional/format/hostname: * (punycode) *: invalid Punycode",
		"optional/format/hostname: * (punycode) *: contains illegal char *",
		"optional/format/hostname: * (punycode) *: Begins with *",
		"optional/format/hostname: * (punycode) *: Exceptions that are DISALLOWED*",
		"optional/format/hostname: * (punycode) *: MIDDLE DOT with no*",
		"optional/format/hostname: * (punycode) *: Greek KERAIA not *",
		"optional/format/hostname: * (punycode) *: Hebrew * not *",
		"optional/format/hostname: * (punycode) *: KATAKANA MIDDLE DOT with no *",
		"optional/format/hostname: * (punycode) *: Arabic-Indic digits mixed with *",
		"optional/format/hostname: * (punycode) *: ZERO WIDTH JOINER not *",
		"optional/format/hostname: * (punycode) *: contains \"--\" in *",
	}},
}

// suiteUnclaimed are globs of tests about formats that we do not claim.
var suiteUnclaimed = []string{"optional/format/idn-*", "format: idn-*"}

// isSuiteException finds a test in the table, and notes that it did.
func isSuiteException(name string, seen map[string]bool) bool {
	for _, e := range suiteExceptions {
		for _, glob := range e.tests {
			if matchGlob(glob, name) {
				seen[glob] = true
				return true
			}
		}
	}
	return false
}

// suiteFiles returns the files of a draft, by their names.
func suiteFiles(t *testing.T, dir string) (files []string) {
	t.Helper()
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && path.Ext(name) == ".json" {
			files = append(files, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// suiteRemotes are the files that the schemas of a draft refer to by URLs.
func suiteRemotes(t *testing.T, dir, draft, schema, id string) fstest.MapFS {
	t.Helper()
	files := fstest.MapFS{}
	for _, name := range suiteFiles(t, filepath.Join(dir, "remotes")) {
		first, _, _ := strings.Cut(name, "/")
		ofAnother := first == "v1" || first == "draft3"
		own, ownID := schema, id
		for _, d := range suiteDrafts {
			if d.dir == first {
				own, ownID = d.schema, d.id
			}
		}
		if ofAnother {
			continue
		}
		data, err := os.ReadFile(filepath.Join(dir, "remotes", filepath.FromSlash(name)))
		if err != nil {
			t.Fatal(err)
		}
		doc, err := decode(data)
		if err != nil {
			t.Fatal(err)
		}
		doc = withDraft(doc, own)
		if object, ok := doc.(map[string]any); ok {
			switch declared, _ := object[ownID].(string); {
			case declared == "":
				object[ownID] = suiteHost + name
			case declared != suiteHost+name: // it is known by both
				files["_aliases/"+name] = &fstest.MapFile{Data: marshal(t, map[string]any{
					"$schema": own, ownID: suiteHost + name, "allOf": []any{map[string]any{"$ref": declared}},
				})}
			}
		}
		files["_remotes/"+name] = &fstest.MapFile{Data: marshal(t, doc)}
	}
	return files
}

// withDraft adds "$schema".
func withDraft(schema any, draft string) any {
	object, ok := schema.(map[string]any)
	if !ok {
		return schema
	}
	if _, ok := object["$schema"]; ok {
		return schema
	}
	object = maps.Clone(object)
	object["$schema"] = draft
	return object
}

func decodeSuite(t *testing.T, data []byte) (groups []suiteGroup) {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(string(data)))
	dec.UseNumber()
	if err := dec.Decode(&groups); err != nil {
		t.Fatal(err)
	}
	return groups
}

func marshal(t *testing.T, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// compileAlone compiles x.json with the library alone, and its own formats.
func compileAlone(files fstest.MapFS) func(any) error {
	d, err := open(Config{FS: files})
	if err != nil {
		return nil
	}
	c := d.compiler()
	clear(c.Formats)
	s, err := compileOne(c, base+"x.json")
	if err != nil {
		return nil
	}
	return s.Validate
}
