package providers

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// fetchedKey is a [verifiers.KeySource] of one key that a sender serves. It is
// read again only when what is served has changed.
type fetchedKey struct {
	fetcher verifiers.Fetcher
	pin     verifiers.Pin
	url     string
	read    func(doc []byte) (string, error)
	cached  atomic.Pointer[servedKey]
}

// servedKey is what was made of a document.
type servedKey struct {
	document string
	keys     []*verifiers.Key
}

// Keys returns the key.
func (k *fetchedKey) Keys(ctx context.Context, _ string) ([]*verifiers.Key, error) {
	doc, err := k.fetcher.Fetch(ctx, k.pin, k.url)
	if err != nil {
		return nil, fmt.Errorf("fetching the key: %w", err)
	}
	if have := k.cached.Load(); have != nil && have.document == string(doc) {
		return have.keys, nil
	}
	text, err := k.read(doc)
	if err != nil {
		return nil, fmt.Errorf("reading the key: %w", verifiers.ErrMalformed)
	}
	key, err := verifiers.NewKey("fetched", []byte(text))
	if err != nil {
		return nil, fmt.Errorf("reading the key: %w", err)
	}
	served := &servedKey{document: string(doc), keys: []*verifiers.Key{key}}
	k.cached.Store(served)
	return served.keys, nil
}

// Interface guards.
var _ verifiers.KeySource = (*fetchedKey)(nil)
