package providers

import (
	"fmt"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// hashOption is the option of senders that let the merchant choose the hash
// function in his account. The request's own word for it is not followed: it
// would let a forger choose the weakest.
const hashOption = "hash"

// hashed is a scheme whose hash function the operator states.
type hashed struct {
	preset verifiers.Hash
	with   func(h verifiers.Hash) verifiers.Digest
}

func (s hashed) Build(provider string, cfg verifiers.Config) (verifiers.Verifier, error) {
	h, err := s.hash(cfg)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", provider, err)
	}
	return s.with(h).Build(provider, cfg)
}

func (s hashed) hash(cfg verifiers.Config) (verifiers.Hash, error) {
	switch h := verifiers.Hash(cfg.Options[hashOption]); h {
	case "":
		return s.preset, nil
	case verifiers.MD5, verifiers.SHA1, verifiers.SHA256, verifiers.SHA384, verifiers.SHA512:
		return h, nil
	}
	return "", fmt.Errorf("%w %s: want md5, sha1, sha256, sha384 or sha512", verifiers.ErrOption, hashOption)
}

// Places says where the signature is.
func (s hashed) Places() verifiers.Places { return s.with(s.preset).Places() }

// Sign adds the signature.
func (s hashed) Sign(req *verifiers.Request, cfg verifiers.Config) error {
	h, err := s.hash(cfg)
	if err != nil {
		return err
	}
	return s.with(h).Sign(req, cfg)
}

// Interface guards.
var (
	_ verifiers.Signer = hashed{}
	_ verifiers.Placer = hashed{}
)
