package providers

import (
	"errors"
	"fmt"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// ErrUndescribed means that the scheme of the entry "hmac" was to be built,
// which only an operator can describe.
var ErrUndescribed = errors.New(
	"the scheme is not described: say which header holds the signature, and what is signed with which hash",
)

// HMAC is the sender that the operator describes himself. It has no scheme of
// its own: [Custom] makes a provider of the description.
var HMAC = add(verifiers.Provider{
	Name:       "hmac",
	Title:      "HMAC, as described in the configuration",
	Docs:       "https://www.rfc-editor.org/rfc/rfc2104",
	Scheme:     undescribed{},
	SecretHint: "the secret shared with the sender",
})

type undescribed struct{}

// Build fails: nothing is known about the sender.
func (undescribed) Build(provider string, _ verifiers.Config) (verifiers.Verifier, error) {
	return nil, fmt.Errorf("%s: %w", provider, ErrUndescribed)
}

// Custom checks a provider that an operator has described and returns it, with
// its name as its title if it has none. It fails if the description is not
// complete or contradicts itself, and if the name or an alias is that of
// another entry of the catalogue: "stripe" must mean Stripe everywhere. The
// name "hmac" is free.
func Custom(p verifiers.Provider) (verifiers.Provider, error) {
	if p.Scheme == nil {
		return verifiers.Provider{}, fmt.Errorf("describing %q: %w", p.Name, ErrUndescribed)
	}
	for _, name := range append([]string{p.Name}, p.Aliases...) {
		if _, taken := catalogue[name]; taken && name != HMAC.Name {
			return verifiers.Provider{}, fmt.Errorf("describing %q: the name is that of a provider in the catalogue", name)
		}
	}
	if p.Title == "" {
		p.Title = p.Name
	}
	if err := p.Check(); err != nil {
		return verifiers.Provider{}, fmt.Errorf("describing %q: %w", p.Name, err)
	}
	return p, nil
}
