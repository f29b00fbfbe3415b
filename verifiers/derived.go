package verifiers

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/md5" //nolint:gosec // some senders offer nothing better; see Digest
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // HMAC-SHA1 is what some senders sign with, and is sound
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"hash"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/text/unicode/norm"
)

const minRSABits = 2048

// derived caches what schemes make of one key. The list is short and only ever
// replaced as a whole, so that reading needs no lock and no allocation.
type derived struct {
	mu   sync.Mutex
	list atomic.Pointer[[]*material]
}

// A material is a key for one purpose.
type material struct {
	hash    Hash // empty unless for HMAC
	keyHash Hash // of the secret, if that is the key
	format  KeyFormat

	secret []byte
	public crypto.PublicKey
	err    error
	macs   sync.Pool // of hash.Hash, keyed
}

// material returns what k is in this format, for HMAC with this hash. A key
// that does not fit the format has an error in place of both.
func (k *Key) material(h Hash, format KeyFormat) *material { return k.hashed(h, "", format) }

// hashed is material, where the key is a hash of the secret.
func (k *Key) hashed(h, keyHash Hash, format KeyFormat) *material {
	if k.derived == nil {
		return &material{err: ErrEmptyKey}
	}
	if m := k.derived.find(h, keyHash, format); m != nil {
		return m
	}
	k.derived.mu.Lock()
	defer k.derived.mu.Unlock()
	if m := k.derived.find(h, keyHash, format); m != nil {
		return m
	}
	m := &material{hash: h, keyHash: keyHash, format: format}
	if isPublic(format) {
		m.public, m.err = k.publicKey(format)
	} else {
		m.secret, m.err = k.secretBytes(format)
	}
	if m.err == nil && keyHash != "" {
		sum := newHash(keyHash)()
		_, _ = sum.Write(m.secret)
		m.secret = sum.Sum(nil)
	}
	if m.err == nil && h != "" {
		m.macs.New = func() any { return hmac.New(newDigest(h), m.secret) }
	}
	var list []*material
	if old := k.derived.list.Load(); old != nil {
		list = append(list, *old...)
	}
	list = append(list, m)
	k.derived.list.Store(&list)
	return m
}

func (d *derived) find(h, keyHash Hash, format KeyFormat) *material {
	list := d.list.Load()
	if list == nil {
		return nil
	}
	for _, m := range *list {
		if m.hash == h && m.keyHash == keyHash && m.format == format {
			return m
		}
	}
	return nil
}

func newHash(h Hash) func() hash.Hash {
	switch h {
	case SHA1:
		return sha1.New
	case SHA256:
		return sha256.New
	case SHA384:
		return sha512.New384
	case SHA512:
		return sha512.New
	case MD5: // see newDigest
	}
	return nil
}

// newDigest is newHash for digests and HMACs, of which MD5 may be one.
func newDigest(h Hash) func() hash.Hash {
	if h == MD5 {
		return md5.New
	}
	return newHash(h)
}

func cryptoHash(h Hash) crypto.Hash {
	switch h {
	case SHA1:
		return crypto.SHA1
	case SHA256:
		return crypto.SHA256
	case SHA384:
		return crypto.SHA384
	case SHA512:
		return crypto.SHA512
	case MD5:
		return crypto.MD5
	}
	return 0
}

func isPublic(f KeyFormat) bool { return f == KeyWhpk || f == KeyPEM || f == KeyAny }

// secretBytes decodes a shared secret.
func (k *Key) secretBytes(format KeyFormat) ([]byte, error) {
	if k.secret == nil {
		return nil, fmt.Errorf("%w: it is a public key, not a secret", ErrKeyFormat)
	}
	var b []byte
	var err error
	switch format {
	case KeyText:
		return k.secret, nil
	case KeyNFKD:
		return norm.NFKD.Bytes(k.secret), nil
	case KeyHex:
		b, err = hex.DecodeString(string(k.secret))
	case KeyBase64:
		b, err = decodeBase64(string(k.secret))
	case KeyBase64URL:
		b, err = decodeBase64URL(string(k.secret))
	case KeyWhsec:
		b, err = decodeBase64(strings.TrimPrefix(strings.TrimPrefix(string(k.secret), "v1,"), "whsec_"))
	default:
		return nil, fmt.Errorf("%w: %q is not a format of secrets", ErrKeyFormat, format)
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %s", ErrKeyFormat, format)
	case len(b) == 0:
		return nil, ErrEmptyKey
	}
	return b, nil
}

// publicKey decodes a public key. Raw bytes are an Ed25519 key or a point on a
// curve, by their length.
func (k *Key) publicKey(format KeyFormat) (crypto.PublicKey, error) {
	if k.public != nil {
		return k.public, nil
	}
	text := string(k.secret)
	var raw []byte
	var err error
	switch {
	case format == KeyPEM || format == KeyAny && strings.HasPrefix(text, "-----BEGIN "):
		return parsePEM(unfolded(k.secret))
	case format == KeyAny && isJWK(text):
		return parseJWK(k.secret)
	case format == KeyWhpk || strings.HasPrefix(text, "whpk_"):
		raw, err = decodeBase64(strings.TrimPrefix(strings.TrimPrefix(text, "v1a,"), "whpk_"))
	default:
		if raw, err = hex.DecodeString(text); err != nil {
			raw, err = decodeBase64(text)
		}
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %s", ErrKeyFormat, format)
	case bytes.HasPrefix(raw, []byte("-----BEGIN ")):
		return parsePEM(raw)
	}
	return parseRaw(raw)
}

func parseRaw(raw []byte) (crypto.PublicKey, error) {
	if len(raw) == ed25519.PublicKeySize {
		return ed25519.PublicKey(raw), nil
	}
	for _, curve := range []elliptic.Curve{elliptic.P256(), elliptic.P384(), elliptic.P521()} {
		if len(raw) == 1+2*((curve.Params().BitSize+7)/8) {
			if pub, err := ecdsa.ParseUncompressedPublicKey(curve, raw); err == nil {
				return pub, nil
			}
		}
	}
	pub, err := x509.ParsePKIXPublicKey(raw)
	if err != nil {
		return nil, fmt.Errorf("%w: neither raw bytes nor PKIX DER of a public key", ErrKeyFormat)
	}
	return pub, checkPublic(pub)
}

// unfolded puts the line breaks into PEM that was written in one line, as some
// senders show it.
func unfolded(text []byte) []byte {
	s := string(text)
	head, rest, ok := strings.Cut(strings.TrimPrefix(s, "-----BEGIN "), "-----")
	body, _, ended := strings.Cut(rest, "-----END ")
	if !ok || !ended || strings.Contains(s, "\n") {
		return text
	}
	return []byte("-----BEGIN " + head + "-----\n" + strings.TrimSpace(body) + "\n-----END " + head + "-----\n")
}

func parsePEM(text []byte) (crypto.PublicKey, error) {
	block, rest := pem.Decode(text)
	if block == nil || len(bytes.TrimSpace(rest)) > 0 {
		return nil, fmt.Errorf("%w: PEM with one block is needed", ErrKeyFormat)
	}
	var pub crypto.PublicKey
	var err error
	switch block.Type {
	case "PUBLIC KEY":
		pub, err = x509.ParsePKIXPublicKey(block.Bytes)
	case "RSA PUBLIC KEY":
		pub, err = x509.ParsePKCS1PublicKey(block.Bytes)
	case "CERTIFICATE":
		var cert *x509.Certificate
		if cert, err = x509.ParseCertificate(block.Bytes); err == nil {
			pub = cert.PublicKey
		}
	default:
		return nil, fmt.Errorf("%w: the PEM block is neither a public key nor a certificate", ErrKeyFormat)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: the PEM block cannot be parsed", ErrKeyFormat)
	}
	return pub, checkPublic(pub)
}

func checkPublic(pub crypto.PublicKey) error {
	switch pub := pub.(type) {
	case ed25519.PublicKey:
		if len(pub) == ed25519.PublicKeySize {
			return nil
		}
	case *ecdsa.PublicKey:
		if pub != nil && (pub.Curve == elliptic.P256() || pub.Curve == elliptic.P384() || pub.Curve == elliptic.P521()) {
			return nil
		}
		return fmt.Errorf("%w: only the curves P-256, P-384 and P-521 are used", ErrKeyFormat)
	case *rsa.PublicKey:
		if pub != nil && pub.N != nil && pub.N.BitLen() >= minRSABits {
			return nil
		}
		return fmt.Errorf("%w: an RSA key must have at least %d bits", ErrKeyFormat, minRSABits)
	}
	return fmt.Errorf("%w: not an Ed25519, ECDSA or RSA key", ErrKeyFormat)
}

// decodeBase64 is strict: padded, no line breaks, no stray bits.
func decodeBase64(s string) ([]byte, error) {
	if strings.ContainsAny(s, "\r\n") {
		return nil, ErrMalformed
	}
	return base64.StdEncoding.Strict().DecodeString(s)
}

func decodeBase64URL(s string) ([]byte, error) {
	if strings.ContainsAny(s, "\r\n") {
		return nil, ErrMalformed
	}
	if strings.HasSuffix(s, "=") {
		return base64.URLEncoding.Strict().DecodeString(s)
	}
	return base64.RawURLEncoding.Strict().DecodeString(s)
}
