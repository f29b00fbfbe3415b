package tenants

import (
	"errors"
	"fmt"
	"strings"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
)

// The parts of a [Template] that stand for names.
const (
	tokenTenant = "{tenant}"
	tokenSource = "{source}"
)

// ErrTemplate: two tenants, or two sources, would have one place.
var ErrTemplate = errors.New("the template is not usable")

// A Template says where a store keeps the secrets of a source of a tenant: text
// with {tenant} and {source}. No two pairs of names have one place, so that
// nobody's secret is anybody else's.
type Template struct {
	before, between, after string
	sourceFirst            bool
	tenant, source         bool // which are in it
}

// ParseTemplate reads a template. With both names in it something must be
// between them that no name holds.
func ParseTemplate(text string) (Template, error) {
	fail := func(format string, args ...any) (Template, error) {
		return Template{}, fmt.Errorf("%w: "+format, append([]any{ErrTemplate}, args...)...)
	}
	var t Template
	var literals []string
	rest := text
	for {
		i := strings.IndexByte(rest, '{')
		if i < 0 {
			literals = append(literals, rest)
			break
		}
		literals = append(literals, rest[:i])
		switch after := rest[i:]; {
		case strings.HasPrefix(after, tokenTenant) && !t.tenant:
			t.tenant, rest = true, after[len(tokenTenant):]
		case strings.HasPrefix(after, tokenSource) && !t.source:
			t.sourceFirst = !t.tenant
			t.source, rest = true, after[len(tokenSource):]
		default:
			return fail("%q: write %s and %s, each at most once, and no other braces", text, tokenTenant, tokenSource)
		}
	}
	if strings.ContainsRune(strings.Join(literals, ""), '}') {
		return fail("%q: a brace is not opened", text)
	}
	t.before, t.after = literals[0], literals[len(literals)-1]
	switch len(literals) {
	case 1:
		t.after = ""
	case 3:
		t.between = literals[1]
		if !strings.ContainsFunc(t.between, notOfName) {
			return fail("%q: two names could be read in two ways: put / or . between them", text)
		}
	}
	return t, nil
}

// HasTenant and HasSource report which names decide the place.
func (t Template) HasTenant() bool { return t.tenant }

// HasSource is described at HasTenant.
func (t Template) HasSource() bool { return t.source }

// Expand returns the place for two names.
func (t Template) Expand(tenant, source string) string {
	switch {
	case t.tenant && t.source && t.sourceFirst:
		return t.before + source + t.between + tenant + t.after
	case t.tenant && t.source:
		return t.before + tenant + t.between + source + t.after
	case t.tenant:
		return t.before + tenant + t.after
	case t.source:
		return t.before + source + t.after
	}
	return t.before
}

// Parse is the inverse of Expand. A name that is not in the template is empty. It
// returns false for what is not the place of any names.
func (t Template) Parse(place string) (tenant, source string, ok bool) {
	rest, ok := strings.CutPrefix(place, t.before)
	if !ok {
		return "", "", false
	}
	if !t.tenant && !t.source {
		return "", "", rest == ""
	}
	if rest, ok = strings.CutSuffix(rest, t.after); !ok {
		return "", "", false
	}
	if t.tenant != t.source {
		if !gateway.IsName(rest) {
			return "", "", false
		}
		if t.tenant {
			return rest, "", true
		}
		return "", rest, true
	}
	// Where the first byte is that no name holds is where it is in between.
	i := strings.IndexFunc(rest, notOfName) - strings.IndexFunc(t.between, notOfName)
	if i < 0 || !strings.HasPrefix(rest[i:], t.between) {
		return "", "", false
	}
	first, second := rest[:i], rest[i+len(t.between):]
	if !gateway.IsName(first) || !gateway.IsName(second) {
		return "", "", false
	}
	if t.sourceFirst {
		return second, first, true
	}
	return first, second, true
}

// String returns the template as it was written.
func (t Template) String() string { return t.Expand(tokenTenant, tokenSource) }

func notOfName(r rune) bool { return r >= 0x80 || !gateway.IsName(string(r)) }
