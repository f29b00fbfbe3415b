package verifiers

import "slices"

// Coverage says which parts of a request a signature protects. What it does not
// protect may have been changed, or made up, by anybody on the way.
type Coverage struct {
	// Body means every byte of the body.
	Body bool `json:"body,omitempty"`
	// URL means scheme, host, path and query as the sender addressed them.
	URL bool `json:"url,omitempty"`
	// Method means the HTTP method.
	Method bool `json:"method,omitempty"`
	// Headers are canonical names of single headers.
	Headers []string `json:"headers,omitempty"`
	// Query are names of single parameters of the URL.
	Query []string `json:"query,omitempty"`
	// Form are names of single fields of a form body.
	Form []string `json:"form,omitempty"`
	// Pointers are JSON Pointers of single members of a JSON body.
	Pointers []string `json:"pointers,omitempty"`

	// sources are those that are protected as they are read, although not all
	// of the place is: an item of a list, or the first present of several.
	sources []Source
}

// with returns a coverage that protects the value of s as well.
func (c Coverage) with(s Source) Coverage {
	switch {
	case s.Pair != "" || len(s.Within) > 0 || s.Sep != "" || len(s.First)+len(s.Join) > 0:
		c.sources = appendCopy(c.sources, s)
	case s.Header != "":
		c.Headers = appendCopy(c.Headers, s.Header)
	case s.Query != "":
		c.Query = appendCopy(c.Query, s.Query)
	case s.Form != "":
		c.Form = appendCopy(c.Form, s.Form)
	case s.Pointer != "":
		c.Pointers = appendCopy(c.Pointers, s.Pointer)
	case s.Whole:
		c.Body = true
	}
	return c
}

// appendCopy never writes into the memory of the list it is given.
func appendCopy[T any](list []T, v T) []T { return append(slices.Clip(list), v) }

// None reports whether nothing at all is protected, as with a static token.
func (c *Coverage) None() bool {
	return !c.Body && !c.URL && !c.Method && len(c.Headers)+len(c.Query)+len(c.Form)+len(c.Pointers)+len(c.sources) == 0
}

// Content reports whether what the request says is protected: the whole body,
// or named members of it.
func (c *Coverage) Content() bool {
	return c.Body || len(c.Form) > 0 || len(c.Pointers) > 0
}

// Covers reports whether the value of s is protected. A source made of several
// is covered only if all of them are.
func (c *Coverage) Covers(s Source) bool {
	if slices.ContainsFunc(c.sources, s.equal) {
		return true
	}
	if len(s.Within) > 0 {
		outer := s
		outer.Within = nil
		if slices.ContainsFunc(c.sources, outer.equal) {
			return true
		}
	}
	switch {
	case s.Header != "":
		return slices.Contains(c.Headers, s.Header)
	case s.Query != "":
		return c.URL || slices.Contains(c.Query, s.Query)
	case s.Form != "":
		return c.Body || slices.Contains(c.Form, s.Form)
	case s.Pointer != "":
		return c.Body || slices.Contains(c.Pointers, s.Pointer)
	case s.Whole:
		return c.Body
	case s.Const != "":
		return true
	}
	for _, part := range s.First {
		if !c.Covers(part) {
			return false
		}
	}
	for _, part := range s.Join {
		if !c.Covers(part) {
			return false
		}
	}
	return len(s.First)+len(s.Join) > 0
}
