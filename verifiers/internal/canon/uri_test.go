package canon

import "testing"

// The wanted values are those of Node 20.
func TestEscapes(t *testing.T) {
	t.Parallel()
	tests := []struct{ text, component, uri string }{
		{"/a b", "%2Fa%20b", "/a%20b"},
		{"a=1&b=x%20y", "a%3D1%26b%3Dx%2520y", "a=1&b=x%2520y"},
		{"~!*()'-_.", "~!*()'-_.", "~!*()'-_."},
		{"ż#[]", "%C5%BC%23%5B%5D", "%C5%BC#%5B%5D"},
		{"", "", ""},
	}
	for _, tt := range tests {
		if got := NodeEscape(tt.text); got != tt.component {
			t.Errorf("NodeEscape(%q): got %q, want %q", tt.text, got, tt.component)
		}
		if got := EncodeURI(tt.text); got != tt.uri {
			t.Errorf("EncodeURI(%q): got %q, want %q", tt.text, got, tt.uri)
		}
	}
}
