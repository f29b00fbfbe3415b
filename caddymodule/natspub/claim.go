package natspub

import (
	"bytes"
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
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
)

const (
	// headerDataRef names where the body is, in a message without one.
	headerDataRef = "ce-dataref"
	// dataRefScheme begins such a name; the bucket, a slash and the SHA-256 of the
	// body in hex follow.
	dataRefScheme = "nats-obj://"
	// defaultAbove is the default of BodiesConfig.Above: what a server with
	// the usual max_payload of 1 MiB takes, and the headers.
	defaultAbove = 1<<20 - maxHeaders
	// bodyChunk is the size of the messages that a body is divided into.
	bodyChunk = 512 << 10
	// bodyAttempts is how often storing a body is tried.
	bodyAttempts = 3
	// largestBody is the largest that is read: the size in an object's description
	// is not trusted beyond it.
	largestBody = 64 << 20
)

// BodiesConfig says where large bodies go: into an object store of JetStream, in
// which the message names them. It is read with any client's object store, such
// as `nats object get`.
type BodiesConfig struct {
	// Bucket is the name of the object store. Empty means that there is none, and
	// that larger bodies than the server takes are refused.
	Bucket string
	// Above is the largest body that stays in its message, in bytes, if the server
	// takes it; 0 means 1 MiB without headers.
	Above int64
	// TTL is how long bodies are kept; zero means for ever. It must not be shorter
	// than events are. A body that comes again is not stored again while its
	// rest of the time suffices, so that twice as long saves space.
	TTL time.Duration
	// Keep is how long events are kept, at most: as long is a body needed. Zero
	// means for ever.
	Keep time.Duration
	// MaxBytes caps the bucket; zero means that only the store is a limit.
	MaxBytes int64
	// Replicas is how many servers keep each body. Zero means 1.
	Replicas int
	// Create makes the bucket where there is none.
	Create bool
}

// bodies stores large bodies.
type bodies struct {
	p   *Publisher
	cfg BodiesConfig

	mu     sync.Mutex
	flight map[[32]byte]chan struct{} // being stored; closed at the end
}

func newBodies(p *Publisher, cfg BodiesConfig) *bodies {
	if cfg.Above <= 0 {
		cfg.Above = defaultAbove
	}
	return &bodies{p: p, cfg: cfg, flight: make(map[[32]byte]chan struct{})}
}

// limit is the largest body that stays in its message.
func (b *bodies) limit() int64 {
	if most := b.p.cfg.Conn.MaxPayload(); most > 2*maxHeaders { // known
		return min(b.cfg.Above, most-maxHeaders)
	}
	return b.cfg.Above
}

// claim puts a large body of the message into the object store, so that the
// message is without one and names it. It returns only when the body is stored.
func (p *Publisher) claim(ctx context.Context, m *message) error {
	if !p.claims(m) {
		return nil
	}
	if err := p.bodies.store(ctx, m.event.Body); err != nil {
		return fmt.Errorf("storing the body: %w", err)
	}
	m.header = maps.Clone(m.header)
	m.header[headerDataRef] = []string{p.bodies.ref(sha256.Sum256(m.event.Body))}
	m.claimed = true
	return nil
}

// claims reports whether the message's body is for the object store.
func (p *Publisher) claims(m *message) bool {
	size := int64(len(m.event.Body))
	return p.bodies != nil && !m.claimed && size > maxHeaders && size > p.bodies.limit()
}

func (b *bodies) ref(digest [32]byte) string {
	return dataRefScheme + b.cfg.Bucket + "/" + hex.EncodeToString(digest[:])
}

// store stores a body, unless the bucket has it. One body is stored once at a
// time.
func (b *bodies) store(ctx context.Context, body []byte) error {
	digest := sha256.Sum256(body)
	for {
		b.mu.Lock()
		other := b.flight[digest]
		if other == nil {
			break
		}
		b.mu.Unlock()
		select {
		case <-other:
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", gateway.ErrTimeout, ctx.Err())
		}
	}
	done := make(chan struct{})
	b.flight[digest] = done
	b.mu.Unlock()
	defer func() {
		b.mu.Lock()
		delete(b.flight, digest)
		b.mu.Unlock()
		close(done)
	}()
	for attempt := 1; ; attempt++ {
		err := b.attempt(ctx, digest, body)
		if err == nil {
			return nil
		}
		f := classify(err)
		if attempt == bodyAttempts || f.tries == never {
			return fmt.Errorf("%w: %w", f.as, err)
		}
		if again := b.p.pause(ctx, attempt, f); again != nil {
			return fmt.Errorf("%w: %w", again, err)
		}
	}
}

func (b *bodies) attempt(ctx context.Context, digest [32]byte, body []byte) error {
	ctx, cancel := context.WithTimeout(ctx, max(b.p.cfg.AttemptTimeout, time.Duration(len(body))*time.Microsecond))
	defer cancel()
	faults := b.p.faults.Load()
	switch has, err := b.has(ctx, digest); {
	case err != nil:
		return err
	case has:
		return b.p.sound(faults)
	}
	return b.put(ctx, digest, body)
}

// has reports whether the bucket has the body, for long enough.
func (b *bodies) has(ctx context.Context, digest [32]byte) (bool, error) {
	stream, err := b.p.js.Stream(ctx, b.stream())
	if err != nil {
		return false, err
	}
	m, err := stream.GetLastMsgForSubject(ctx, b.metaSubject(digest))
	switch {
	case errors.Is(err, jetstream.ErrMsgNotFound):
		return false, nil
	case err != nil:
		return false, err
	}
	var info jetstream.ObjectInfo
	if err := json.Unmarshal(m.Data, &info); err != nil || info.Deleted {
		return false, nil //nolint:nilerr // it is stored again
	}
	ttl := stream.CachedInfo().Config.MaxAge
	return ttl == 0 || b.cfg.Keep > 0 && time.Since(m.Time)+b.cfg.Keep <= ttl, nil
}

// put stores a body as object stores keep them: chunks, and, after all of them
// are acknowledged, what describes them. Until then there is no such object.
func (b *bodies) put(ctx context.Context, digest [32]byte, body []byte) error {
	id := rand.Text()
	subject := "$O." + b.cfg.Bucket + ".C." + id
	size := bodyChunk
	if limit := int(b.p.cfg.Conn.MaxPayload()); limit > 0 {
		size = min(size, limit-1024)
	}
	var chunks []*sent
	for rest := body; len(rest) > 0; {
		n := min(size, len(rest))
		chunks = append(chunks, b.send(&nats.Msg{Subject: subject, Data: rest[:n]}))
		rest = rest[n:]
	}
	var first error
	for _, s := range chunks {
		if _, err := b.p.answer(ctx, &message{subject: subject}, s); err != nil && first == nil {
			first = err
		}
	}
	if first != nil {
		b.drop(subject)
		return first
	}
	name := hex.EncodeToString(digest[:])
	meta, err := json.Marshal(jetstream.ObjectInfo{
		ObjectMeta: jetstream.ObjectMeta{Name: name, Opts: &jetstream.ObjectMetaOptions{ChunkSize: uint32(size)}},
		Bucket:     b.cfg.Bucket, NUID: id, Size: uint64(len(body)), Chunks: uint32(len(chunks)), //nolint:gosec // far below
		Digest: "SHA-256=" + base64.URLEncoding.EncodeToString(digest[:]),
	})
	if err != nil {
		return err
	}
	m := &nats.Msg{Subject: b.metaSubject(digest), Data: meta, Header: nats.Header{"Nats-Rollup": {"sub"}}}
	_, err = b.p.answer(ctx, &message{subject: m.Subject}, b.send(m))
	return err
}

func (b *bodies) send(m *nats.Msg) *sent {
	if m.Header == nil {
		m.Header = nats.Header{}
	}
	m.Header[headerStream] = []string{b.stream()}
	before := b.p.cfg.Conn.LastError()
	future, err := b.p.js.PublishMsgAsync(m, jetstream.WithRetryAttempts(0))
	return &sent{future, before, err}
}

// drop removes the chunks of a body that was not stored to its end, if that can
// be done; otherwise they expire.
func (b *bodies) drop(subject string) {
	ctx, cancel := context.WithTimeout(context.Background(), b.p.cfg.AttemptTimeout)
	defer cancel()
	if stream, err := b.p.js.Stream(ctx, b.stream()); err == nil {
		_ = stream.Purge(ctx, jetstream.WithPurgeSubject(subject))
	}
}

func (b *bodies) stream() string { return "OBJ_" + b.cfg.Bucket }

func (b *bodies) metaSubject(digest [32]byte) string {
	return "$O." + b.cfg.Bucket + ".M." + base64.URLEncoding.EncodeToString([]byte(hex.EncodeToString(digest[:])))
}

// examineBodies creates or checks the bucket.
func (p *Publisher) examineBodies(ctx context.Context) ([]Finding, error) {
	cfg := p.bodies.cfg
	name := p.bodies.stream()
	var s jetstream.Stream
	denied, err := p.permitted(ctx, "STREAM.INFO."+name, func(ctx context.Context) (err error) {
		s, err = p.js.Stream(ctx, name)
		return err
	})
	switch {
	case denied:
		return []Finding{{Warning, name, "the gateway may not look at it", "allow its user to publish on $JS.API.STREAM.INFO." + name}}, nil
	case errors.Is(err, jetstream.ErrStreamNotFound) && !cfg.Create:
		return []Finding{{Warning, name, "there is no bucket for large bodies, which are refused (413)", "create it with `" + cfg.addCommand() + "`, or let the gateway do it with `create on`"}}, nil
	case errors.Is(err, jetstream.ErrStreamNotFound) && p.cfg.LookOnly:
		if p.deniedCreate(ctx, name) {
			return []Finding{cfg.denied(name)}, nil
		}
		return []Finding{{Note, name, ToCreate, ""}}, nil
	case errors.Is(err, jetstream.ErrStreamNotFound):
		return p.createBodies(ctx)
	case err != nil:
		return nil, fmt.Errorf("looking at the bucket %s: %w", cfg.Bucket, err)
	}
	have := s.CachedInfo().Config
	var found []Finding
	if have.MaxAge > 0 && (cfg.Keep == 0 || have.MaxAge < cfg.Keep) {
		found = append(found, Finding{
			Warning, name, fmt.Sprintf("bodies end after %s, and events that name them may be kept for longer", have.MaxAge),
			"`nats stream edit " + name + " --max-age " + cfg.TTL.String() + "`",
		})
	}
	if have.Storage != jetstream.FileStorage {
		found = append(found, Finding{Fatal, name, "its bodies are in memory and end with the server", "use a bucket with file storage"})
	}
	if have.Discard != jetstream.DiscardNew {
		found = append(found, Finding{Fatal, name, "when it is full it drops bodies of events that were acknowledged", "`nats stream edit " + name + " --discard new`"})
	}
	return found, nil
}

func (p *Publisher) createBodies(ctx context.Context) ([]Finding, error) {
	cfg, name := p.bodies.cfg, p.bodies.stream()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	denied, err := p.permitted(context.WithoutCancel(ctx), "STREAM.CREATE."+name, func(ctx context.Context) error {
		_, err := p.js.CreateObjectStore(ctx, jetstream.ObjectStoreConfig{
			Bucket: cfg.Bucket, Description: "Large bodies of webhooks, stored by caddy-webhooks", TTL: cfg.TTL, MaxBytes: cfg.maxBytes(),
			Storage: jetstream.FileStorage, Replicas: max(cfg.Replicas, 1), Metadata: map[string]string{ownerKey: "v1"},
		})
		return err
	})
	switch problem, final := refusal(err); {
	case denied:
		return []Finding{cfg.denied(name)}, nil
	case final:
		return []Finding{{Warning, name, "the server does not create the bucket for large bodies: " + problem, "change the settings, or create it with `" + cfg.addCommand() + "`"}}, nil
	case err != nil:
		return nil, fmt.Errorf("creating the bucket %s: %w", cfg.Bucket, err)
	}
	return nil, nil
}

// denied is what is found where the bucket is missing and stays so.
func (cfg BodiesConfig) denied(name string) Finding {
	return Finding{
		Warning, name, "there is no bucket for large bodies, which are refused (413), and the gateway may not create it",
		"create it with `" + cfg.addCommand() + "`, or allow its user to publish on $JS.API.STREAM.CREATE." + name,
	}
}

func (cfg BodiesConfig) maxBytes() int64 {
	if cfg.MaxBytes == 0 {
		return -1
	}
	return cfg.MaxBytes
}

// addCommand is the line that creates the bucket with the nats tool.
func (cfg BodiesConfig) addCommand() string {
	line := fmt.Sprintf("nats object add %s --storage file --replicas %d", cfg.Bucket, max(cfg.Replicas, 1))
	if cfg.TTL > 0 {
		line += " --ttl " + cfg.TTL.String()
	}
	if cfg.MaxBytes > 0 {
		line += fmt.Sprintf(" --max-bucket-size %d", cfg.MaxBytes)
	}
	return line
}

// ErrBody: the body that a message names cannot be had, or is another.
var ErrBody = errors.New("the body that the message names cannot be read")

// Body returns the body of an event: the message's data, or what its ce-dataref
// names, which js fetches and whose hash is checked. The error wraps [ErrBody].
func Body(ctx context.Context, js jetstream.JetStream, header nats.Header, data []byte) ([]byte, error) {
	ref := one(header, headerDataRef)
	if ref == "" {
		return data, nil
	}
	bucket, name, ok := strings.Cut(strings.TrimPrefix(ref, dataRefScheme), "/")
	if !strings.HasPrefix(ref, dataRefScheme) || !ok {
		return nil, fmt.Errorf("%w: %q is not a reference to an object store", ErrBody, ref)
	}
	body, err := fetch(ctx, js, bucket, name)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrBody, ref, err)
	}
	sum := sha256.Sum256(body)
	want, err := hex.DecodeString(one(header, headerDigest))
	if err != nil || !bytes.Equal(sum[:], want) {
		return nil, fmt.Errorf("%w: %s: its SHA-256 is not that of ce-whsha256", ErrBody, ref)
	}
	return body, nil
}

// fetch reads an object. The client's own object store would have the chunks
// pushed, which a server in Caddy does not do for clients of another account.
func fetch(ctx context.Context, js jetstream.JetStream, bucket, name string) ([]byte, error) {
	stream, err := js.Stream(ctx, "OBJ_"+bucket)
	if err != nil {
		return nil, err
	}
	m, err := stream.GetLastMsgForSubject(ctx, "$O."+bucket+".M."+base64.URLEncoding.EncodeToString([]byte(name)))
	if err != nil {
		return nil, err
	}
	var info jetstream.ObjectInfo
	if err := json.Unmarshal(m.Data, &info); err != nil {
		return nil, err
	}
	if info.Deleted || info.Size > largestBody {
		return nil, fmt.Errorf("it is deleted, or larger than %d bytes", largestBody)
	}
	chunks, err := stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{FilterSubjects: []string{"$O." + bucket + ".C." + info.NUID}})
	if err != nil {
		return nil, err
	}
	list, err := chunks.Messages(jetstream.PullMaxMessages(8))
	if err != nil {
		return nil, err
	}
	defer list.Stop()
	body := make([]byte, 0, info.Size)
	for range info.Chunks {
		chunk, err := list.Next(jetstream.NextContext(ctx))
		if err != nil {
			return nil, err
		}
		body = append(body, chunk.Data()...)
	}
	return body, nil
}
