package gatewaytest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"sync"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Observer is a [gateway.Observer] that keeps every record. The zero value is
// ready to use, and safe for concurrent use.
type Observer struct {
	mu      sync.Mutex
	records []gateway.Record
	changed chan struct{}
}

// Observe keeps a copy of r.
func (o *Observer) Observe(r *gateway.Record) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.records = append(o.records, *r)
	if o.changed != nil {
		close(o.changed)
		o.changed = nil
	}
}

// Records returns what was observed, in order.
func (o *Observer) Records() []gateway.Record {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.records)
}

// Wait returns the records as soon as there are n of them, or ctx's error and
// what there is. It is for requests whose sender does not get an answer.
func (o *Observer) Wait(ctx context.Context, n int) ([]gateway.Record, error) {
	for {
		o.mu.Lock()
		records := slices.Clone(o.records)
		if o.changed == nil {
			o.changed = make(chan struct{})
		}
		changed := o.changed
		o.mu.Unlock()
		if len(records) >= n {
			return records, nil
		}
		select {
		case <-ctx.Done():
			return records, ctx.Err()
		case <-changed:
		}
	}
}

// ValidatorFunc lets a function be a [gateway.Validator] whose modes are the
// route's. The digest of each schema is that of its address.
type ValidatorFunc func(eventType string, payload any) (schema string, err error)

// Validate calls f.
func (f ValidatorFunc) Validate(e *gateway.Event, payload any) gateway.Validation {
	schema, err := f(e.Type, payload)
	v := gateway.Validation{Schema: schema, Err: err}
	if schema != "" {
		sum := sha256.Sum256([]byte(schema))
		v.SHA256 = hex.EncodeToString(sum[:])
	}
	return v
}

// ConfirmerFunc lets a function be a [gateway.Confirmer].
type ConfirmerFunc func(ctx context.Context, pin verifiers.Pin, rawURL string) error

// Confirm calls f.
func (f ConfirmerFunc) Confirm(ctx context.Context, pin verifiers.Pin, rawURL string) error {
	return f(ctx, pin, rawURL)
}

var (
	_ gateway.Observer  = (*Observer)(nil)
	_ gateway.Validator = ValidatorFunc(nil)
	_ gateway.Confirmer = ConfirmerFunc(nil)
)
