package schemas

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// checkRefs reports references that leave the directory, and those that point at
// nothing, with the place where they stand.
func (d *directory) checkRefs(f *file) []error {
	var problems []error
	baseURL := f.url()
	if f.id != "" {
		baseURL = f.id
	}
	d.walk(f, f.doc, "", baseURL, &problems)
	return problems
}

// data are the keywords whose values are not schemas.
var data = map[string]bool{"const": true, "enum": true, "default": true, "examples": true, "example": true}

func (d *directory) walk(f *file, node any, at, baseURL string, problems *[]error) {
	switch node := node.(type) {
	case map[string]any:
		if id, ok := node["$id"].(string); ok && at != "" {
			if u, err := resolve(baseURL, id); err == nil {
				u.Fragment = ""
				baseURL = u.String()
			}
		}
		for key, child := range node {
			here := at + "/" + escapePointer(key)
			text, isText := child.(string)
			switch {
			case data[key]:
			case isText && key == "$ref":
				if err := d.checkRef(f, baseURL, text); err != nil {
					*problems = append(*problems, &LoadError{File: f.name, Pointer: here, Err: err})
				}
			case isText && (key == "$dynamicRef" || key == "$recursiveRef"):
				d.dynamic = true
			default:
				d.walk(f, child, here, baseURL, problems)
			}
		}
	case []any:
		for i, child := range node {
			d.walk(f, child, at+"/"+strconv.Itoa(i), baseURL, problems)
		}
	}
}

func (d *directory) checkRef(f *file, baseURL, ref string) error {
	u, err := url.Parse(ref)
	if err != nil {
		return errors.New("the reference is not a URL")
	}
	if !u.IsAbs() && (strings.HasPrefix(u.Path, "/") || u.Host != "" || hasDots(u.Path)) {
		return fmt.Errorf("the reference %q may leave the directory: name a file inside it, without .. and without a slash at the beginning", ref)
	}
	target, err := resolve(baseURL, ref)
	if err != nil {
		return errors.New("the reference is not a URL")
	}
	fragment := target.Fragment
	target.Fragment, target.RawFragment = "", ""
	doc := f.doc
	if rawURL := target.String(); rawURL != baseURL {
		if isMetaschema(rawURL) {
			return nil
		}
		other := d.find(rawURL)
		if other == nil {
			return fmt.Errorf("the reference %q: %w", ref, errOutside)
		}
		doc = other.doc
	} else if baseURL != f.url() && baseURL != f.id {
		return nil // inside an embedded schema, which the library resolves
	}
	if strings.HasPrefix(fragment, "/") {
		if _, ok := lookup(doc, fragment); !ok {
			return fmt.Errorf("the reference %q points at nothing", ref)
		}
	}
	return nil
}

func hasDots(p string) bool {
	for part := range strings.SplitSeq(p, "/") {
		if part == ".." {
			return true
		}
	}
	return false
}

func resolve(baseURL, ref string) (*url.URL, error) {
	b, err := url.Parse(baseURL)
	if err != nil {
		return nil, err
	}
	return b.Parse(ref)
}

// isMetaschema reports whether the library has the document itself.
func isMetaschema(rawURL string) bool {
	rest, ok := strings.CutPrefix(rawURL, "https://json-schema.org/draft/")
	if !ok {
		rest, ok = strings.CutPrefix(rawURL, "http://json-schema.org/draft-")
	}
	return ok && rest != ""
}

// lookup follows a JSON Pointer.
func lookup(doc any, pointer string) (any, bool) {
	for token := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		token = strings.ReplaceAll(strings.ReplaceAll(token, "~1", "/"), "~0", "~")
		switch node := doc.(type) {
		case map[string]any:
			child, ok := node[token]
			if !ok {
				return nil, false
			}
			doc = child
		case []any:
			i, err := strconv.Atoi(token)
			if err != nil || i < 0 || i >= len(node) {
				return nil, false
			}
			doc = node[i]
		default:
			return nil, false
		}
	}
	return doc, true
}

func escapePointer(token string) string {
	return strings.ReplaceAll(strings.ReplaceAll(token, "~", "~0"), "/", "~1")
}
