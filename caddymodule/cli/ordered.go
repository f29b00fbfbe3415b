package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// object is a JSON object whose members keep their order.
type object struct {
	names   []string
	members map[string]any
}

// newObject returns an object with these members, each a name and a value. Values
// that are nil are left out.
func newObject(members ...any) *object {
	o := &object{members: make(map[string]any)}
	for i := 0; i+1 < len(members); i += 2 {
		if name, ok := members[i].(string); ok {
			o.set(name, members[i+1])
		}
	}
	return o
}

// set adds a member, or replaces its value. Without a value it does nothing: nil, and
// the empty text, list and object.
func (o *object) set(name string, value any) {
	switch v := value.(type) {
	case nil:
		return
	case string:
		if v == "" {
			return
		}
	case []any:
		if len(v) == 0 {
			return
		}
	case *object:
		if v == nil || len(v.names) == 0 {
			return
		}
	}
	o.put(name, value)
}

// put adds a member whatever its value is.
func (o *object) put(name string, value any) {
	if _, there := o.members[name]; !there {
		o.names = append(o.names, name)
	}
	o.members[name] = value
}

// MarshalJSON implements [json.Marshaler].
func (o *object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, name := range o.names {
		if i > 0 {
			b.WriteByte(',')
		}
		value, err := plainJSON(o.members[name])
		if err != nil {
			return nil, err
		}
		b.WriteString(quoted(name) + ":")
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// plainJSON returns the text of a value in which subjects can be read as they are.
func plainJSON(value any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(value)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// quoted is a text in double quotes, as JSON and YAML have it.
func quoted(text string) string {
	b, _ := plainJSON(text) // of a text there is always one
	var q strings.Builder
	for _, r := range string(b) {
		if r == 0x7f || r >= 0x80 && r < 0xa0 || r == 0xfeff {
			fmt.Fprintf(&q, `\u%04x`, r)
			continue
		}
		q.WriteRune(r)
	}
	return q.String()
}

// plainWord matches what needs no quotes in YAML, except for words that mean
// something else.
var plainWord = regexp.MustCompile(`^[A-Za-z_/$]([A-Za-z0-9_/$.+,'()=;-]| [A-Za-z0-9_/$.+,'()=;])*$`)

var otherWords = map[string]bool{"true": true, "false": true, "null": true, "yes": true, "no": true, "on": true, "off": true, "y": true, "n": true}

func yamlText(text string) string {
	if plainWord.MatchString(text) && !otherWords[strings.ToLower(text)] {
		return text
	}
	return quoted(text)
}

// writeYAML writes a value as YAML. Objects that are maps are in the order of their
// names.
func writeYAML(b *strings.Builder, value any, indent string) error {
	switch v := value.(type) {
	case *object:
		return writeMembers(b, v.names, v.members, indent)
	case map[string]any:
		return writeMembers(b, slices.Sorted(maps.Keys(v)), v, indent)
	case []any:
		if len(v) == 0 {
			b.WriteString(" []\n")
			return nil
		}
		b.WriteByte('\n')
		for _, item := range v {
			b.WriteString(indent + "-")
			var inner strings.Builder
			if err := writeYAML(&inner, item, indent+"  "); err != nil {
				return err
			}
			text := inner.String()
			if first, ok := strings.CutPrefix(text, "\n"+indent+"  "); ok {
				text = " " + first // a list or an object begins on this line
			}
			b.WriteString(text)
		}
		return nil
	case string:
		if lines, ok := blockText(v); ok {
			b.WriteString(" |-\n")
			for _, line := range lines {
				if line != "" {
					b.WriteString(indent + line)
				}
				b.WriteByte('\n')
			}
			return nil
		}
		b.WriteString(" " + yamlText(v) + "\n")
		return nil
	case bool, int, nil, json.Number:
		text, err := plainJSON(v)
		b.WriteString(" " + string(text) + "\n")
		return err
	}
	return fmt.Errorf("writing YAML: a value is a %T", value)
}

func writeMembers(b *strings.Builder, names []string, members map[string]any, indent string) error {
	if len(names) == 0 {
		b.WriteString(" {}\n")
		return nil
	}
	if indent != "" {
		b.WriteByte('\n')
	}
	for _, name := range names {
		b.WriteString(indent + yamlText(name) + ":")
		if err := writeYAML(b, members[name], indent+"  "); err != nil {
			return err
		}
	}
	return nil
}

// blockText returns the lines of a text that can stand as a block.
func blockText(text string) ([]string, bool) {
	if !strings.Contains(text, "\n") || strings.ContainsFunc(text, func(r rune) bool {
		return r != '\n' && (r < ' ' || r >= 0x7f && r < 0xa0 || r >= 0x2028 && r <= 0x2029 || r == 0xfeff)
	}) {
		return nil, false
	}
	lines := strings.Split(text, "\n")
	if lines[0] == "" || lines[0][0] == ' ' || lines[len(lines)-1] == "" {
		return nil, false
	}
	return lines, true
}
