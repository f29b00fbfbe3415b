package canon

import (
	"net/url"
	"testing"
)

func TestAppendForm(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		form url.Values
		want string
	}{
		{"empty", nil, ""},
		{"in byte order of names", url.Values{"b": {"1"}, "B": {"2"}, "a": {"3"}}, "B2a3b1"},
		{"an empty value leaves the name", url.Values{"a": {""}, "b": {"1"}}, "ab1"},
		{"repeated: distinct, sorted, each with its name", url.Values{"a": {"2", "1", "2"}}, "a1a2"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := string(AppendForm(nil, tt.form)); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestAppendFormKeepsValuesInOrder(t *testing.T) {
	t.Parallel()
	values := []string{"b", "a"}
	AppendForm(nil, url.Values{"x": values})
	if values[0] != "b" || values[1] != "a" {
		t.Errorf("the form was changed: %q", values)
	}
}

func TestQueries(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, raw, browser, node string }{
		{"empty", "", "", ""},
		{"plain", "foo=1&bar=2", "foo=1&bar=2", "foo=1&bar=2"},
		{"apostrophe", "n=O'Brien", "n=O%27Brien", "n=O'Brien"},
		{"escaped apostrophe", "n=O%27Brien", "n=O%27Brien", "n=O'Brien"},
		{"plus is a space", "n=a+b", "n=a+b", "n=a%20b"},
		{"same name twice", "a=1&b=2&a=3", "a=1&b=2&a=3", "a=1&a=3&b=2"},
		{"non-ASCII", "n=é", "n=%C3%A9", "n=%C3%A9"},
		{"no value", "a&b=", "a&b=", "a=&b="},
		{"slash and colon", "u=http://x", "u=http://x", "u=http%3A%2F%2Fx"},
		{"bad escape", "a=%zz", "a=%zz", "a=%zz"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := BrowserQuery(tt.raw); got != tt.browser {
				t.Errorf("browser: got %q, want %q", got, tt.browser)
			}
			if got := NodeQuery(tt.raw); got != tt.node {
				t.Errorf("node: got %q, want %q", got, tt.node)
			}
		})
	}
}
