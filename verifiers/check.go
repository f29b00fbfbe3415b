package verifiers

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// checker is what the schemes of this package are, besides a [Scheme].
type checker interface{ check() error }

var providerName = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// Check reports everything that is wrong with the description itself, whatever
// the deployment: a name that is none, a template that does not parse, a source
// or header written wrongly, a handshake that names an option the provider does
// not have. A scheme of another package is not looked into.
func (p Provider) Check() error {
	var errs []error
	add := func(what string, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %s: %w", p.Name, what, err))
		}
	}
	if !providerName.MatchString(p.Name) {
		errs = append(errs, fmt.Errorf("%q is not a provider's name: want [a-z0-9-]+", p.Name))
	}
	switch scheme := p.Scheme.(type) {
	case nil:
		add("scheme", errors.New("there is none"))
	case checker:
		add("scheme", scheme.check())
	}
	if placer, ok := p.Scheme.(interface{ signed() Signed }); ok {
		if t, err := parseTemplate(placer.signed().Content); err == nil {
			add("scheme", t.checkOptions(p.Options))
		}
	}
	add("success", p.Success.check(p.Options))
	add("batch", p.Batch.check())
	_, err := PointersTo(p.Varies...)
	add("varies", err)
	for what, s := range map[string]Source{"id": p.ID, "type": p.Type, "time": p.Time} {
		if !s.IsZero() {
			add(what, s.check())
		}
	}
	for _, l := range p.Addresses {
		add("addresses", l.check())
	}
	for i := range p.Handshakes {
		add("handshake "+p.Handshakes[i].Name, p.checkHandshake(&p.Handshakes[i]))
	}
	for _, h := range p.Headers {
		if h != http.CanonicalHeaderKey(h) {
			add("headers", fmt.Errorf("%q must be written %q", h, http.CanonicalHeaderKey(h)))
		}
	}
	for _, m := range p.Methods {
		if m == "" || m != strings.ToUpper(m) {
			add("methods", fmt.Errorf("%q is not a method", m))
		}
	}
	if p.MaxBody < 0 || p.Deadline < 0 || p.RetrySpan < 0 {
		add("limits", errors.New("a limit is negative"))
	}
	slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(errs...)
}

func (p Provider) checkHandshake(h *Handshake) error {
	if h.Name == "" {
		return errors.New("it has no name")
	}
	for _, m := range h.When {
		if err := m.check(); err != nil {
			return fmt.Errorf("when: %w", err)
		}
	}
	if err := h.Reply.check(p.Options); err != nil {
		return err
	}
	for _, s := range []Source{h.Token, h.Confirm, h.Capture} {
		if s.IsZero() {
			continue
		}
		if err := s.check(); err != nil {
			return err
		}
	}
	for _, name := range []string{h.TokenOption, h.ConfirmOption} {
		if name != "" && !hasOption(p.Options, name) {
			return fmt.Errorf("%w %s is unknown", ErrOption, name)
		}
	}
	switch {
	case h.Token.IsZero() != (h.TokenOption == ""):
		return errors.New("the token and the option that holds it go together")
	case !h.Confirm.IsZero() && len(h.Pin.Hosts) == 0:
		return errors.New("the URL to confirm is not pinned to any host")
	}
	return nil
}

func hasOption(options []Option, name string) bool {
	return slices.ContainsFunc(options, func(o Option) bool { return o.Name == name })
}

func (b *Batch) check() error {
	if b == nil {
		return nil
	}
	for i, pointer := range slices.Concat([]string{b.Elements}, b.Or) {
		if (pointer != "" || i > 0) && !validPointer(pointer) {
			return fmt.Errorf("%q is not a JSON Pointer", pointer)
		}
	}
	for _, s := range []Source{b.In, b.ID, b.Type, b.Time} {
		if s.IsZero() {
			continue
		}
		if err := s.check(); err != nil {
			return err
		}
	}
	return nil
}

func (h HMAC) check() error    { _, err := h.compile(); return err }
func (d Digest) check() error  { _, err := d.compile(); return err }
func (e Ed25519) check() error { _, err := e.compile(); return err }
func (e ECDSA) check() error   { _, err := e.compile(); return err }
func (r RSA) check() error     { _, err := r.compile(); return err }
func (t Token) check() error   { _, err := t.normal(); return err }
func (Basic) check() error     { return nil }
