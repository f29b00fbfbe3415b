package verifiers

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
)

const (
	maxJWT        = 64 << 10        // of tokens that are not the body, whose length has a limit of its own
	defaultExpiry = 5 * time.Minute // of tokens that Sign makes
)

// A jwtAlgorithm is a value of alg, RFC 7518 and RFC 8037.
type jwtAlgorithm struct {
	hash   Hash
	curve  elliptic.Curve // of ES*
	public *publicScheme  // nil for HS*
}

func (a jwtAlgorithm) fits(pub crypto.PublicKey) bool {
	if a.public == nil || !a.public.fits(pub) {
		return false
	}
	key, ok := pub.(*ecdsa.PublicKey)
	return !ok || key.Curve == a.curve
}

func findAlgorithm(alg string) (a jwtAlgorithm, ok bool) {
	family, bits := alg, ""
	if len(alg) == len("HS256") && alg != "EdDSA" {
		family, bits = alg[:2], alg[2:]
		a.hash = Hash("sha" + bits)
		if newHash(a.hash) == nil {
			return a, false
		}
	}
	var public publicScheme
	switch family {
	case "HS":
		return a, true
	case "RS":
		public = RSA{Hash: a.hash}.scheme()
	case "PS":
		public = RSA{Hash: a.hash, PSS: true}.scheme()
	case "ES":
		public = ECDSA{Hash: a.hash, Raw: true}.scheme()
		a.curve = map[string]elliptic.Curve{"256": elliptic.P256(), "384": elliptic.P384(), "512": elliptic.P521()}[bits]
	case "EdDSA":
		public = Ed25519{}.scheme()
	default:
		return a, false
	}
	a.public = &public
	return a, true
}

// jwtVerifier verifies compact JWS.
type jwtVerifier struct {
	deployment
	JWT
	algorithms map[string]jwtAlgorithm
	covers     Coverage
	text       string // Audience, or the option's value
}

// normal checks j and fills in its defaults.
func (j JWT) normal() (JWT, map[string]jwtAlgorithm, error) {
	j.Token = j.Token.canonical()
	if err := j.Token.check(); err != nil {
		return j, nil, fmt.Errorf("checking token: %w", err)
	}
	algorithms := make(map[string]jwtAlgorithm, len(j.Algorithms))
	public := false
	for i, name := range j.Algorithms {
		a, ok := findAlgorithm(name)
		switch {
		case !ok:
			return j, nil, fmt.Errorf("unknown algorithm %q", name)
		case i > 0 && public != (a.public != nil):
			return j, nil, errors.New("algorithms with secrets and with public keys cannot be mixed: " +
				"a public key could be used as a secret")
		}
		public = a.public != nil
		algorithms[name] = a
	}
	if len(algorithms) == 0 {
		return j, nil, errors.New("no algorithm is permitted")
	}
	switch {
	case public:
		j.Key = publicFormat(j.Key)
	case j.Key == "":
		j.Key = KeyText
	}
	if !public && isPublic(j.Key) {
		return j, nil, fmt.Errorf("%w: %q is a format of public keys", ErrKeyFormat, j.Key)
	}
	if j.Timeless && (j.RequireExpiry || j.BodyHash == "" && !j.Token.Whole && j.Token.Pointer == "") {
		return j, nil, errors.New("a token that is valid for ever must hold the body or its hash, and no expiry is required of it")
	}
	if j.Tolerance == 0 {
		j.Tolerance = defaultTolerance
	}
	if j.BodyHashAlg == "" {
		j.BodyHashAlg = SHA256
	}
	if j.BodyHashEncoding == "" {
		j.BodyHashEncoding = Hex
	}
	if newHash(j.BodyHashAlg) == nil {
		return j, nil, fmt.Errorf("unknown hash %q", j.BodyHashAlg)
	}
	s := Signed{Encoding: j.BodyHashEncoding, Unit: Seconds, Tolerance: j.Tolerance}
	if err := s.checkWords(); err != nil {
		return j, nil, err
	}
	return j.pinned(public, algorithms)
}

func (j JWT) pinned(public bool, algorithms map[string]jwtAlgorithm) (JWT, map[string]jwtAlgorithm, error) {
	if j.JWKS == "" {
		return j, algorithms, nil
	}
	if !public {
		return j, nil, errors.New("a JSON Web Key Set is for algorithms with public keys")
	}
	if strings.Contains(j.JWKS, "{option:") {
		return j, algorithms, nil // only known when options are
	}
	if len(j.Pin.Hosts) == 0 {
		u, err := url.Parse(j.JWKS)
		if err != nil {
			return j, nil, errors.New("the URL of the JSON Web Key Set cannot be parsed")
		}
		j.Pin.Hosts = []string{u.Hostname()}
	}
	if err := j.Pin.Check(j.JWKS); err != nil {
		return j, nil, fmt.Errorf("checking jwks: %w", err)
	}
	return j, algorithms, nil
}

// bind fills in options.
func (j JWT) bind(options map[string]string) (JWT, error) {
	var missing error
	fill := func(text string) string {
		for {
			before, rest, found := strings.Cut(text, "{option:")
			if !found {
				return text
			}
			name, after, _ := strings.Cut(rest, "}")
			value := options[name]
			if value == "" {
				missing = fmt.Errorf("%w %s is missing", ErrOption, name)
			}
			text = before + strings.ReplaceAll(value, "{", "") + after
		}
	}
	j.JWKS = fill(j.JWKS)
	issuers := make([]string, len(j.Issuers))
	for i, s := range j.Issuers {
		issuers[i] = fill(s)
	}
	j.Issuers = issuers
	return j, missing
}

// Build returns a verifier of JSON Web Tokens.
func (j JWT) Build(provider string, cfg Config) (Verifier, error) {
	j, err := j.bind(cfg.Options)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", provider, err)
	}
	j, algorithms, err := j.normal()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", provider, err)
	}
	v := &jwtVerifier{JWT: j, algorithms: algorithms}
	if v.text, err = j.audience(cfg); err != nil {
		return nil, fmt.Errorf("%s: %w", provider, err)
	}
	if j.JWKS != "" {
		if cfg.Fetcher == nil {
			return nil, fmt.Errorf("%s: keys are fetched: %w", provider, ErrNoFetcher)
		}
		cfg.Keys = &keySet{fetcher: cfg.Fetcher, pin: j.Pin, url: j.JWKS}
	}
	v.deployment, err = deploy(provider, cfg, j.Tolerance, v.checkKey)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", provider, err)
	}
	v.covers = j.coverage(v.text == audienceURL)
	return v, nil
}

const audienceURL = "{url}"

func (j JWT) audience(cfg Config) (string, error) {
	if j.AudienceOption == "" {
		return j.Audience, nil
	}
	if text := cfg.Options[j.AudienceOption]; text != "" {
		return text, nil
	}
	if j.Audience == "" {
		return "", fmt.Errorf("%w %s is missing", ErrOption, j.AudienceOption)
	}
	return j.Audience, nil
}

// checkKey refuses keys that no permitted algorithm can use.
func (v *jwtVerifier) checkKey(k *Key) error {
	var unfit error
	for _, a := range v.algorithms {
		if a.public == nil {
			return k.material(a.hash, v.Key).err
		}
		m := k.material("", v.Key)
		if m.err != nil {
			return m.err
		}
		if a.fits(m.public) {
			return nil
		}
		unfit = fmt.Errorf("%w: the public key fits no permitted algorithm", ErrKeyFormat)
	}
	return unfit
}

func (v *jwtVerifier) Verify(ctx context.Context, req *Request) (Result, error) {
	field := v.Token.String()
	text, err := v.Token.Lookup(req)
	if err != nil {
		return v.fail(field, err)
	}
	if len(text) > maxJWT && !v.Token.Whole {
		return v.fail(field, ErrMalformed)
	}
	t, err := parseJWS(text)
	if err != nil {
		return v.fail(field, err)
	}
	alg, ok := v.algorithms[t.alg]
	if !ok || t.critical {
		return v.fail(field, ErrUntrusted)
	}
	if v.RequireKeyID && t.kid == "" {
		return v.fail(field, ErrUnknownKey)
	}
	if v.trace != nil {
		v.trace(Text{
			Scheme: "jwt-" + strings.ToLower(t.alg), Signature: field, Parts: []TextPart{{Token: "token", Value: []byte(t.signed)}},
		})
	}
	now := v.now()
	k, i, err := v.match(ctx, t, alg, now)
	if err != nil {
		return v.fail(field, err)
	}
	signed, claim, err := v.checkClaims(t.claims, req, now)
	if err != nil {
		return v.fail("claim "+claim, err)
	}
	return Result{
		KeyID: k.id, KeyIndex: i, Signed: signed, Scheme: "jwt-" + strings.ToLower(t.alg), Covers: &v.covers,
	}, nil
}

func (v *jwtVerifier) match(ctx context.Context, t *compactJWS, alg jwtAlgorithm, now time.Time) (*Key, int, error) {
	keys, err := v.find(ctx, t.kid)
	if err != nil {
		return nil, 0, err
	}
	matched, broken := -1, false
	for i, k := range keys {
		if !k.usable(now) || k.alg != "" && k.alg != t.alg {
			continue
		}
		ok, err := t.signedBy(k, alg, v.Key)
		if ok && matched < 0 {
			matched = i
		}
		broken = broken || err != nil
	}
	switch {
	case matched < 0 && broken:
		return nil, 0, fmt.Errorf("decoding a key: %w", ErrUnavailable)
	case matched < 0:
		return nil, 0, ErrMismatch
	}
	return keys[matched], matched, nil
}

// compactJWS is a parsed token, whose signature has not been checked.
type compactJWS struct {
	alg, kid  string
	critical  bool // it has extensions that must be understood; we know none
	signed    string
	signature []byte
	claims    map[string]any
}

func parseJWS(text string) (*compactJWS, error) {
	head, rest, ok1 := strings.Cut(text, ".")
	payload, sig, ok2 := strings.Cut(rest, ".")
	if !ok1 || !ok2 || strings.ContainsAny(text, "=\r\n") {
		return nil, ErrMalformed
	}
	t := &compactJWS{signed: text[:len(head)+1+len(payload)]}
	header, err := decodeObject(head)
	if err != nil {
		return nil, err
	}
	if t.claims, err = decodeObject(payload); err != nil {
		return nil, err
	}
	if t.signature, err = strictRawURL.DecodeString(sig); err != nil || len(t.signature) == 0 || len(t.signature) > maxSignature {
		return nil, ErrMalformed
	}
	var ok bool
	if t.alg, ok = header["alg"].(string); !ok {
		return nil, ErrMalformed
	}
	if kid, there := header["kid"]; there {
		if t.kid, ok = kid.(string); !ok {
			return nil, ErrMalformed
		}
	}
	_, t.critical = header["crit"]
	return t, nil
}

func decodeObject(text string) (map[string]any, error) {
	raw, err := strictRawURL.DecodeString(text)
	if err != nil {
		return nil, ErrMalformed
	}
	v, err := decodeJSON(raw)
	object, ok := v.(map[string]any)
	if err != nil || !ok {
		return nil, ErrMalformed
	}
	return object, nil
}

func (t *compactJWS) signedBy(k *Key, alg jwtAlgorithm, format KeyFormat) (bool, error) {
	if alg.public == nil {
		m := k.material(alg.hash, format)
		if m.err != nil {
			return false, m.err
		}
		return hmac.Equal(m.sumString(t.signed), t.signature), nil
	}
	m := k.material("", format)
	if m.err != nil {
		return false, m.err
	}
	return alg.fits(m.public) && alg.public.verify(m.public, alg.digest(t.signed), t.signature), nil
}

// digest returns what is signed: the text's hash, or the text.
func (a jwtAlgorithm) digest(text string) []byte {
	if a.hash == "" {
		return []byte(text)
	}
	h := newHash(a.hash)()
	_, _ = h.Write([]byte(text))
	return h.Sum(nil)
}

// sumString returns the MAC of a text.
func (m *material) sumString(text string) []byte {
	sc := scratches.Get().(*scratch) //nolint:forcetypeassert // the pool holds nothing else
	defer sc.release()
	return bytes.Clone(m.sum(template{{kind: segLiteral, text: text}}, sc, nil))
}

func (j JWT) check() error { _, _, err := j.normal(); return err }
