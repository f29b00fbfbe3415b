package tenants

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// ErrNotThere: the store has nothing for a source of a tenant. Every other error
// of a [Store] means that it is not known whether it has.
var ErrNotThere = errors.New("there is no secret")

// ErrDocument: what a store has is not a secret, nor a list of some.
var ErrDocument = errors.New("it holds neither a secret nor a list of secrets")

// A Store has the secrets of tenants. It is safe for concurrent use.
type Store interface {
	// Lookup returns what is kept for a source of a tenant, both of which are
	// names: [A-Za-z0-9_-]{1,64}. It is one secret, with or without a newline at
	// its end, or a list as [ParseDocument] reads it. No error holds any of it.
	Lookup(ctx context.Context, tenant, source string) ([]byte, error)
	// Fresh is how long what was looked up may be used before it is looked up
	// again.
	Fresh() time.Duration
}

// A Notifier is a Store that tells when what it keeps has changed.
type Notifier interface {
	Store
	// Notify has changed called when something has changed for a source of a
	// tenant, or with two empty texts when anything may have.
	Notify(changed func(tenant, source string))
}

const (
	// MaxDocument is the largest document in bytes.
	MaxDocument = 64 << 10
	// MaxSecrets is how many secrets a source of a tenant may have at one time.
	MaxSecrets = 8

	maxKeyID = 64
)

// document is a list of secrets, the newest first.
type document struct {
	Secrets []struct {
		// ID is what consumers see in ce-whkeyid.
		ID     string    `json:"id"`
		Secret string    `json:"secret"`
		Until  time.Time `json:"until"`
	} `json:"secrets"`
}

// ParseDocument returns the keys that a store's document stands for: the text
// itself, without one newline at its end, or, if it is a JSON object with the
// member "secrets", those in the list:
//
//	{"secrets": [
//		{"id": "2026-11", "secret": "the new one"},
//		{"id": "2026-05", "secret": "the old one", "until": "2026-12-01T00:00:00Z"}
//	]}
//
// Keys without an id are "key-1" and so on. The errors are [ErrDocument],
// [verifiers.ErrEmptyKey] and [verifiers.ErrKeyFormat], and hold no secret.
func ParseDocument(data []byte) (verifiers.Keys, error) {
	if len(data) > MaxDocument {
		return nil, fmt.Errorf("%w: it is larger than %d bytes", ErrDocument, MaxDocument)
	}
	var members map[string]json.RawMessage
	if trimmed := bytes.TrimSpace(data); len(trimmed) > 0 && trimmed[0] == '{' && json.Unmarshal(trimmed, &members) == nil && members["secrets"] != nil {
		return parseList(trimmed)
	}
	text := strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r")
	key, err := verifiers.NewKey("key-1", []byte(text))
	if err != nil {
		return nil, err
	}
	return verifiers.Keys{key}, nil
}

func parseList(data []byte) (verifiers.Keys, error) {
	var doc document
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&doc); err != nil {
		// Its text may quote what it has found.
		return nil, fmt.Errorf(`%w: write {"secrets": [{"id": "...", "secret": "...", "until": "2026-12-01T00:00:00Z"}]}`, ErrDocument)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: something follows the list", ErrDocument)
	}
	switch n := len(doc.Secrets); {
	case n == 0:
		return nil, fmt.Errorf("%w: the list is empty", ErrDocument)
	case n > MaxSecrets:
		return nil, fmt.Errorf("%w: the list has %d secrets, and at most %d are permitted: remove the old ones", ErrDocument, n, MaxSecrets)
	}
	keys := make(verifiers.Keys, 0, len(doc.Secrets))
	for i, s := range doc.Secrets {
		id := s.ID
		if id == "" {
			id = fmt.Sprintf("key-%d", i+1)
		}
		if len(id) > maxKeyID || strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return nil, fmt.Errorf("%w: the id of secret %d is longer than %d bytes or not printable ASCII", ErrDocument, i+1, maxKeyID)
		}
		key, err := verifiers.NewKey(id, []byte(s.Secret))
		if err != nil {
			return nil, fmt.Errorf("secret %d: %w", i+1, err)
		}
		if !s.Until.IsZero() {
			key = key.Until(s.Until)
		}
		keys = append(keys, key)
	}
	return keys, nil
}
