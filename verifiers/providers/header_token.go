package providers

import (
	"fmt"
	"net/http"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// tokenHeader is the option of senders that repeat a token in a header whose
// name the user chooses.
const tokenHeader = "header"

// headerToken is a token in a header of the user's choice.
type headerToken struct {
	preset string
}

// option describes the setting.
func (h headerToken) option() verifiers.Option {
	return verifiers.Option{
		Name: tokenHeader, Doc: "The header in which the token is sent; without it " + h.preset + ".",
		Example: "X-Webhook-Token",
	}
}

func (h headerToken) token(cfg verifiers.Config) (verifiers.Token, error) {
	name := cfg.Options[tokenHeader]
	if name == "" {
		name = h.preset
	}
	for _, c := range []byte(name) {
		if c != '-' && c != '_' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			return verifiers.Token{}, fmt.Errorf("%w %s: it is not the name of a header", verifiers.ErrOption, tokenHeader)
		}
	}
	return verifiers.Token{Source: verifiers.Header(http.CanonicalHeaderKey(name))}, nil
}

// Build returns a verifier of the token.
func (h headerToken) Build(provider string, cfg verifiers.Config) (verifiers.Verifier, error) {
	t, err := h.token(cfg)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", provider, err)
	}
	return t.Build(provider, cfg)
}

// Sign adds the token.
func (h headerToken) Sign(req *verifiers.Request, cfg verifiers.Config) error {
	t, err := h.token(cfg)
	if err != nil {
		return err
	}
	return t.Sign(req, cfg)
}

// Places says where the token is if the option is not set.
func (h headerToken) Places() verifiers.Places {
	return verifiers.Token{Source: verifiers.Header(h.preset)}.Places()
}

// Interface guards.
var (
	_ verifiers.Signer = headerToken{}
	_ verifiers.Placer = headerToken{}
)
