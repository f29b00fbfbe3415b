package schemas_test

import (
	"reflect"
	"testing"

	"github.com/caddy-webhooks/caddy-webhooks/schemas"
)

func TestGlobs(t *testing.T) {
	t.Parallel()
	g, ties := schemas.NewGlobs([]schemas.Choice[string]{
		{"*", "any"},
		{"pull_request.*", "request"},
		{"pull_request.opened", "opened"},
		{"*.closed", "closed"},
		{"pull_request.*", "request"}, // twice the same is no tie
	})
	if len(ties) != 0 {
		t.Fatalf("got the ties %v, want none", ties)
	}
	for eventType, want := range map[string]string{
		"pull_request.opened": "opened",
		"pull_request.edited": "request",
		"pull_request.closed": "request", // more characters than *.closed
		"issues.closed":       "closed",
		"":                    "any",
	} {
		if got, ok := g.Choose(eventType); got != want || !ok {
			t.Errorf("%q: got %q (%v), want %q", eventType, got, ok, want)
		}
	}
	none, _ := schemas.NewGlobs([]schemas.Choice[string]{{"push", "p"}})
	if got, ok := none.Choose("pull"); got != "" || ok {
		t.Errorf("got %q (%v), want nothing", got, ok)
	}
}

func TestGlobTies(t *testing.T) {
	t.Parallel()
	type choice = schemas.Choice[int]
	for _, tt := range []struct {
		name    string
		choices []choice
		want    []schemas.Tie[int]
	}{
		{"exact", []choice{{"a", 1}, {"a", 2}}, []schemas.Tie[int]{{choice{"a", 1}, choice{"a", 2}}}},
		{"the same glob", []choice{{"a*", 1}, {"a*", 2}}, []schemas.Tie[int]{{choice{"a*", 1}, choice{"a*", 2}}}},
		{"both may fit", []choice{{"a*", 1}, {"*b", 2}}, []schemas.Tie[int]{{choice{"a*", 1}, choice{"*b", 2}}}},
		{"never both", []choice{{"a*", 1}, {"b*", 2}}, nil},
		{"one says more", []choice{{"a*", 1}, {"*bc", 2}}, nil},
		{"one value", []choice{{"a*", 1}, {"*b", 1}}, nil},
	} {
		if _, got := schemas.NewGlobs(tt.choices); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
	}
}
