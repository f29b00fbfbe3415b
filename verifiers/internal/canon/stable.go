package canon

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"math"
	"slices"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// ErrJSON means that a text is not one JSON value.
var ErrJSON = errors.New("not JSON")

// maxDepth is how deep JSON may be nested.
const maxDepth = 200

// Stable says how a JSON text is written anew.
type Stable struct {
	// Copied writes what JavaScript makes of a value that it copied member by
	// member: an array is an object with the indices as names, and members whose
	// names are indices come first, by number.
	Copied bool
}

// Append appends what JavaScript's JSON.stringify makes of the text once the
// members of all objects are sorted by name: no white space, numbers as
// JavaScript prints a double, only what must be escaped escaped. Of members with
// one name the last counts. The error is [ErrJSON].
func (s Stable) Append(dst, text []byte) ([]byte, error) {
	if !utf8.Valid(text) {
		return dst, ErrJSON
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var v any
	if dec.Decode(&v) != nil {
		return dst, ErrJSON
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return dst, ErrJSON
	}
	return s.value(dst, v, 0)
}

func (s Stable) value(dst []byte, v any, depth int) ([]byte, error) {
	if depth > maxDepth {
		return dst, ErrJSON
	}
	switch v := v.(type) {
	case map[string]any:
		return s.object(dst, v, depth)
	case []any:
		return s.array(dst, v, depth)
	case string:
		return appendString(dst, v), nil
	case json.Number:
		return appendNumber(dst, v), nil
	case bool:
		return strconv.AppendBool(dst, v), nil
	}
	return append(dst, "null"...), nil
}

func (s Stable) object(dst []byte, v map[string]any, depth int) ([]byte, error) {
	names := make([]string, 0, len(v))
	for name := range v {
		names = append(names, name)
	}
	slices.SortFunc(names, s.compare)
	dst = append(dst, '{')
	for i, name := range names {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendString(dst, name), ':')
		var err error
		if dst, err = s.value(dst, v[name], depth+1); err != nil {
			return dst, err
		}
	}
	return append(dst, '}'), nil
}

// compare orders names by their UTF-16 code units, as JavaScript sorts strings.
func (s Stable) compare(a, b string) int {
	if s.Copied {
		i, isIndex := index(a)
		j, alsoIndex := index(b)
		switch {
		case isIndex && alsoIndex:
			return cmp.Compare(i, j)
		case isIndex:
			return -1
		case alsoIndex:
			return 1
		}
	}
	return slices.Compare(utf16.Encode([]rune(a)), utf16.Encode([]rune(b)))
}

// index reads the name of an element of an array.
func index(name string) (uint64, bool) {
	n, err := strconv.ParseUint(name, 10, 32)
	return n, err == nil && n < math.MaxUint32 && strconv.FormatUint(n, 10) == name
}

func (s Stable) array(dst []byte, v []any, depth int) ([]byte, error) {
	opening, closing := byte('['), byte(']')
	if s.Copied {
		opening, closing = '{', '}'
	}
	dst = append(dst, opening)
	for i, element := range v {
		if i > 0 {
			dst = append(dst, ',')
		}
		if s.Copied {
			dst = append(strconv.AppendInt(append(dst, '"'), int64(i), 10), `":`...)
		}
		var err error
		if dst, err = s.value(dst, element, depth+1); err != nil {
			return dst, err
		}
	}
	return append(dst, closing), nil
}

// appendNumber follows Number::toString of ECMA-262. What is beyond the largest
// double is infinite, which JSON.stringify writes as null.
func appendNumber(dst []byte, n json.Number) []byte {
	f, _ := strconv.ParseFloat(n.String(), 64)
	switch size := math.Abs(f); {
	case math.IsInf(f, 0):
		return append(dst, "null"...)
	case f == 0: // also -0
		return append(dst, '0')
	case size >= 1e-6 && size < 1e21:
		return strconv.AppendFloat(dst, f, 'f', -1, 64)
	}
	start := len(dst)
	dst = strconv.AppendFloat(dst, f, 'e', -1, 64)
	// Go writes at least two digits of the exponent.
	if i := len(dst) - 2; i-2 >= start && dst[i] == '0' && (dst[i-1] == '-' || dst[i-1] == '+') {
		dst = append(dst[:i], dst[i+1])
	}
	return dst
}

func appendString(dst []byte, s string) []byte {
	const hexadecimal = "0123456789abcdef"
	dst = append(dst, '"')
	for i := range len(s) {
		c := s[i]
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c == '\b':
			dst = append(dst, `\b`...)
		case c == '\f':
			dst = append(dst, `\f`...)
		case c == '\n':
			dst = append(dst, `\n`...)
		case c == '\r':
			dst = append(dst, `\r`...)
		case c == '\t':
			dst = append(dst, `\t`...)
		case c < ' ':
			dst = append(dst, `\u00`...)
			dst = append(dst, hexadecimal[c>>4], hexadecimal[c&15])
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}
