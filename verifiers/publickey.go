package verifiers

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/asn1"
	"fmt"
	"math/big"
)

// A publicScheme is how one kind of public key verifies.
type publicScheme struct {
	word string
	hash Hash // empty where the text itself is signed
	size int  // of signatures; 0 if it varies
	// wellFormed reports whether a signature could be one of any key.
	wellFormed func(sig []byte) bool
	// fits reports whether a key is of the right type.
	fits func(pub crypto.PublicKey) bool
	// verify gets the digest, or the text if there is no hash.
	verify func(pub crypto.PublicKey, text, sig []byte) bool
	// sign makes a signature of what verify gets.
	sign func(k *Key, text []byte) ([]byte, error)
}

func (Ed25519) scheme() publicScheme {
	return publicScheme{
		word: "ed25519", size: ed25519.SignatureSize,
		fits: func(pub crypto.PublicKey) bool { _, ok := pub.(ed25519.PublicKey); return ok },
		verify: func(pub crypto.PublicKey, text, sig []byte) bool {
			key, ok := pub.(ed25519.PublicKey)
			return ok && ed25519.Verify(key, text, sig)
		},
		sign: func(k *Key, text []byte) ([]byte, error) { return k.signer.Sign(nil, text, crypto.Hash(0)) },
	}
}

func (e ECDSA) scheme() publicScheme {
	s := publicScheme{
		word: "ecdsa-" + string(e.Hash), hash: e.Hash,
		fits:       func(pub crypto.PublicKey) bool { _, ok := pub.(*ecdsa.PublicKey); return ok },
		wellFormed: isDER,
		verify: func(pub crypto.PublicKey, digest, sig []byte) bool {
			key, ok := pub.(*ecdsa.PublicKey)
			return ok && ecdsa.VerifyASN1(key, digest, sig)
		},
		sign: func(k *Key, digest []byte) ([]byte, error) {
			return k.signer.Sign(randomness, digest, cryptoHash(e.Hash))
		},
	}
	if e.Raw {
		s.wellFormed = isRaw
		s.verify = verifyRaw
		s.sign = func(k *Key, digest []byte) ([]byte, error) { return signRaw(k, digest, cryptoHash(e.Hash)) }
	}
	return s
}

func (r RSA) scheme() publicScheme {
	s := publicScheme{
		word: "rsa-" + string(r.Hash), hash: r.Hash,
		fits:       func(pub crypto.PublicKey) bool { _, ok := pub.(*rsa.PublicKey); return ok },
		wellFormed: func(sig []byte) bool { return len(sig) >= minRSABits/8 },
		verify: func(pub crypto.PublicKey, digest, sig []byte) bool {
			key, ok := pub.(*rsa.PublicKey)
			return ok && rsa.VerifyPKCS1v15(key, cryptoHash(r.Hash), digest, sig) == nil
		},
		sign: func(k *Key, digest []byte) ([]byte, error) {
			return k.signer.Sign(randomness, digest, cryptoHash(r.Hash))
		},
	}
	if r.PSS {
		s.word = "rsa-pss-" + string(r.Hash)
		s.verify = func(pub crypto.PublicKey, digest, sig []byte) bool {
			key, ok := pub.(*rsa.PublicKey)
			return ok && rsa.VerifyPSS(key, cryptoHash(r.Hash), digest, sig, nil) == nil
		}
		s.sign = func(k *Key, digest []byte) ([]byte, error) {
			return k.signer.Sign(randomness, digest, &rsa.PSSOptions{
				SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: cryptoHash(r.Hash),
			})
		}
	}
	return s
}

// isDER reports whether sig is two positive integers in DER and nothing more.
func isDER(sig []byte) bool {
	var rs struct{ R, S *big.Int }
	rest, err := asn1.Unmarshal(sig, &rs)
	return err == nil && len(rest) == 0 && rs.R.Sign() > 0 && rs.S.Sign() > 0
}

// isRaw reports whether sig is as long as that of one of the curves.
func isRaw(sig []byte) bool { return len(sig) == 64 || len(sig) == 96 || len(sig) == 132 }

func verifyRaw(pub crypto.PublicKey, digest, sig []byte) bool {
	key, ok := pub.(*ecdsa.PublicKey)
	if !ok {
		return false
	}
	size := (key.Params().BitSize + 7) / 8
	if len(sig) != 2*size {
		return false
	}
	der, err := asn1.Marshal(struct{ R, S *big.Int }{
		new(big.Int).SetBytes(sig[:size]), new(big.Int).SetBytes(sig[size:]),
	})
	return err == nil && ecdsa.VerifyASN1(key, digest, der)
}

func signRaw(k *Key, digest []byte, h crypto.Hash) ([]byte, error) {
	der, err := k.signer.Sign(randomness, digest, h)
	if err != nil {
		return nil, err
	}
	var rs struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(der, &rs); err != nil {
		return nil, err
	}
	key, ok := k.public.(*ecdsa.PublicKey)
	if !ok {
		return nil, ErrKeyFormat
	}
	size := (key.Params().BitSize + 7) / 8
	sig := make([]byte, 2*size)
	rs.R.FillBytes(sig[:size])
	rs.S.FillBytes(sig[size:])
	return sig, nil
}

func compilePublic(s Signed, scheme publicScheme, hashed bool) (*compiled, error) {
	if hashed && newHash(scheme.hash) == nil {
		return nil, fmt.Errorf("unknown hash %q", scheme.hash)
	}
	c, err := s.compile(KeyAny)
	if err != nil {
		return nil, err
	}
	if c.template.has(segSecret) {
		return nil, fmt.Errorf("%w: a public key is no {secret}", ErrKeyFormat)
	}
	c.Key = publicFormat(c.Key)
	return c, nil
}

// publicFormat lets formats of secrets say how a public key is written.
func publicFormat(f KeyFormat) KeyFormat {
	if isPublic(f) {
		return f
	}
	return KeyAny
}

// publicVerifier verifies with public keys.
type publicVerifier struct {
	signedVerifier
	scheme publicScheme
	match  matcher
}

func buildPublic(provider string, cfg Config, s Signed, scheme publicScheme, hashed bool) (Verifier, error) {
	c, err := compilePublic(s, scheme, hashed)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", provider, err)
	}
	if err := c.bind(cfg); err != nil {
		return nil, fmt.Errorf("%s: %w", provider, err)
	}
	v := &publicVerifier{scheme: scheme}
	d, err := deploy(provider, cfg, c.Tolerance, func(k *Key) error {
		_, err := v.key(k, c.Key)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", provider, err)
	}
	v.signedVerifier = signedVerifier{compiled: c, deployment: d, size: scheme.size, wellFormed: scheme.wellFormed}
	v.match = v.matches
	return v, nil
}

func (v *publicVerifier) key(k *Key, format KeyFormat) (crypto.PublicKey, error) {
	m := k.material("", format)
	switch {
	case m.err != nil:
		return nil, m.err
	case !v.scheme.fits(m.public):
		return nil, fmt.Errorf("%w: the public key is not one for %s", ErrKeyFormat, v.scheme.word)
	}
	return m.public, nil
}

func (v *publicVerifier) Verify(ctx context.Context, req *Request) (Result, error) {
	return v.verify(ctx, req, v.scheme.word, v.match)
}

func (v *publicVerifier) matches(sc *scratch, req *Request, k *Key) (bool, error) {
	pub, err := v.key(k, v.Key)
	if err != nil {
		return false, err
	}
	text := v.scheme.text(v.template, sc, req)
	ok := false
	for _, sig := range sc.signatures[:sc.n] {
		equal := v.scheme.verify(pub, text, sig)
		ok = ok || equal
	}
	return ok, nil
}

// text returns the digest of the signed text, or the text where there is no
// hash, in memory of sc.
func (s *publicScheme) text(t template, sc *scratch, req *Request) []byte {
	if s.hash == "" {
		sc.content.Reset()
		t.write(&sc.content, sc, req, nil)
		return sc.content.Bytes()
	}
	h := newHash(s.hash)()
	t.write(h, sc, req, nil)
	return h.Sum(sc.sum[:0])
}

func (e Ed25519) compile() (*compiled, error) { return compilePublic(e.Signed, e.scheme(), false) }
func (e ECDSA) compile() (*compiled, error)   { return compilePublic(e.Signed, e.scheme(), true) }
func (r RSA) compile() (*compiled, error)     { return compilePublic(r.Signed, r.scheme(), true) }

// Build returns a verifier of Ed25519 signatures.
func (e Ed25519) Build(provider string, cfg Config) (Verifier, error) {
	return buildPublic(provider, cfg, e.Signed, e.scheme(), false)
}

// Build returns a verifier of ECDSA signatures.
func (e ECDSA) Build(provider string, cfg Config) (Verifier, error) {
	return buildPublic(provider, cfg, e.Signed, e.scheme(), true)
}

// Build returns a verifier of RSA signatures.
func (r RSA) Build(provider string, cfg Config) (Verifier, error) {
	return buildPublic(provider, cfg, r.Signed, r.scheme(), true)
}
