package providers

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// namedHashes is the option that restricts a [namedHMAC].
const namedHashes = "hashes"

var namedOption = verifiers.Option{
	Name:     namedHashes,
	Doc:      "The hashes that a signature may name, such as sha256; by default all that the sender may use.",
	Multiple: true,
}

// namedHMAC is HMAC where the signature names the hash, as in "sha256=...".
type namedHMAC struct {
	signature verifiers.Source
	sep       string // between name and signature
	content   string
	hashes    []verifiers.Hash // the best first
	bare      verifiers.Hash   // of a signature without a name; empty if it must have one
}

func (n namedHMAC) hmac(h verifiers.Hash, named bool) verifiers.HMAC {
	s := verifiers.HMAC{Hash: h, Signed: verifiers.Signed{Signature: n.signature, Content: n.content}}
	if named {
		s.Signature = n.signature.Trim(string(h) + n.sep)
	}
	return s
}

// permitted returns the hashes that the option leaves.
func (n namedHMAC) permitted(options map[string]string) ([]verifiers.Hash, error) {
	text := strings.Fields(options[namedHashes])
	if len(text) == 0 {
		return n.hashes, nil
	}
	hashes := make([]verifiers.Hash, len(text))
	for i, name := range text {
		hashes[i] = verifiers.Hash(name)
		if !slices.Contains(n.hashes, hashes[i]) {
			return nil, fmt.Errorf("%w %s: each must be one of %v", verifiers.ErrOption, namedHashes, n.hashes)
		}
	}
	return hashes, nil
}

// Build returns a verifier of signatures with any permitted hash.
func (n namedHMAC) Build(provider string, cfg verifiers.Config) (verifiers.Verifier, error) {
	hashes, err := n.permitted(cfg.Options)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", provider, err)
	}
	nv := &namedVerifier{scheme: n, provider: provider, named: make(map[string]verifiers.Verifier)}
	for _, h := range hashes {
		if nv.named[string(h)], err = n.hmac(h, true).Build(provider, cfg); err != nil {
			return nil, err
		}
	}
	if slices.Contains(hashes, n.bare) {
		if nv.bare, err = n.hmac(n.bare, false).Build(provider, cfg); err != nil {
			return nil, err
		}
	}
	return nv, nil
}

// Places says where the signature is.
func (n namedHMAC) Places() verifiers.Places { return n.hmac(n.hashes[0], true).Places() }

type namedVerifier struct {
	scheme   namedHMAC
	provider string
	named    map[string]verifiers.Verifier
	bare     verifiers.Verifier
}

func (n *namedVerifier) Verify(ctx context.Context, req *verifiers.Request) (verifiers.Result, error) {
	text, err := n.scheme.signature.Lookup(req)
	if err != nil {
		return n.fail(err)
	}
	name, _, found := strings.Cut(text, n.scheme.sep)
	verifier := n.named[name]
	switch {
	case !found && n.scheme.bare == "":
		return n.fail(verifiers.ErrMalformed)
	case !found:
		verifier = n.bare
	}
	if verifier == nil {
		return n.fail(verifiers.ErrUntrusted)
	}
	return verifier.Verify(ctx, req)
}

func (n *namedVerifier) fail(err error) (verifiers.Result, error) {
	return verifiers.Result{}, &verifiers.Error{Provider: n.provider, Field: n.scheme.signature.String(), Err: err}
}

// Sign signs with the best hash.
func (n namedHMAC) Sign(req *verifiers.Request, cfg verifiers.Config) error {
	hashes, err := n.permitted(cfg.Options)
	if err != nil {
		return err
	}
	return n.hmac(hashes[0], true).Sign(req, cfg)
}

// Interface guards.
var (
	_ verifiers.Placer = namedHMAC{}
	_ verifiers.Signer = namedHMAC{}
)
