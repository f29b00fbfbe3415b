package providers

import (
	"slices"
	"testing"
)

func TestSimilar(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, first string }{
		{"strype", "stripe"},
		{"githb", "github"},
		{"git-hub", "github"},
		{"shopfy", "shopify"},
		{"sns", "aws-sns"},
		{"amazon-sns-topic", ""},
		{"zzzzzzzz", ""},
		{"paypel", "paypal"},
		{"", ""},
	} {
		got := Similar(tt.name)
		if len(got) > maxSimilar || (tt.first == "" && len(got) > 0) || (tt.first != "" && (len(got) == 0 || got[0] != tt.first)) {
			t.Errorf("%s: got %q, want %q first", tt.name, got, tt.first)
		}
	}
}

func TestDistance(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"kitten", "sitting", 3}, {"stripe", "strype", 1}, {"flaw", "lawn", 2}} {
		if ab, ba := distance(tt.a, tt.b), distance(tt.b, tt.a); ab != tt.want || ba != tt.want {
			t.Errorf("%q, %q: got %v, want %d", tt.a, tt.b, slices.Compact([]int{ab, ba}), tt.want)
		}
	}
}
