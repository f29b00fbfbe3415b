package gateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// A Condition says more about an event than a glob over its type can. It is safe
// for concurrent use.
type Condition interface {
	// Holds reports whether the event fulfils the condition. An error means that
	// it cannot be told, and never loses an event: in AcceptIf it counts as if the
	// condition held, and in DropIf as if it did not. So does a panic.
	Holds(f *Facts) (bool, error)
	// Members are the JSON Pointers of the members of a body that it looks at, so
	// that all are found in one pass. Others can be asked for, each in a pass of
	// its own.
	Members() []string
}

// Facts are what a [Condition] may look at. Nothing in them is to be changed, or
// kept after Holds has returned.
type Facts struct {
	// Event is the event, which is verified unless its Trust says otherwise.
	Event *Event

	req *verifiers.Request
	// left is how long conditions may take for the rest of the request.
	left time.Duration
	// whole says that the document is going to be decoded for a Validator, so that
	// nothing of it is to be decoded apart.
	whole   bool
	decoded []decodedMember
}

type decodedMember struct {
	pointer string
	value   any
}

// Left returns how long the conditions may take in all for what is left of the
// request, which may hold many events; zero if it is all used up. One that takes
// longer should return an error.
func (f *Facts) Left() time.Duration { return f.left }

// Lookup returns a value of the request, as [verifiers.Source.Lookup] does. Of a
// batch, JSON Pointers begin at the event.
func (f *Facts) Lookup(s verifiers.Source) (string, error) { return s.Lookup(f.req) }

// Has reports whether the event has the member.
func (f *Facts) Has(pointer string) (bool, error) {
	_, err := f.req.Member(pointer)
	if errors.Is(err, verifiers.ErrMissing) {
		return false, nil
	}
	return err == nil, err
}

// JSON returns a member of the body as encoding/json decodes it with UseNumber;
// the empty pointer is all of it. The errors are those of
// [verifiers.Request.Member].
func (f *Facts) JSON(pointer string) (any, error) {
	raw, err := f.req.Member(pointer)
	if err != nil {
		return nil, err
	}
	switch c := raw[0]; {
	case c == 'n':
		return nil, nil
	case c == 't', c == 'f':
		return c == 't', nil
	case c == '"' && bytes.IndexByte(raw, '\\') < 0:
		return string(raw[1 : len(raw)-1]), nil
	case c != '"' && c != '{' && c != '[':
		return json.Number(raw), nil
	}
	for _, d := range f.decoded {
		if d.pointer == pointer {
			return d.value, nil
		}
	}
	value, err := f.decode(pointer, raw)
	if err != nil {
		return nil, err
	}
	f.decoded = append(f.decoded, decodedMember{pointer, value})
	return value, nil
}

func (f *Facts) decode(pointer string, raw []byte) (value any, err error) {
	if f.whole || pointer == "" {
		document, err := f.req.JSON()
		if err != nil {
			return nil, err
		}
		return descend(document, pointer)
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	if err := dec.Decode(&value); err != nil {
		return nil, verifiers.ErrMalformed
	}
	return value, nil
}

var unescapeToken = strings.NewReplacer("~1", "/", "~0", "~")

// descend returns what a JSON Pointer leads to in a decoded document.
func descend(value any, pointer string) (any, error) {
	if pointer == "" {
		return value, nil
	}
	for token := range strings.SplitSeq(pointer[1:], "/") {
		switch v := value.(type) {
		case map[string]any:
			member, ok := v[unescapeToken.Replace(token)]
			if !ok {
				return nil, verifiers.ErrMissing
			}
			value = member
		case []any:
			i, err := strconv.Atoi(token)
			if err != nil || i < 0 || i >= len(v) || strconv.Itoa(i) != token {
				return nil, verifiers.ErrMissing
			}
			value = v[i]
		default:
			return nil, verifiers.ErrMissing
		}
	}
	return value, nil
}

// membersOf lists what conditions look at.
func membersOf(conditions ...Condition) []verifiers.Source {
	var list []verifiers.Source
	for _, c := range conditions {
		for _, pointer := range c.Members() {
			list = append(list, verifiers.JSON(pointer))
		}
	}
	return list
}
