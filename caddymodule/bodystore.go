package caddymodule

import (
	"errors"
	"fmt"
	"regexp"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/natspub"
)

// BodyStore configures the JetStream object store for large bodies. Their events
// are published without a payload and with a reference, the header ce-dataref.
// It needs a cluster, is in the account
// of the streams, and keeps bodies a day longer than they
// keep events.
type BodyStore struct {
	// The bucket's name. Default: WEBHOOKS_BODIES.
	Bucket string `json:"bucket,omitempty"`
	// The size in bytes above which a body goes there. Default: what does not fit
	// into a message, which is the server's max_payload less 16 KiB.
	Above int64 `json:"above,omitempty"`
	// How many bytes the bucket may have. When it is full, events with large
	// bodies are answered 503. Default: 8 GiB.
	MaxBytes int64 `json:"max_bytes,omitempty"`
}

const (
	bodiesName     = "WEBHOOKS_BODIES"
	bodiesMaxBytes = 8 << 30
)

var bucketName = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// checkBodyStore checks and completes the body store.
func (a *App) checkBodyStore() error {
	if a.NATS == nil {
		if a.BodyStore != nil {
			return errors.New("body_store: the embedded server takes every body as a message: remove it, or configure a cluster with `nats <url>`")
		}
		return nil
	}
	if a.BodyStore == nil {
		a.BodyStore = new(BodyStore)
	}
	b := a.BodyStore
	if b.Bucket == "" {
		b.Bucket = bodiesName
	}
	if b.MaxBytes == 0 {
		b.MaxBytes = bodiesMaxBytes
	}
	switch {
	case !bucketName.MatchString(b.Bucket):
		return fmt.Errorf("body_store: %q is not the name of a bucket: use letters, digits, - and _", b.Bucket)
	case b.Above < 0 || b.MaxBytes < 0:
		return errors.New("body_store: above and max_bytes are numbers of bytes above 0")
	}
	return nil
}

// bodies translates the body store, which has the stream's replicas.
func (a *App) bodies() natspub.BodiesConfig {
	b := a.BodyStore
	if b == nil {
		return natspub.BodiesConfig{}
	}
	return natspub.BodiesConfig{
		Bucket: b.Bucket, Above: b.Above, MaxBytes: b.MaxBytes,
		Replicas: a.Stream.Replicas, Create: a.Stream.Create == "on",
	}
}

// body_store object_store [<bucket>] { ... }
func (a *App) parseBodyStore(d *caddyfile.Dispenser) error {
	b := new(BodyStore)
	a.BodyStore = b
	if !d.NextArg() {
		return d.ArgErr()
	}
	if d.Val() != "object_store" {
		return d.Errf("%q is no place for bodies: write object_store", d.Val())
	}
	if d.NextArg() {
		b.Bucket = d.Val()
	}
	return parseBlock(d, "body_store", map[string]subdirective[*BodyStore]{
		"above":     {parse: func(b *BodyStore, d *caddyfile.Dispenser) error { return parseSize(d, &b.Above) }},
		"max_bytes": {parse: func(b *BodyStore, d *caddyfile.Dispenser) error { return parseSize(d, &b.MaxBytes) }},
	}, b)
}
