package shape_test

import (
	"testing"

	"github.com/caddy-webhooks/caddy-webhooks/schemas/internal/shape"
)

func TestData(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"", "17", "2026-01-02", "10.0.0.1", "cus_9s6XKzkNRiz8i3", "in_1MtHbELkdIwHu7ixl4OzzPMv", "octo@example.com",
		"https://example.com/x", "src/main.go", "6113728f27ae82c7b1a177c8d03f9e96e0adf246", "7c9e6679-7425-40de-944b-e07fc1f90ae7",
		"user_100241", "orders/create", "a label of mine", "größe", "T0123ABC45", "2026-01-02T15:04:05Z",
	} {
		if !shape.Data(name) {
			t.Errorf("%q is data", name)
		}
	}
	for _, name := range []string{
		"id", "created_at", "html_url", "line1", "address_2", "sha256", "sha1", "x509", "base64Url", "lastName", "$ref", "3d_secure",
		"smtp-id", "utf8", "oauth2_token", "data", "_links", "90day", "v2", "cvc_check", "iso3166_1_alpha2",
	} {
		if shape.Data(name) {
			t.Errorf("%q is a name", name)
		}
	}
}

func TestMap(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		seen shape.Seen
		want bool
	}{
		"nothing":                    {shape.Seen{Objects: 9}, false},
		"identifiers":                {shape.Seen{Objects: 3, Members: 9, Names: 9, Data: 9, Alike: true}, true},
		"one identifier":             {shape.Seen{Objects: 1, Members: 1, Names: 1, Data: 1, Alike: true}, true},
		"identifiers and one word":   {shape.Seen{Objects: 9, Members: 90, Names: 60, Data: 59, Alike: true}, true},
		"a record":                   {shape.Seen{Objects: 100, Members: 900, Names: 10, Usual: 9, Alike: true}, false},
		"a wide record, thinly used": {shape.Seen{Objects: 100, Members: 800, Names: 45, Usual: 3, Alike: true}, false},
		"labels":                     {shape.Seen{Objects: 200, Members: 400, Names: 90, Alike: true}, true},
		"labels of all kinds":        {shape.Seen{Objects: 200, Members: 400, Names: 90}, false},
		"few labels":                 {shape.Seen{Objects: 200, Members: 400, Names: 12, Alike: true}, false},
	} {
		if got := tt.seen.Map(); got != tt.want {
			t.Errorf("%s: got %v, want %v", name, got, tt.want)
		}
	}
}

func TestWord(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"opened", "customer.created", "USD", "two_factor", "PullRequest", "past_due", "COMMITTER", "sha1-hmac"} {
		if !shape.Word(s) {
			t.Errorf("%q is a word of a vocabulary", s)
		}
	}
	for _, s := range []string{"", "a", "Octavia", "Hello world", "cus_9s6XKzkNRiz8i3", "octo@example.com", "2026-01-02", "main/x", "10", "größe", "_x"} {
		if shape.Word(s) {
			t.Errorf("%q is no word of a vocabulary", s)
		}
	}
}

func TestNaming(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"id", "user_id", "firstName", "login", "customer.email", "sha", "headRef", "Country"} {
		if !shape.Naming(s) {
			t.Errorf("%q names one of many", s)
		}
	}
	for _, s := range []string{"status", "action", "type", "object", "currency", "event_type", "visibility"} {
		if shape.Naming(s) {
			t.Errorf("%q does not name one of many", s)
		}
	}
}
