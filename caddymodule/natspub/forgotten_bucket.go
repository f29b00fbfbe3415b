package natspub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// bucket opens the bucket, makes it, and has it keep what is put into it for long
// enough.
func (f *forgotten) bucket(ctx context.Context) (jetstream.KeyValue, error) {
	var longest time.Duration
	for _, from := range f.p.streams() {
		name := from.Name
		if from.root == QuarantineRoot {
			continue
		}
		window, err := f.p.window(ctx, name)
		if err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
			return nil, err
		}
		longest = max(longest, window)
	}
	longest = max(longest, f.p.cfg.Stream.Window, f.p.cfg.Unverified.Window)
	ttl := 2*longest + forgottenSpare
	var s jetstream.Stream
	refused, err := f.p.permitted(ctx, "STREAM.INFO."+f.stream(), func(ctx context.Context) (err error) {
		s, err = f.p.js.Stream(ctx, f.stream())
		return err
	})
	switch {
	case refused:
		return nil, fmt.Errorf("%w: the gateway may not look at the bucket %s: allow its user to publish on %sSTREAM.INFO.%s", ErrCannotForget, f.cfg.Bucket, f.p.cfg.APIPrefix, f.stream())
	case errors.Is(err, jetstream.ErrStreamNotFound):
		if err := f.create(ctx, ttl); err != nil {
			return nil, err
		}
	case err != nil:
		return nil, fmt.Errorf("looking at the bucket %s: %w", f.cfg.Bucket, err)
	default:
		have := s.CachedInfo().Config
		if have.MaxAge > 0 && have.MaxAge < ttl {
			if err := f.prolong(ctx, have, ttl); err != nil {
				return nil, err
			}
		} else {
			ttl = have.MaxAge
		}
	}
	f.keeps(ttl)
	kv, err := f.p.js.KeyValue(ctx, f.cfg.Bucket)
	if err != nil {
		return nil, fmt.Errorf("opening the bucket %s: %w", f.cfg.Bucket, err)
	}
	return kv, nil
}

// create makes the bucket. The client's own way needs more permissions.
func (f *forgotten) create(ctx context.Context, ttl time.Duration) error {
	byHand := fmt.Sprintf("make it with `nats kv add %s --history 1 --ttl %s --replicas %d --max-bucket-size %d`", f.cfg.Bucket, ttl, max(f.cfg.Replicas, 1), forgottenBytes)
	if !f.cfg.Create {
		return fmt.Errorf("%w: there is no bucket for them, and `create` is off: %s", ErrCannotForget, byHand)
	}
	refused, err := f.p.permitted(ctx, "STREAM.CREATE."+f.stream(), func(ctx context.Context) error {
		_, err := f.p.js.CreateStream(ctx, jetstream.StreamConfig{
			Name: f.stream(), Description: "Ids of webhooks that operators had forgotten, kept by caddy-webhooks",
			Subjects: []string{f.subject(">")}, MaxMsgsPerSubject: 1, MaxAge: ttl, MaxBytes: forgottenBytes, MaxMsgs: -1, MaxConsumers: -1,
			Discard: jetstream.DiscardNew, Storage: jetstream.FileStorage, Replicas: max(f.cfg.Replicas, 1),
			AllowRollup: true, DenyDelete: true, AllowDirect: true, Duplicates: spoolWindow,
			Metadata: map[string]string{ownerKey: "v1"},
		})
		return err
	})
	switch {
	case refused:
		return fmt.Errorf("%w: there is no bucket for them, and the gateway may not make it: %s", ErrCannotForget, byHand)
	case err != nil && !errors.Is(err, jetstream.ErrStreamNameAlreadyInUse): // by another gateway
		return fmt.Errorf("making the bucket %s: %w", f.cfg.Bucket, err)
	}
	return nil
}

// prolong has a bucket of ours keep for longer what is put into it.
func (f *forgotten) prolong(ctx context.Context, have jetstream.StreamConfig, ttl time.Duration) error {
	err := errors.New("it is not the gateway's to change")
	before := have.MaxAge
	if f.cfg.Create && have.Metadata[ownerKey] != "" {
		have.MaxAge = ttl
		_, err = f.p.permitted(ctx, "STREAM.UPDATE."+f.stream(), func(ctx context.Context) error {
			_, err := f.p.js.UpdateStream(ctx, have)
			return err
		})
	}
	if err != nil {
		return fmt.Errorf("%w: the bucket %s keeps them for %s, and has to for %s, twice as long as ids are remembered: `nats stream edit %s --max-age %s`: %w",
			ErrCannotForget, f.cfg.Bucket, before, ttl, f.stream(), ttl, err)
	}
	return nil
}

// keeps notes for how long the bucket keeps what is put into it.
func (f *forgotten) keeps(ttl time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ttl = ttl
}

// explain adds what to do about an error.
func (f *forgotten) explain(err error) error {
	api, ok := errors.AsType[*jetstream.APIError](err)
	switch {
	case ok && strings.Contains(api.Description, "exceeded"):
		return fmt.Errorf("%w: the bucket is full: raise its limit with `nats stream edit %s --max-bytes=<n>`", err, f.stream())
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, nats.ErrTimeout):
		return fmt.Errorf("%w: it may be stored all the same: do it again", err)
	}
	return err
}

// extend stores a record once more, so that its time begins anew. The error means
// that this is not known.
func (f *forgotten) extend(ctx context.Context, base string, r forgottenRecord) error {
	refused, err := f.p.permitted(ctx, f.subject(base), func(ctx context.Context) error {
		kv, err := f.p.js.KeyValue(ctx, f.cfg.Bucket)
		if err != nil {
			return err
		}
		return f.put(ctx, kv, base, r)
	})
	switch {
	case err == nil, errors.Is(err, errOtherRevision), errors.Is(err, jetstream.ErrBucketNotFound):
		return nil // another gateway was first, or an operator has removed it
	case refused:
		f.p.cfg.Logger.Warn("an id that was forgotten long ago came once more, and the gateway may not keep that in mind: it may be stored again later",
			"bucket", f.cfg.Bucket, "subject", f.subject(base))
		return nil
	}
	return fmt.Errorf("%w: keeping in mind that the id was forgotten, in the bucket %s: %w", classify(err).as, f.cfg.Bucket, err)
}

var errOtherRevision = errors.New("the record has changed")

// put stores a record in place of the one with its revision; 0 means that there
// is none. The error wraps errOtherRevision if it has changed meanwhile.
func (f *forgotten) put(ctx context.Context, kv jetstream.KeyValue, base string, r forgottenRecord) error {
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	var revision uint64
	if r.revision == 0 {
		revision, err = kv.Create(ctx, base, text)
	} else {
		revision, err = kv.Update(ctx, base, text, r.revision)
	}
	api, refused := errors.AsType[*jetstream.APIError](err)
	switch {
	case errors.Is(err, jetstream.ErrKeyExists), refused && api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence:
		return fmt.Errorf("%w: %w", errOtherRevision, err)
	case err != nil:
		return err
	}
	f.note(base, &replayed{seq: revision, at: time.Now(), data: text})
	return nil
}
