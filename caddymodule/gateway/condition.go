package gateway

import (
	"errors"
	"slices"
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
	// that all are found, and decoded where they are arrays or objects, in one pass;
	// the empty pointer is all of the body. Others can be asked for, each in a pass
	// of its own.
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
// [verifiers.Request.JSONAt]. What is in [Condition.Members] was decoded when the
// body was read, and is not read again.
func (f *Facts) JSON(pointer string) (any, error) { return f.req.JSONAt(pointer) }

// membersOf lists what conditions look at. The empty pointer is not among it.
func membersOf(conditions ...Condition) []string {
	var list []string
	for _, c := range conditions {
		for _, pointer := range c.Members() {
			if pointer != "" {
				list = append(list, pointer)
			}
		}
	}
	return list
}

// needWhole reports whether conditions look at all of the body.
func needWhole(conditions ...Condition) bool {
	return slices.ContainsFunc(conditions, func(c Condition) bool { return slices.Contains(c.Members(), "") })
}
