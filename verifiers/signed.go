package verifiers

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	defaultTolerance = 5 * time.Minute
	// maxSignature is the length of a signature in bytes, that of RSA with the
	// longest of keys.
	maxSignature = 1024
)

// scratch is what verifying one request needs besides the request.
type scratch struct {
	found      items
	signatures [maxItems][]byte // decoded into raw
	n          int              // how many signatures are well-formed
	raw        []byte
	text       [2*maxSignature + 4]byte

	timestamp, id string
	values        []string // of segments
	bodyHash      []byte
	custom        []byte
	chunk         [256]byte
	sum           [64]byte
	content       bytes.Buffer // where the signed text is needed in one piece
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// release forgets the request and gives sc back.
func (sc *scratch) release() {
	clear(sc.found.values[:])
	sc.found.n, sc.n = 0, 0
	clear(sc.signatures[:])
	sc.raw, sc.custom = sc.raw[:0], sc.custom[:0]
	sc.timestamp, sc.id = "", ""
	clear(sc.values)
	sc.values = sc.values[:0]
	const keep = 1 << 20
	if sc.content.Reset(); sc.content.Cap() <= keep && cap(sc.custom) <= keep {
		scratches.Put(sc)
	}
}

// writeString writes s without allocating.
func (sc *scratch) writeString(w io.Writer, s string) {
	for len(s) > 0 {
		n := copy(sc.chunk[:], s)
		_, _ = w.Write(sc.chunk[:n])
		s = s[n:]
	}
}

// compiled is a [Signed] that was checked.
type compiled struct {
	Signed
	template template
	covers   Coverage
}

// compile checks s and fills in its defaults.
func (s Signed) compile(key KeyFormat) (*compiled, error) {
	s = s.canonical()
	if s.Encoding == "" {
		s.Encoding = Hex
	}
	if s.Key == "" {
		s.Key = key
	}
	if s.Unit == "" {
		s.Unit = Seconds
	}
	if s.Tolerance == 0 {
		s.Tolerance = defaultTolerance
	}
	c := &compiled{Signed: s}
	if err := s.Signature.check(); err != nil {
		return nil, fmt.Errorf("checking signature: %w", err)
	}
	if err := s.checkWords(); err != nil {
		return nil, err
	}
	var err error
	if c.template, err = parseTemplate(s.Content); err != nil {
		return nil, err
	}
	c.covers = c.template.coverage(&s)
	return c, c.check()
}

func (s *Signed) checkWords() error {
	switch s.Encoding {
	case Hex, Base64, Base64URL:
	default:
		return fmt.Errorf("unknown encoding %q", s.Encoding)
	}
	switch s.Unit {
	case Seconds, Milliseconds, Microseconds, Nanoseconds, RFC3339, HTTPDate:
	default:
		return fmt.Errorf("unknown unit %q", s.Unit)
	}
	if s.Tolerance < 0 {
		return errors.New("the tolerance is negative")
	}
	return nil
}

func (c *compiled) check() error {
	for _, part := range []struct {
		name   string
		source *Source
		token  segmentKind
	}{{"timestamp", &c.Timestamp, segTimestamp}, {"id", &c.ID, segID}} {
		if part.source.IsZero() {
			if c.template.has(part.token) {
				return fmt.Errorf("the content has {%s}, but no source of it is set", part.name)
			}
			continue
		}
		if err := part.source.check(); err != nil {
			return fmt.Errorf("checking %s: %w", part.name, err)
		}
		if !c.covers.Covers(*part.source) {
			return fmt.Errorf("the source of %s is set, but it is not part of the content", part.name)
		}
	}
	if c.template.has(segProof) {
		return errors.New("{proof} is for answers only")
	}
	var bodyHash Hash
	for i := range c.template {
		if h := c.template[i].hash; h != "" {
			if bodyHash != "" && bodyHash != h {
				return errors.New("the content has two different hashes of the body")
			}
			bodyHash = h
		}
	}
	if c.template.has(segCustom) != (c.Custom != nil) {
		return errors.New("the content must have {custom} exactly if Custom is set")
	}
	for i := range c.template {
		if kind := c.template[i].kind; kind != segLiteral && kind != segSecret && kind != segOption {
			return nil
		}
	}
	return errors.New("the content has nothing of the request")
}

// bind fills in the options. It is for a compiled that nobody else has yet.
func (c *compiled) bind(cfg Config) error {
	t, err := c.template.bind(cfg.Options)
	if err == nil {
		c.template = t
	}
	return err
}

// signedVerifier is what all verifiers of signed text have in common.
type signedVerifier struct {
	*compiled
	deployment
	size       int               // of signatures in bytes; 0 if it varies
	sorted     bool              // see Digest
	wellFormed func([]byte) bool // nil if size says it all
}

// deployment is a [Config] that was checked, for one provider.
type deployment struct {
	provider  string
	keys      KeySource
	tolerance time.Duration
	now       func() time.Time
	trace     func(Text) // nil: nobody wants to know
}

// deploy checks cfg. A fixed list of keys is checked with check as well.
func deploy(provider string, cfg Config, tolerance time.Duration, check func(*Key) error) (deployment, error) {
	d := deployment{provider: provider, keys: cfg.Keys, tolerance: tolerance, now: cfg.Time, trace: cfg.Trace}
	if cfg.Tolerance != 0 {
		d.tolerance = cfg.Tolerance
	}
	if d.tolerance < 0 {
		return d, errors.New("the tolerance is negative")
	}
	if d.now == nil {
		d.now = time.Now
	}
	if cfg.Keys == nil {
		return d, ErrNoKeys
	}
	list, fixed := cfg.Keys.(Keys)
	if !fixed {
		return d, nil
	}
	if len(list) == 0 {
		return d, ErrNoKeys
	}
	for i, k := range list {
		if k == nil {
			return d, fmt.Errorf("key %d: %w", i, ErrNoKeys)
		}
		if err := check(k); err != nil {
			return d, fmt.Errorf("%s: %w", k, err)
		}
	}
	return d, nil
}

func (d *deployment) fail(field string, err error) (Result, error) {
	return Result{}, &Error{Provider: d.provider, Field: field, Err: err}
}

// find returns the keys to try.
func (d *deployment) find(ctx context.Context, hint string) ([]*Key, error) {
	keys, err := d.keys.Keys(ctx, hint)
	switch {
	case err != nil:
		return nil, fmt.Errorf("getting keys: %w", ErrUnavailable)
	case len(keys) == 0 && hint != "":
		return nil, ErrUnknownKey
	}
	return keys, nil
}

// fresh checks the replay window.
func (d *deployment) fresh(now, signed time.Time) error {
	switch age := now.Sub(signed); {
	case age > d.tolerance:
		return ErrStale
	case age < -d.tolerance:
		return ErrFuture
	}
	return nil
}

// A matcher reports whether one of the well-formed signatures in sc is k's. The
// error says that k is of no use for the scheme.
type matcher func(sc *scratch, req *Request, k *Key) (bool, error)

// verify tries every key, even after one has matched, so that the time taken
// does not tell which. The replay window comes last.
func (v *signedVerifier) verify(ctx context.Context, req *Request, scheme string, match matcher) (Result, error) {
	sc := scratches.Get().(*scratch) //nolint:forcetypeassert // the pool holds nothing else
	defer sc.release()
	signed, field, err := v.prepare(sc, req)
	if err != nil {
		return v.fail(field, err)
	}
	v.traceText(sc, req, scheme)
	keys, err := v.find(ctx, "")
	if err != nil {
		return v.fail("", err)
	}
	now, matched, broken := v.now(), -1, false
	for i, k := range keys {
		if !k.usable(now) {
			continue
		}
		ok, err := match(sc, req, k)
		if ok && matched < 0 {
			matched = i
		}
		broken = broken || err != nil
	}
	switch {
	case matched < 0 && broken:
		return v.fail("", fmt.Errorf("decoding a key: %w", ErrUnavailable))
	case matched < 0:
		return v.fail(v.Signature.String(), ErrMismatch)
	}
	if !signed.IsZero() {
		if err := v.fresh(now, signed); err != nil {
			return v.fail(v.Timestamp.String(), err)
		}
	}
	return Result{
		KeyID: keys[matched].id, KeyIndex: matched, Signed: signed, Scheme: scheme, Covers: &v.covers,
	}, nil
}

// prepare reads all that the request has to have.
func (v *signedVerifier) prepare(sc *scratch, req *Request) (signed time.Time, field string, err error) {
	if err := v.Signature.collect(req, &sc.found); err != nil {
		return signed, v.Signature.String(), err
	}
	for _, text := range sc.found.list() {
		if sig, ok := v.decode(sc, text); ok {
			sc.signatures[sc.n] = sig
			sc.n++
		}
	}
	if sc.n == 0 {
		return signed, v.Signature.String(), ErrMalformed
	}
	if signed, err = v.readTime(sc, req); err != nil {
		return signed, v.Timestamp.String(), err
	}
	if !v.ID.IsZero() {
		if sc.id, err = v.ID.lookup(req); err != nil {
			return signed, v.ID.String(), err
		}
	}
	field, err = v.template.resolve(sc, req, v.Custom)
	return signed, field, err
}

func (v *signedVerifier) readTime(sc *scratch, req *Request) (t time.Time, err error) {
	if v.Timestamp.IsZero() {
		return t, nil
	}
	if sc.timestamp, err = v.Timestamp.lookup(req); err != nil {
		return t, err
	}
	return parseTime(sc.timestamp, v.Unit)
}

// decode appends the signature to sc.raw.
func (v *signedVerifier) decode(sc *scratch, text string) ([]byte, bool) {
	if len(text) > len(sc.text) || strings.ContainsAny(text, "\r\n") {
		return nil, false
	}
	src := sc.text[:copy(sc.text[:], text)]
	start := len(sc.raw)
	var err error
	switch v.Encoding {
	case Hex:
		sc.raw, err = hex.AppendDecode(sc.raw, src)
	case Base64:
		sc.raw, err = strictBase64.AppendDecode(sc.raw, src)
	default:
		if strings.HasSuffix(text, "=") {
			sc.raw, err = strictBase64URL.AppendDecode(sc.raw, src)
		} else {
			sc.raw, err = strictRawURL.AppendDecode(sc.raw, src)
		}
	}
	sig := sc.raw[start:]
	return sig, err == nil && len(sig) > 0 && len(sig) <= maxSignature &&
		(v.size == 0 || len(sig) == v.size) && (v.wellFormed == nil || v.wellFormed(sig))
}

var (
	strictBase64    = base64.StdEncoding.Strict()
	strictBase64URL = base64.URLEncoding.Strict()
	strictRawURL    = base64.RawURLEncoding.Strict()
)

// parseTime reads a timestamp. Years beyond 9999 are malformed.
func parseTime(text string, unit TimeUnit) (time.Time, error) {
	if unit == RFC3339 || unit == HTTPDate {
		return parseDate(text, unit)
	}
	if text == "" || len(text) > 19 || len(text) > 1 && text[0] == '0' {
		return time.Time{}, ErrMalformed
	}
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return time.Time{}, ErrMalformed
		}
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}, ErrMalformed
	}
	const lastSecond = 253402300799
	perSecond := perSecond(unit)
	if n/perSecond > lastSecond {
		return time.Time{}, ErrMalformed
	}
	return time.Unix(n/perSecond, n%perSecond*(int64(time.Second)/perSecond)), nil
}

func parseDate(text string, unit TimeUnit) (time.Time, error) {
	parse := http.ParseTime
	if unit == RFC3339 {
		parse = func(text string) (time.Time, error) { return time.Parse(time.RFC3339Nano, text) }
	}
	if t, err := parse(text); err == nil && len(text) <= 40 {
		return t, nil
	}
	return time.Time{}, ErrMalformed
}

func perSecond(unit TimeUnit) int64 {
	switch unit {
	case Milliseconds:
		return 1e3
	case Microseconds:
		return 1e6
	case Nanoseconds:
		return 1e9
	case Seconds, RFC3339, HTTPDate:
	}
	return 1
}
