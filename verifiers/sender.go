package verifiers

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

var randomness = rand.Reader

// firstKey returns the key that the sender signs with.
func firstKey(cfg Config) (*Key, error) {
	if cfg.Keys == nil {
		return nil, ErrNoKeys
	}
	keys, err := cfg.Keys.Keys(context.Background(), "")
	if err != nil {
		return nil, fmt.Errorf("getting keys: %w", err)
	}
	if len(keys) == 0 || keys[0] == nil {
		return nil, ErrNoKeys
	}
	return keys[0], nil
}

func clock(cfg Config) time.Time {
	if cfg.Time == nil {
		return time.Now()
	}
	return cfg.Time()
}

// Sign adds timestamp and signature.
func (h HMAC) Sign(req *Request, cfg Config) error {
	c, err := h.compile()
	if err != nil {
		return err
	}
	return c.sign(req, cfg, func(sc *scratch, k *Key) ([]byte, error) {
		m := k.hashed(h.Hash, h.KeyHash, c.Key)
		if m.err != nil {
			return nil, m.err
		}
		return m.sum(c.template, sc, req), nil
	})
}

// Sign adds timestamp and signature.
func (d Digest) Sign(req *Request, cfg Config) error {
	c, err := d.compile()
	if err != nil {
		return err
	}
	return c.sign(req, cfg, func(sc *scratch, k *Key) ([]byte, error) {
		m := k.material("", c.Key)
		if m.err != nil {
			return nil, m.err
		}
		return d.sum(c.template, sc, req, m.secret), nil
	})
}

// Sign adds timestamp and signature, with a key made by [NewPrivateKey].
func (e Ed25519) Sign(req *Request, cfg Config) error {
	c, err := e.compile()
	return signPublic(c, err, e.scheme(), req, cfg)
}

// Sign adds timestamp and signature, with a key made by [NewPrivateKey].
func (e ECDSA) Sign(req *Request, cfg Config) error {
	c, err := e.compile()
	return signPublic(c, err, e.scheme(), req, cfg)
}

// Sign adds timestamp and signature, with a key made by [NewPrivateKey].
func (r RSA) Sign(req *Request, cfg Config) error {
	c, err := r.compile()
	return signPublic(c, err, r.scheme(), req, cfg)
}

func signPublic(c *compiled, err error, scheme publicScheme, req *Request, cfg Config) error {
	if err != nil {
		return err
	}
	return c.sign(req, cfg, func(sc *scratch, k *Key) ([]byte, error) {
		if k.signer == nil || !scheme.fits(k.public) {
			return nil, fmt.Errorf("%w: a private key for %s is needed", ErrKeyFormat, scheme.word)
		}
		return scheme.sign(k, scheme.text(c.template, sc, req))
	})
}

func (c *compiled) sign(req *Request, cfg Config, make func(*scratch, *Key) ([]byte, error)) error {
	if err := c.bind(cfg); err != nil {
		return err
	}
	k, err := firstKey(cfg)
	if err != nil {
		return err
	}
	if err := c.Timestamp.putTime(req, clock(cfg), c.Unit); err != nil {
		return fmt.Errorf("adding the timestamp: %w", err)
	}
	v := signedVerifier{compiled: c}
	sc := scratches.Get().(*scratch) //nolint:forcetypeassert // the pool holds nothing else
	defer sc.release()
	if _, err := v.readTime(sc, req); err != nil {
		return fmt.Errorf("reading the timestamp: %w", err)
	}
	if !c.ID.IsZero() {
		if sc.id, err = c.ID.lookup(req); err != nil {
			return fmt.Errorf("reading %s: %w", c.ID, err)
		}
	}
	if field, err := c.template.resolve(sc, req, c.Custom); err != nil {
		return fmt.Errorf("reading %s: %w", field, err)
	}
	sig, err := make(sc, k)
	if err != nil {
		return fmt.Errorf("signing: %w", err)
	}
	if err := c.Signature.put(req, encode(sig, c.Encoding)); err != nil {
		return fmt.Errorf("adding the signature: %w", err)
	}
	return nil
}

// Sign adds the token.
func (t Token) Sign(req *Request, cfg Config) error {
	t, err := t.normal()
	if err != nil {
		return err
	}
	k, err := firstKey(cfg)
	if err != nil {
		return err
	}
	m := k.material("", t.Key)
	if m.err != nil {
		return m.err
	}
	return t.Source.put(req, string(m.secret))
}

// Sign adds user and password.
func (Basic) Sign(req *Request, cfg Config) error {
	k, err := firstKey(cfg)
	if err != nil {
		return err
	}
	if err := checkBasic(k); err != nil {
		return err
	}
	header := authorization.Trim("Basic ")
	return header.put(req, base64.StdEncoding.EncodeToString(k.secret))
}

func encode(b []byte, e Encoding) string {
	switch e {
	case Base64:
		return base64.StdEncoding.EncodeToString(b)
	case Base64URL:
		return base64.RawURLEncoding.EncodeToString(b)
	case Hex:
	}
	return hex.EncodeToString(b)
}

func formatTime(t time.Time, unit TimeUnit) string {
	switch unit {
	case RFC3339:
		return t.UTC().Format(time.RFC3339Nano)
	case HTTPDate:
		return t.UTC().Format(http.TimeFormat)
	case Nanoseconds:
		return strconv.FormatInt(t.UnixNano(), 10)
	case Microseconds:
		return strconv.FormatInt(t.UnixMicro(), 10)
	case Milliseconds:
		return strconv.FormatInt(t.UnixMilli(), 10)
	case Seconds:
	}
	return strconv.FormatInt(t.Unix(), 10)
}

// putTime writes a timestamp, if there is a place for one. The same time in
// another form is left.
func (s *Source) putTime(req *Request, at time.Time, unit TimeUnit) error {
	if s.IsZero() {
		return nil
	}
	text := formatTime(at, unit)
	if have, err := s.lookup(req); err == nil {
		old, errOld := parseTime(have, unit)
		new, errNew := parseTime(text, unit)
		if errOld == nil && errNew == nil && old.Equal(new) {
			return nil
		}
	}
	return s.put(req, text)
}

func (s *Source) with(old, value string) string {
	if s.Pair == "" {
		return s.Prefix + value
	}
	sep := s.Sep
	if sep == "" {
		sep = ","
	}
	var list []string
	for item := range strings.SplitSeq(strings.TrimPrefix(old, s.Prefix), sep) {
		if _, ours := s.item(strings.Trim(item, " \t")); !ours && item != "" {
			list = append(list, item)
		}
	}
	return s.Prefix + strings.Join(append(list, s.Pair+"="+value), sep)
}

// setParameter leaves all other parameters, and the order, as they are.
func setParameter(raw, name string, value func(old string) string) string {
	var list []string
	done := false
	for item := range strings.SplitSeq(raw, "&") {
		key, text, _ := strings.Cut(item, "=")
		switch k, err := url.QueryUnescape(key); {
		case item == "":
		case err != nil || k != name:
			list = append(list, item)
		case !done:
			old, _ := url.QueryUnescape(text)
			list, done = append(list, key+"="+url.QueryEscape(value(old))), true
		}
	}
	if !done {
		list = append(list, url.QueryEscape(name)+"="+url.QueryEscape(value("")))
	}
	return strings.Join(list, "&")
}

// Interface guards.
var (
	_ Signer = HMAC{}
	_ Signer = Digest{}
	_ Signer = Ed25519{}
	_ Signer = ECDSA{}
	_ Signer = RSA{}
	_ Signer = JWT{}
	_ Signer = Token{}
	_ Signer = Basic{}
)
