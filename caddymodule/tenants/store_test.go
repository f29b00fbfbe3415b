package tenants

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// marker is in every secret of the tests, and must never be in an error.
const marker = "zZmarkerZz"

func TestParseDocument(t *testing.T) {
	for _, test := range []struct {
		name, text string
		ids        string // of the keys, or
		err        error
	}{
		{"plain", marker, "key-1", nil},
		{"newline", marker + "\n", "key-1", nil},
		{"carriage return", marker + "\r\n", "key-1", nil},
		{"braces of another kind", `{"kty":"oct","k":"` + marker + `"}`, "key-1", nil},
		{"not JSON", `{` + marker, "key-1", nil},
		{"public key", "-----BEGIN PUBLIC KEY-----\n" + marker + "\n-----END PUBLIC KEY-----\n", "key-1", nil},
		{"list", `{"secrets":[{"id":"new","secret":"` + marker + `1"},{"secret":"` + marker + `2","until":"2026-12-01T00:00:00Z"}]}` + "\n", "new key-2", nil},
		{"empty", "", "", verifiers.ErrEmptyKey},
		{"only a newline", "\n", "", verifiers.ErrEmptyKey},
		{"white space", "  \t ", "", verifiers.ErrEmptyKey},
		{"padded", marker + " \n", "", verifiers.ErrKeyFormat},
		{"two newlines", marker + "\n\n", "", verifiers.ErrKeyFormat},
		{"large", strings.Repeat(marker, MaxDocument/10+1), "", ErrDocument},
		{"empty list", `{"secrets":[]}`, "", ErrDocument},
		{"null list", `{"secrets":null,"x":"` + marker + `"}`, "", ErrDocument},
		{"no list", `{"secrets":"` + marker + `"}`, "", ErrDocument},
		{"unknown member", `{"secrets":[{"secret":"` + marker + `","from":1}]}`, "", ErrDocument},
		{"bad time", `{"secrets":[{"secret":"` + marker + `","until":"` + marker + `"}]}`, "", ErrDocument},
		{"something after", `{"secrets":[{"secret":"` + marker + `"}]} {}`, "key-1", nil}, // not JSON, so a secret
		{"nine", `{"secrets":[` + strings.Repeat(`{"secret":"`+marker+`"},`, 8) + `{"secret":"` + marker + `"}]}`, "", ErrDocument},
		{"empty secret", `{"secrets":[{"id":"a","secret":""}]}`, "", verifiers.ErrEmptyKey},
		{"padded secret", `{"secrets":[{"secret":"` + marker + `\n"}]}`, "", verifiers.ErrKeyFormat},
		{"id with a space", `{"secrets":[{"id":"a b","secret":"` + marker + `"}]}`, "", ErrDocument},
		{"long id", `{"secrets":[{"id":"` + strings.Repeat("a", 65) + `","secret":"` + marker + `"}]}`, "", ErrDocument},
	} {
		t.Run(test.name, func(t *testing.T) {
			keys, err := ParseDocument([]byte(test.text))
			if !errors.Is(err, test.err) || (err == nil) != (test.err == nil) {
				t.Fatalf("%v, want %v", err, test.err)
			}
			if err != nil && strings.Contains(err.Error(), marker) {
				t.Errorf("the error shows the secret: %v", err)
			}
			var ids []string
			for _, k := range keys {
				ids = append(ids, k.ID())
			}
			if got := strings.Join(ids, " "); got != test.ids {
				t.Errorf("keys %q, want %q", got, test.ids)
			}
			if text := fmt.Sprintf("%v %+v %#v %x", keys, keys, keys, keys); strings.Contains(text, marker) {
				t.Errorf("the keys show the secret: %s", text)
			}
		})
	}
}

func FuzzParseDocument(f *testing.F) {
	f.Add([]byte("secret\n"))
	f.Add([]byte(`{"secrets":[{"id":"a","secret":"b","until":"2026-12-01T00:00:00Z"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		keys, err := ParseDocument(data)
		if (err == nil) != (len(keys) > 0) || len(keys) > MaxSecrets {
			t.Fatalf("%d keys, %v", len(keys), err)
		}
		for _, k := range keys {
			if k.ID() == "" || len(k.ID()) > maxKeyID {
				t.Fatalf("id %q", k.ID())
			}
		}
	})
}
