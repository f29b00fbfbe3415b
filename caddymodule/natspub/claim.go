package natspub

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	// headerDataRef says where the body is, of a message without one.
	headerDataRef = "ce-dataref"
	dataRefScheme = "nats-obj://"
	// chunkSize is what the object store's own clients use.
	chunkSize = 128 << 10
	// chunksOnTheWay bounds what the connection and the server hold of a body
	// beside the body itself: 1 MiB.
	chunksOnTheWay = 8
	// bodySlack is how much longer bodies are kept than events. A body that is
	// there is used again as long as it outlives the event by half of this.
	bodySlack = 24 * time.Hour
	// undo bounds how long the chunks of a body that was not stored are removed.
	undo = time.Second
)

// BodiesConfig says where bodies go that are not published with their event: a
// JetStream object store, in which each is named by the SHA-256 of its bytes.
type BodiesConfig struct {
	// Bucket is the object store's name. Empty means that there is none.
	Bucket string
	// Above is the size in bytes above which a body goes there; 0 means what does
	// not fit into a message: the server's max_payload less 16 KiB for headers.
	Above int64
	// Replicas is how many servers keep each body. Zero means 1.
	Replicas int
	// MaxBytes caps the bucket; zero means that only the store is a limit.
	MaxBytes int64
	// Create makes the bucket where there is none.
	Create bool
}

// stream is the name of the stream behind the bucket.
func (cfg BodiesConfig) stream() string { return "OBJ_" + cfg.Bucket }

// claimError is why a body could not be stored. Its event is not published.
type claimError struct{ err error }

func (e *claimError) Error() string { return "storing the body: " + e.err.Error() }
func (e *claimError) Unwrap() error { return e.err }

// claims reports whether the body goes into the object store.
func (p *Publisher) claims(m *message) bool {
	if p.cfg.Bodies.Bucket == "" {
		return false
	}
	return int64(len(m.event.Body)) > p.claimAbove()
}

func (p *Publisher) claimAbove() int64 {
	fits := p.cfg.Conn.MaxPayload() - maxHeaders
	if above := p.cfg.Bodies.Above; above > 0 && (fits <= 0 || above < fits) {
		return above
	}
	return max(fits, 0)
}

// claim stores the message's body, unless it is there, so that the message can
// do without.
func (p *Publisher) claim(ctx context.Context, m *message) error {
	if m.dataRef != "" || !p.claims(m) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, p.claimPatience(ctx))
	defer cancel()
	name := one(m.header, headerDigest) // an event from a spool has no other
	unlock, err := p.lockBody(ctx, name)
	if err != nil {
		return &claimError{err}
	}
	defer unlock()
	if err := p.putOnce(ctx, name, m.event.Body); err != nil {
		return &claimError{err}
	}
	m.dataRef = dataRefScheme + p.cfg.Bodies.Bucket + "/" + name
	return nil
}

// claimPatience leaves time to publish the event itself.
func (p *Publisher) claimPatience(ctx context.Context) time.Duration {
	deadline, ok := ctx.Deadline()
	if !ok {
		return 4 * p.cfg.AttemptTimeout
	}
	left := time.Until(deadline)
	return max(left-min(left/4, p.cfg.AttemptTimeout), 0)
}

// lockBody makes those that have the same body wait for each other, so that it
// is stored once.
func (p *Publisher) lockBody(ctx context.Context, name string) (unlock func(), err error) {
	mine := make(chan struct{})
	for {
		other, busy := p.putting.LoadOrStore(name, mine)
		if !busy {
			return func() { p.putting.Delete(name); close(mine) }, nil
		}
		select {
		case <-other.(chan struct{}):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// outgoing is the published form of the message: with its body, or with a
// reference to it. The message itself stays as it is, because a spool may have
// to take it.
func (p *Publisher) outgoing(m *message) *nats.Msg {
	if p.cfg.Bodies.Bucket == "" || m.dataRef == "" {
		return &nats.Msg{Subject: m.subject, Header: m.header, Data: m.event.Body}
	}
	header := maps.Clone(m.header)
	header[headerDataRef] = []string{m.dataRef}
	return &nats.Msg{Subject: m.subject, Header: header}
}

// putOnce stores the body unless it is there for long enough.
func (p *Publisher) putOnce(ctx context.Context, name string, body []byte) error {
	subject := "$O." + p.cfg.Bodies.Bucket + ".M." + base64.URLEncoding.EncodeToString([]byte(name))
	s, err := p.bucketStream(ctx)
	if err != nil {
		return err
	}
	digest, err := hex.DecodeString(name)
	if err != nil {
		return err
	}
	want := "SHA-256=" + base64.URLEncoding.EncodeToString(digest)
	switch have, err := s.GetLastMsgForSubject(ctx, subject); {
	case err == nil:
		var info jetstream.ObjectInfo
		if json.Unmarshal(have.Data, &info) == nil && !info.Deleted && info.Digest == want && info.Size == uint64(len(body)) && p.lasts(s, have.Time) {
			return nil
		}
	case !errors.Is(err, jetstream.ErrMsgNotFound):
		return err
	}
	return p.put(ctx, s, subject, name, want, body)
}

// lasts reports whether what was stored at that time is kept for longer than an
// event of now.
func (p *Publisher) lasts(s jetstream.Stream, at time.Time) bool {
	ttl := s.CachedInfo().Config.MaxAge
	return ttl == 0 || p.longestAge() > 0 && time.Since(at) < ttl-p.longestAge()-bodySlack/2
}

// put stores the body in the form of every client of object stores. Unlike
// theirs it writes the entry only when every chunk is acknowledged: an entry of
// the same name, to which events refer, is never replaced by one that cannot be
// read. Chunks of the entry before are left to their age, since somebody may be
// reading them.
func (p *Publisher) put(ctx context.Context, s jetstream.Stream, subject, name, digest string, body []byte) error {
	id := rand.Text()
	chunks := "$O." + p.cfg.Bodies.Bucket + ".C." + id
	count, err := p.putChunks(ctx, chunks, body)
	if err != nil {
		// Nothing refers to them. What this does not reach ends with its age.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undo)
		defer cancel()
		_ = s.Purge(ctx, jetstream.WithPurgeSubject(chunks))
		return err
	}
	entry, err := json.Marshal(jetstream.ObjectInfo{
		ObjectMeta: jetstream.ObjectMeta{Name: name, Opts: &jetstream.ObjectMetaOptions{ChunkSize: chunkSize}},
		Bucket:     p.cfg.Bodies.Bucket, NUID: id, Size: uint64(len(body)), Chunks: count, Digest: digest,
	})
	if err != nil {
		return err
	}
	return p.settle(ctx, p.sendPart(&nats.Msg{
		Subject: subject, Data: entry,
		Header: nats.Header{jetstream.MsgRollup: {jetstream.MsgRollupSubject}, headerStream: {p.cfg.Bodies.stream()}},
	}))
}

// putChunks stores slices of the body, a few at a time, and returns how many.
func (p *Publisher) putChunks(ctx context.Context, subject string, body []byte) (n uint32, err error) {
	var waiting []*sent
	var count uint32
	defer func() {
		if err == nil {
			return
		}
		// What is on the way would come after what is removed.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undo)
		defer cancel()
		for _, w := range waiting {
			_ = p.settle(ctx, w)
		}
	}()
	for len(body) > 0 {
		if len(waiting) == chunksOnTheWay {
			first := waiting[0]
			waiting = waiting[1:]
			if err := p.settle(ctx, first); err != nil {
				return 0, err
			}
		}
		n := min(len(body), chunkSize)
		waiting = append(waiting, p.sendPart(&nats.Msg{Subject: subject, Data: body[:n], Header: nats.Header{headerStream: {p.cfg.Bodies.stream()}}}))
		body = body[n:]
		count++
	}
	for len(waiting) > 0 {
		first := waiting[0]
		waiting = waiting[1:]
		if err := p.settle(ctx, first); err != nil {
			return 0, err
		}
	}
	return count, nil
}

func (p *Publisher) sendPart(m *nats.Msg) *sent {
	before := p.cfg.Conn.LastError()
	future, err := p.js.PublishMsgAsync(m, jetstream.WithRetryAttempts(0))
	return &sent{future, before, err}
}

func (p *Publisher) settle(ctx context.Context, s *sent) error {
	if s.err != nil {
		return s.err
	}
	ack, err := p.answer(ctx, &message{subject: s.future.Msg().Subject}, s)
	if err == nil && ack.Stream != p.cfg.Bodies.stream() {
		return fmt.Errorf("the stream %s answered in place of %s", ack.Stream, p.cfg.Bodies.stream())
	}
	return err
}

// bucketStream returns the stream behind the bucket, asking only once.
func (p *Publisher) bucketStream(ctx context.Context) (jetstream.Stream, error) {
	if s := p.bucket.Load(); s != nil {
		return *s, nil
	}
	s, err := p.js.Stream(ctx, p.cfg.Bodies.stream())
	if err != nil {
		return nil, err
	}
	p.bucket.Store(&s)
	return s, nil
}

// FetchBody returns the payload that the provider sent: the message's own, or
// the one that its header ce-dataref names, which is compared with ce-whsha256.
// It holds the whole body in memory. An error that wraps
// [jetstream.ErrObjectNotFound] means that the body is gone, with its age.
func FetchBody(ctx context.Context, js jetstream.JetStream, header nats.Header, data []byte) ([]byte, error) {
	ref := one(header, headerDataRef)
	if ref == "" {
		return data, nil
	}
	rest, known := strings.CutPrefix(ref, dataRefScheme)
	bucket, name, whole := strings.Cut(rest, "/")
	if !known || !whole || name != one(header, headerDigest) {
		return nil, fmt.Errorf("fetching a body: %q is not a reference of this gateway", ref)
	}
	store, err := js.ObjectStore(ctx, bucket)
	if err != nil {
		return nil, fmt.Errorf("fetching a body: opening the object store %s: %w", bucket, err)
	}
	body, err := store.GetBytes(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("fetching a body: %w", err)
	}
	if sum := sha256.Sum256(body); hex.EncodeToString(sum[:]) != name {
		return nil, errors.New("fetching a body: its bytes are not those of ce-whsha256")
	}
	return body, nil
}
