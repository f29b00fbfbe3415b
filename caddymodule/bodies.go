package caddymodule

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/natspub"
)

// BodyStore keeps large bodies apart from their events: in an object store of
// JetStream. Such an event has no payload, and its header `ce-dataref` names the
// body by its hash. Bodies are kept for twice as long as events, so that one that
// comes again need not be stored again.
type BodyStore struct {
	// `on` or `off`. With `off` a body that the server does not take in a message
	// is answered 413. Default: `on`.
	Mode string `json:"mode,omitempty"`
	// The bucket's name. Default: WEBHOOKS_BODIES.
	Bucket string `json:"bucket,omitempty"`
	// The largest body, in bytes, that stays in its message, as far as the server
	// takes that. Default: 1 MiB less 16 KiB for headers.
	Above int64 `json:"above,omitempty"`
	// How many bytes the bucket may have. When it is full such events are answered
	// 503. Default: no limit of its own.
	MaxBytes int64 `json:"max_bytes,omitempty"`
}

const bodiesName = "WEBHOOKS_BODIES"

// checkBodies checks and completes the settings of the object store.
func (a *App) checkBodies() error {
	b := BodyStore{}
	if a.BodyStore != nil {
		b = *a.BodyStore
	}
	a.BodyStore = &b
	var problems []error
	switch b.Mode {
	case "":
		b.Mode = "on"
	case "on", "off":
	default:
		problems = append(problems, fmt.Errorf("mode: %q is not understood: write on or off", b.Mode))
	}
	if b.Bucket == "" {
		b.Bucket = bodiesName
	}
	if strings.ContainsFunc(b.Bucket, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_' && r != '-'
	}) {
		problems = append(problems, fmt.Errorf("%q is not a bucket's name: use letters, digits, _ and -", b.Bucket))
	}
	if b.Above < 0 || b.MaxBytes < 0 {
		problems = append(problems, errors.New("above and max_bytes must be above zero"))
	}
	if err := errors.Join(problems...); err != nil {
		return fmt.Errorf("body_store: %w", err)
	}
	return nil
}

// bodies is where the publisher puts large bodies.
func (a *App) bodies() natspub.BodiesConfig {
	b := a.BodyStore
	if b.Mode == "off" {
		return natspub.BodiesConfig{}
	}
	keep := max(a.Stream.MaxAge, a.QuarantineStream.MaxAge)
	if a.anybody {
		keep = max(keep, a.UnverifiedStream.MaxAge)
	}
	for _, s := range a.RouteStreams {
		keep = max(keep, s.MaxAge)
	}
	return natspub.BodiesConfig{
		Bucket:   b.Bucket,
		Above:    b.Above,
		TTL:      2 * time.Duration(keep),
		Keep:     time.Duration(keep),
		MaxBytes: b.MaxBytes,
		Replicas: a.Stream.Replicas,
		Create:   a.Stream.Create == "on",
	}
}

// body_store object_store [<bucket>] { ... }
// body_store off
func (a *App) parseBodyStore(d *caddyfile.Dispenser) error {
	b := new(BodyStore)
	a.BodyStore = b
	args := d.RemainingArgs()
	switch {
	case len(args) == 1 && args[0] == "off":
		b.Mode = "off"
		return nil
	case len(args) == 0 || args[0] != "object_store" || len(args) > 2:
		return d.Err("body_store: write `body_store object_store [<bucket>]` or `body_store off`")
	case len(args) == 2:
		b.Bucket = args[1]
	}
	return parseBlock(d, "body_store", map[string]subdirective[*BodyStore]{
		"above":     {parse: func(b *BodyStore, d *caddyfile.Dispenser) error { return parseSize(d, &b.Above) }},
		"max_bytes": {parse: func(b *BodyStore, d *caddyfile.Dispenser) error { return parseSize(d, &b.MaxBytes) }},
	}, b)
}
