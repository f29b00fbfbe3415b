package verifiers

import (
	"bytes"
	"context"
	"crypto"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"time"
)

// Errors of configuration, from [NewKey], [NewPublicKey] and [Provider.New].
var (
	// ErrEmptyKey means that a secret is empty or only white space. Anybody can
	// compute a signature with the empty key.
	ErrEmptyKey = errors.New("the secret is empty")
	// ErrKeyFormat means that a key does not have the format that the scheme
	// asks for, such as base64 after "whsec_".
	ErrKeyFormat = errors.New("the key does not have the expected format")
	// ErrNoKeys means that a scheme was given no key.
	ErrNoKeys = errors.New("no key")
	// ErrNoFetcher means that a scheme reads its keys from the network and was
	// given no [Fetcher].
	ErrNoFetcher = errors.New("no fetcher")
	// ErrOption means that a required option is missing or an option is unknown
	// or malformed.
	ErrOption = errors.New("option")
)

// Key is one secret or public key. Its material cannot be read back, printed or
// marshalled: every way to format it gives its id. A Key is safe for concurrent
// use; it also owns the state that makes verifying with it cheap, so make it
// once and keep it.
type Key struct {
	id       string
	secret   []byte           // as the provider shows it; nil for a public key
	public   crypto.PublicKey // set by NewPublicKey
	alg      string           // the one alg of JWT that the key is for; empty: any
	kid      string           // the id inside a JWK; empty: answers every hint
	notAfter time.Time        // zero: no end

	signer crypto.Signer // set by NewPrivateKey

	derived *derived // what schemes made of the material, shared by copies
}

// NewKey returns a key made of a secret, or of the text of a public key,
// exactly as the provider's dashboard shows it; the scheme decodes it. The id
// names the key in results and must not be secret. The secret is copied. An
// empty secret, or one of white space only, is [ErrEmptyKey]; white space at
// either end is [ErrKeyFormat], since it is always a slip of the hand.
func NewKey(id string, secret []byte) (*Key, error) {
	trimmed := bytes.TrimSpace(secret)
	switch {
	case len(trimmed) == 0:
		return nil, ErrEmptyKey
	case len(trimmed) != len(secret):
		return nil, fmt.Errorf("%w: it begins or ends with white space", ErrKeyFormat)
	}
	return &Key{id: id, secret: bytes.Clone(secret), kid: jwkID(secret), derived: &derived{}}, nil
}

// NewPublicKey returns a key for a signature scheme: an ed25519.PublicKey, an
// *ecdsa.PublicKey or an *rsa.PublicKey. Any other type is [ErrKeyFormat].
func NewPublicKey(id string, pub crypto.PublicKey) (*Key, error) {
	if err := checkPublic(pub); err != nil {
		return nil, err
	}
	return &Key{id: id, public: pub, derived: &derived{}}, nil
}

// NewPrivateKey returns a key with which [Provider.Sign] plays the sender of a
// signature scheme. It verifies as well, with its public half. The public half
// is of a type that [NewPublicKey] takes; anything else is [ErrKeyFormat].
func NewPrivateKey(id string, private crypto.Signer) (*Key, error) {
	if private == nil {
		return nil, ErrEmptyKey
	}
	k, err := NewPublicKey(id, private.Public())
	if err != nil {
		return nil, err
	}
	k.signer = private
	return k, nil
}

// Until returns a key like k that matches nothing after t: the old key of a
// rotation.
func (k *Key) Until(t time.Time) *Key {
	c := *k
	c.notAfter = t
	return &c
}

// Public returns the public half of a key that [NewPublicKey] or [NewPrivateKey]
// made, nil for any other.
func (k *Key) Public() crypto.PublicKey { return k.public }

// Sign signs a digest with a key that [NewPrivateKey] made, as [crypto.Signer]
// says; the error is [ErrKeyFormat] for any other. It is for senders' schemes that
// package verifiers does not have.
func (k *Key) Sign(random io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	if k.signer == nil {
		return nil, fmt.Errorf("%w: a private key is needed", ErrKeyFormat)
	}
	return k.signer.Sign(random, digest, opts)
}

// ID returns the id given at construction.
func (k *Key) ID() string { return k.id }

// String returns the key's id in brackets. The material is never shown, not
// even by a copy of the key: that is why this and the other methods that format
// it have value receivers.
func (k Key) String() string { return "key(" + k.id + ")" }

// GoString is String, so that %#v does not show the material either.
func (k Key) GoString() string { return k.String() }

// Format writes String for every verb, so that %x and %d do not show the
// material either.
func (k Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, k.String()) }

// LogValue is the key's id.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.String()) }

// MarshalText returns String, so that no encoder sees the material.
func (k Key) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// A KeySource yields the keys to try, in order, the newest first. The hint is
// the key id that a request names, if its scheme has such a thing, and "" if
// not. The slice is read-only and shared. An error means that the keys could
// not be had now and becomes [ErrUnavailable]; no keys without an error becomes
// [ErrUnknownKey] where there is a hint and [ErrMismatch] where there is none.
type KeySource interface {
	Keys(ctx context.Context, hint string) ([]*Key, error)
}

// Keys is a fixed [KeySource]: the current key first, then those being retired.
type Keys []*Key

// Keys returns the keys that the hint may mean: all but those written as JWK
// with another id.
func (k Keys) Keys(_ context.Context, hint string) ([]*Key, error) {
	other := func(key *Key) bool { return key != nil && key.kid != "" && key.kid != hint }
	if hint == "" || !slices.ContainsFunc(k, other) {
		return k, nil
	}
	return slices.DeleteFunc(slices.Clone(k), other), nil
}

// usable reports whether k may match anything at the given time.
func (k *Key) usable(now time.Time) bool {
	return k != nil && (k.notAfter.IsZero() || !now.After(k.notAfter))
}

// Interface guards.
var (
	_ KeySource      = Keys(nil)
	_ crypto.Signer  = (*Key)(nil)
	_ fmt.Formatter  = Key{}
	_ slog.LogValuer = Key{}
)
