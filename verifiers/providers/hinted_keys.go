package providers

import (
	"context"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// hinted is a [verifiers.KeySource] for schemes in which the request names its
// key in a place of its own: what [withHint] put into the context stands in for
// the hint.
type hinted struct{ verifiers.KeySource }

type hintKey struct{}

// withHint returns a context that names a key.
func withHint(ctx context.Context, hint string) context.Context {
	return context.WithValue(ctx, hintKey{}, hint)
}

// Keys returns the keys that the context names.
func (h hinted) Keys(ctx context.Context, hint string) ([]*verifiers.Key, error) {
	if named, ok := ctx.Value(hintKey{}).(string); ok {
		hint = named
	}
	return h.KeySource.Keys(ctx, hint)
}
