package tenants

import (
	"errors"
	"strings"
	"testing"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
)

func TestTemplate(t *testing.T) {
	for _, test := range []struct{ template, want string }{
		{"{tenant}/{source}", "acme/github"},
		{"{source}/{tenant}", "github/acme"},
		{"{tenant}.{source}", "acme.github"},
		{"hooks/{tenant}-keys/x{source}.json", "hooks/acme-keys/xgithub.json"},
		{"{tenant}", "acme"},
		{"{source}.key", "github.key"},
		{"all", "all"},
	} {
		tmpl, err := ParseTemplate(test.template)
		if err != nil {
			t.Errorf("%s: %v", test.template, err)
			continue
		}
		if got := tmpl.Expand("acme", "github"); got != test.want || tmpl.String() != test.template {
			t.Errorf("%s: %q, written %q", test.template, got, tmpl)
		}
	}
	for _, bad := range []string{
		"{tenant}{source}", "{tenant}-{source}", "{tenant}_{source}", "{tenant}aB9{source}", // a-b + c or a + b-c
		"{tenant}/{tenant}", "{source}.{source}", "{other}", "{tenant", "tenant}", "{}", "{{tenant}}", "{tenant}/{http.request.host}",
	} {
		if tmpl, err := ParseTemplate(bad); !errors.Is(err, ErrTemplate) {
			t.Errorf("%s is taken: %v", bad, tmpl)
		}
	}
}

// FuzzTemplate: no two pairs of names have one place, and a place tells its names.
func FuzzTemplate(f *testing.F) {
	f.Add("{tenant}/{source}", "a", "b", "a", "b")
	f.Add("{tenant}.{source}", "a-b", "c", "a", "b-c")
	f.Add("x{source}y.z{tenant}w", "yy", "y", "y", "yy")
	f.Add("{tenant}x.{source}", "ax", "b", "a", "x")
	f.Add("{source}/{tenant}", "a", "b", "b", "a")
	f.Add("{tenant}é{source}", "a", "b", "b", "a")
	f.Fuzz(func(t *testing.T, text, t1, s1, t2, s2 string) {
		tmpl, err := ParseTemplate(text)
		if err != nil {
			return
		}
		if tmpl.String() != text {
			t.Fatalf("%q is written %q", text, tmpl)
		}
		for _, name := range []string{t1, s1, t2, s2} {
			if !gateway.IsName(name) {
				return
			}
		}
		if !tmpl.HasTenant() {
			t1, t2 = "", ""
		}
		if !tmpl.HasSource() {
			s1, s2 = "", ""
		}
		one, other := tmpl.Expand(t1, s1), tmpl.Expand(t2, s2)
		if (one == other) != (t1 == t2 && s1 == s2) {
			t.Fatalf("%s: %s/%s and %s/%s have %q and %q", text, t1, s1, t2, s2, one, other)
		}
		if tenant, source, ok := tmpl.Parse(one); !ok || tenant != t1 || source != s1 {
			t.Fatalf("%s: %q is read as %q and %q, want %q and %q", text, one, tenant, source, t1, s1)
		}
	})
}

func TestTemplateParseRefuses(t *testing.T) {
	tmpl, err := ParseTemplate("s/{tenant}.{source}.key")
	if err != nil {
		t.Fatal(err)
	}
	for _, place := range []string{
		"", "s/", "s/.key", "s/a.key", "s/a..key", "s/.b.key", "s/a.b", "a.b.key", "s/a.b.c.key", "s/a/b.c.key",
		"s/" + strings.Repeat("a", 65) + ".b.key", "s/a.é.key",
	} {
		if tenant, source, ok := tmpl.Parse(place); ok {
			t.Errorf("%q is %q and %q", place, tenant, source)
		}
	}
}
