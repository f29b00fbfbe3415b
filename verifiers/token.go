package verifiers

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"
)

// maxToken is the length of the longest secret that a request may carry.
const maxToken = 4096

// uncovered is what a secret that is repeated with each request protects.
var uncovered Coverage

// sameSecret compares secrets in a time that tells nothing about either.
func sameSecret(got, want string) bool {
	a, b := sha256.Sum256([]byte(got)), sha256.Sum256([]byte(want))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// secretVerifier compares a secret in the request with the keys.
type secretVerifier struct {
	deployment
	scheme string
	format KeyFormat
	field  string
	read   func(*Request) (string, error)
}

func (v *secretVerifier) Verify(ctx context.Context, req *Request) (Result, error) {
	got, err := v.read(req)
	if err == nil && len(got) > maxToken {
		err = ErrMalformed
	}
	if err != nil {
		return v.fail(v.field, err)
	}
	keys, err := v.find(ctx, "")
	if err != nil {
		return v.fail("", err)
	}
	now, matched, broken := v.now(), -1, false
	for i, k := range keys {
		if !k.usable(now) {
			continue
		}
		m := k.material("", v.format)
		if m.err != nil {
			broken = true
			continue
		}
		if sameSecret(got, string(m.secret)) && matched < 0 {
			matched = i
		}
	}
	switch {
	case matched < 0 && broken:
		return v.fail("", fmt.Errorf("decoding a key: %w", ErrUnavailable))
	case matched < 0:
		return v.fail(v.field, ErrMismatch)
	}
	return Result{KeyID: keys[matched].id, KeyIndex: matched, Scheme: v.scheme, Covers: &uncovered}, nil
}

func (t Token) normal() (Token, error) {
	t.Source = t.Source.canonical()
	if t.Key == "" {
		t.Key = KeyText
	}
	if isPublic(t.Key) {
		return t, fmt.Errorf("%w: %q is a format of public keys", ErrKeyFormat, t.Key)
	}
	if err := t.Source.check(); err != nil {
		return t, fmt.Errorf("checking source: %w", err)
	}
	return t, nil
}

// Build returns a verifier of the token.
func (t Token) Build(provider string, cfg Config) (Verifier, error) {
	t, err := t.normal()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", provider, err)
	}
	d, err := deploy(provider, cfg, 0, func(k *Key) error { return k.material("", t.Key).err })
	if err != nil {
		return nil, fmt.Errorf("%s: %w", provider, err)
	}
	return &secretVerifier{
		deployment: d, scheme: "token", format: t.Key, field: t.Source.String(), read: t.Source.Lookup,
	}, nil
}

var authorization = Header("Authorization")

// Build returns a verifier of user and password.
func (Basic) Build(provider string, cfg Config) (Verifier, error) {
	d, err := deploy(provider, cfg, 0, checkBasic)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", provider, err)
	}
	return &secretVerifier{
		deployment: d, scheme: "basic", format: KeyText, field: authorization.String(), read: credentials,
	}, nil
}

func checkBasic(k *Key) error {
	m := k.material("", KeyText)
	if m.err != nil {
		return m.err
	}
	if _, password, ok := strings.Cut(string(m.secret), ":"); !ok || password == "" {
		return fmt.Errorf("%w: user:password", ErrKeyFormat)
	}
	return nil
}

// credentials returns user:password of the request. The scheme's name may be in
// any case, RFC 9110 section 11.1.
func credentials(r *Request) (string, error) {
	value, err := authorization.lookup(r)
	if err != nil {
		return "", err
	}
	scheme, text, ok := strings.Cut(value, " ")
	if !ok || !strings.EqualFold(scheme, "Basic") || strings.ContainsAny(text, "\r\n") {
		return "", ErrMalformed
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || len(raw) == 0 {
		return "", ErrMalformed
	}
	return string(raw), nil
}
