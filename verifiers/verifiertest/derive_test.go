package verifiertest_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"flag"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/providers"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/verifiertest"
)

//go:generate go test -run TestDerivedVectors -update

var update = flag.Bool("update", false, "write the derived vectors")

// TestDerivedVectors derives from the first valid vector of each file those
// that every scheme of its kind needs, and compares them with what is in the
// file. With -update it writes them.
func TestDerivedVectors(t *testing.T) {
	suites, err := verifiertest.Load(os.DirFS("."))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range suites {
		t.Run(s.Provider, func(t *testing.T) {
			p, ok := providers.Lookup(s.Provider)
			if !ok {
				t.Fatal("the catalogue has no such provider")
			}
			s.Tests = slices.DeleteFunc(s.Tests, func(v verifiertest.Vector) bool { return v.Has("Derived") })
			i := slices.IndexFunc(s.Tests, func(v verifiertest.Vector) bool { return v.Has("Valid") })
			if i < 0 {
				t.Fatal("there is no valid vector")
			}
			s.Tests = append(s.Tests, derive(t, p, &s.Tests[i])...)
			for i := range s.Tests {
				s.Tests[i].ID = i + 1
			}
			name := filepath.Join("vectors", s.Provider+".json")
			if *update {
				if err := os.WriteFile(name, encode(t, s), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			have, err := fs.ReadFile(os.DirFS("."), filepath.ToSlash(name))
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(have, encode(t, s)) {
				t.Errorf("%s is out of date: run go generate ./verifiers/verifiertest", name)
			}
		})
	}
}

func encode(t *testing.T, s verifiertest.Suite) []byte {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(s); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// anatomy is where a sender puts signature and timestamp, as far as a test can
// change it there.
type anatomy struct {
	signature, timestamp part
	tolerance            time.Duration // zero without a timestamp
	body                 func(r *verifiertest.Request)
	wrongKey             string // empty where keys are fetched
}

// dissect finds the anatomy of a provider's request. It reports false where the
// signature is in no place that can be changed; vectors are then made by hand.
func dissect(t *testing.T, p verifiers.Provider, v *verifiertest.Vector) (anatomy, bool) {
	t.Helper()
	placer, ok := p.Scheme.(verifiers.Placer)
	if !ok {
		return anatomy{}, false
	}
	places := placer.Places()
	var a anatomy
	if a.signature, ok = locate(places.Signature, v); !ok {
		return a, false
	}
	res := accepted(t, p, v)
	switch {
	case a.signature.whole: // the body is a token
		a.body = nil
	case res.Covers.Body:
		a.body = changeBody
	case res.Covers.Content():
		a.body = changeMember(res.Covers, v)
	}
	if len(v.Keys) > 0 {
		a.wrongKey = wrongKey(t, p, v)
	}
	if places.Timestamp.IsZero() {
		return a, true
	}
	if a.timestamp, ok = locate(places.Timestamp, v); ok {
		a.tolerance = places.Tolerance
	}
	return a, true
}

// changeMember changes one of the members or fields that the signature covers.
func changeMember(c *verifiers.Coverage, v *verifiertest.Vector) func(r *verifiertest.Request) {
	var sources []verifiers.Source
	for _, name := range c.Pointers {
		sources = append(sources, verifiers.JSON(name))
	}
	for _, name := range c.Form {
		sources = append(sources, verifiers.Form(name))
	}
	for _, s := range sources {
		if p, ok := locate(s, v); ok && len(p.get(&v.Request)) > 0 {
			return func(r *verifiertest.Request) { p.set(r, bump(p.get(r))) }
		}
	}
	return nil
}

// wrongKey returns a key of the right format that is another one.
func wrongKey(t *testing.T, p verifiers.Provider, v *verifiertest.Vector) string {
	t.Helper()
	const phrase = "not the key that signed this"
	for _, secret := range []string{
		phrase, hex.EncodeToString([]byte(phrase)), base64.StdEncoding.EncodeToString([]byte(phrase)),
		"whsec_" + base64.StdEncoding.EncodeToString([]byte(phrase)),
		wrongEd25519(""), wrongEd25519(verifiers.KeyWhpk), wrongECDSA(t, elliptic.P256()),
		wrongECDSA(t, elliptic.P384()), wrongECDSA(t, elliptic.P521()), wrongRSA,
		"somebody:" + phrase, bump(v.Keys[0].Secret),
	} {
		c := clone(v)
		c.Keys = []verifiertest.Key{{ID: "wrong", Secret: secret}}
		if fitting(&p, v.Keys[0].Secret, secret) && builds(p, &c) {
			return secret
		}
	}
	t.Fatal("no wrong key fits the scheme")
	return ""
}

// fitting keeps to the form of the right key where the scheme takes several.
func fitting(p *verifiers.Provider, right, wrong string) bool {
	var format verifiers.KeyFormat
	switch s := p.Scheme.(type) {
	case verifiers.HMAC:
		format = s.Key
	case verifiers.Ed25519:
		format = s.Key
	default:
		return strings.HasPrefix(right, "whsec_") || !strings.HasPrefix(wrong, "whsec_")
	}
	switch format {
	case verifiers.KeyWhsec:
		return strings.HasPrefix(wrong, "whsec_")
	case verifiers.KeyWhpk:
		return strings.HasPrefix(wrong, "whpk_")
	default:
		return true
	}
}

func builds(p verifiers.Provider, v *verifiertest.Vector) bool {
	cfg, err := v.Config()
	if err != nil {
		return false
	}
	_, err = p.New(cfg)
	return err == nil
}

func wrongEd25519(format verifiers.KeyFormat) string {
	seed := sha256.Sum256([]byte("not the key that signed this"))
	pub := ed25519.NewKeyFromSeed(seed[:]).Public().(ed25519.PublicKey)
	if format == verifiers.KeyWhpk {
		return "whpk_" + base64.StdEncoding.EncodeToString(pub)
	}
	return hex.EncodeToString(pub)
}

func wrongECDSA(t *testing.T, curve elliptic.Curve) string {
	t.Helper()
	sum := sha256.Sum256([]byte("not the key that signed this"))
	scalar := make([]byte, (curve.Params().BitSize+7)/8)
	copy(scalar[len(scalar)-len(sum):], sum[:])
	key, err := ecdsa.ParseRawPrivateKey(curve, scalar)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(der)
}

// wrongRSA is a public key whose private half nobody kept.
const wrongRSA = `-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA1ZSCNvKVsXPmgSd2g6lK
WadAWYpy19PQG5xYu97Jq1EBruV3PKgBKrvTq5tUoD08m3fc46Q8XBCfEcAutzi2
27B5YOMk9gjrCFpowWPiKqJmgyLnaBcf+MDWcwT8IAbs/VwjXMLtnfU0cvCHV2BV
DXkAt/E+0Gwg1f1DMEo45yT/0Hx8STPE1UcQF6P8wos9TZDrAX43qAK2BYB+H/HO
zib7SaPl6CAo/NwvDcn0ZN+EapZBLe3vkkR0bh8akyuWTFY2RWDy34DOFikwFabA
SSO2fSQlGATC4grMATvmiZ2S87B9LZm1qdvaSqgE4BdaSGCvfHKLpHftIFmFjat0
dwIDAQAB
-----END PUBLIC KEY-----`

// bump changes the last letter or digit of a text.
func bump(s string) string {
	b := []byte(s)
	end := len(strings.TrimSuffix(strings.TrimSuffix(s, " GMT"), "Z")) // the zone of a time
	for i := end - 1; i >= 0; i-- {
		switch c := b[i]; {
		case '0' <= c && c < '9', 'a' <= c && c < 'z', 'A' <= c && c < 'Z':
			b[i]++
			return string(b)
		case c == '9', c == 'z', c == 'Z':
			b[i]--
			return string(b)
		}
	}
	return s + "x"
}

func changeBody(r *verifiertest.Request) { r.Body = bump(r.Body) }

// change replaces a character that lies inside the number even where the
// signature is a DER structure, so that it stays well-formed.
func change(signature string) string {
	i := len(signature) / 4
	c := byte('a')
	if signature[i] == c {
		c = 'b'
	}
	return signature[:i] + string(c) + signature[i+1:]
}

// derive returns the vectors that follow from a valid one.
func derive(t *testing.T, p verifiers.Provider, valid *verifiertest.Vector) []verifiertest.Vector {
	t.Helper()
	a, ok := dissect(t, p, valid)
	if !ok {
		return nil
	}
	d := deriver{t: t, p: p, valid: valid}
	d.signatures(&a)
	d.keys(&a)
	if a.tolerance > 0 {
		d.times(&a)
	} else if !accepted(t, p, valid).Signed.IsZero() {
		d.clocks()
	}
	return d.list
}

type deriver struct {
	t     *testing.T
	p     verifiers.Provider
	valid *verifiertest.Vector
	list  []verifiertest.Vector
}

func (d *deriver) add(flag, comment string, edit func(v *verifiertest.Vector), allowed ...string) {
	d.t.Helper()
	v := clone(d.valid)
	v.Comment, v.Origin, v.Source = comment, "self", ""
	v.Flags = []string{flag, "Derived"}
	edit(&v)
	v.Want = judge(d.t, d.p, &v)
	if !slices.Contains(allowed, v.Want.Result) {
		d.t.Errorf("%s: got %s, want one of %v", flag, v.Want.Result, allowed)
	}
	d.list = append(d.list, v)
}

func request(edit func(r *verifiertest.Request)) func(v *verifiertest.Vector) {
	return func(v *verifiertest.Vector) { edit(&v.Request) }
}

func (d *deriver) signatures(a *anatomy) {
	d.t.Helper()
	signature := func(value string) func(v *verifiertest.Vector) {
		return request(func(r *verifiertest.Request) { a.signature.set(r, value) })
	}
	text := a.signature.get(&d.valid.Request)
	if a.body != nil {
		d.add("ModifiedBody", "one character of what is signed differs", request(a.body), "mismatch")
	}
	d.add("ModifiedSignature", "one character of the signature differs", signature(change(text)), "mismatch")
	d.add("TruncatedSignature", "half of the signature is missing", signature(text[:len(text)/8*4]), "malformed", "mismatch")
	d.add("EmptySignature", "the signature is empty", signature(""), "missing", "malformed")
	d.add("MissingHeader", "there is no signature", request(a.signature.remove), "missing")
	if a.signature.canDouble() {
		allowed := []string{"malformed"}
		if d.p.Name == "mollie" { // sends one header for each of its secrets
			allowed = []string{"ok"}
		}
		d.add("DuplicateHeader", "the signature is sent twice", request(a.signature.double), allowed...)
	}
}

func (d *deriver) keys(a *anatomy) {
	d.t.Helper()
	if a.wrongKey == "" {
		return
	}
	d.add("WrongKey", "the key is another one", func(v *verifiertest.Vector) {
		v.Keys = []verifiertest.Key{{ID: "wrong", Secret: a.wrongKey}}
	}, "mismatch", "unknown_key")
	d.add("SecondKey", "the second of two keys fits", func(v *verifiertest.Vector) {
		v.Keys = []verifiertest.Key{{ID: "new", Secret: a.wrongKey}, {ID: "old", Secret: d.valid.Keys[0].Secret}}
	}, "ok")
	if last := &d.list[len(d.list)-1]; last.Want.Key != "old" {
		d.t.Errorf("SecondKey: got key %q, want old", last.Want.Key)
	}
}

func at(now time.Time) func(v *verifiertest.Vector) {
	return func(v *verifiertest.Vector) { v.Now = now }
}

func (d *deriver) times(a *anatomy) {
	d.t.Helper()
	signedAt := accepted(d.t, d.p, d.valid).Signed
	timestamp := func(edit func(string) string) func(v *verifiertest.Vector) {
		return request(func(r *verifiertest.Request) { a.timestamp.set(r, edit(a.timestamp.get(r))) })
	}
	d.add("OldestAccepted", "exactly as old as may be", at(signedAt.Add(a.tolerance)), "ok")
	d.add("Stale", "a second too old", at(signedAt.Add(a.tolerance+time.Second)), "stale")
	d.add("NewestAccepted", "exactly as far in the future as may be", at(signedAt.Add(-a.tolerance)), "ok")
	d.add("Future", "a second too far in the future", at(signedAt.Add(-a.tolerance-time.Second)), "future")
	d.add("ModifiedTimestamp", "the timestamp is not the one that was signed", timestamp(bump), "mismatch")
	d.add("NonNumericTimestamp", "the timestamp is not one",
		timestamp(func(s string) string { return s + "x" }), "malformed")
	d.add("EmptyTimestamp", "the timestamp is empty", timestamp(func(string) string { return "" }), "missing", "malformed")
}

// clocks moves the receiver's clock where the time is inside what is signed.
func (d *deriver) clocks() {
	d.t.Helper()
	const years = 10 * 365 * 24 * time.Hour
	d.add("Stale", "years too late", at(d.valid.Now.Add(years)), "stale")
	d.add("Future", "years too early", at(d.valid.Now.Add(-years)), "future")
}

func clone(v *verifiertest.Vector) verifiertest.Vector {
	c := *v
	c.Keys = slices.Clone(v.Keys)
	c.Options = maps.Clone(v.Options)
	c.Certs = maps.Clone(v.Certs)
	c.Request.Header = v.Request.Header.Clone()
	return c
}

func judge(t *testing.T, p verifiers.Provider, v *verifiertest.Vector) verifiertest.Want {
	t.Helper()
	res, err := verify(t, p, v)
	if err != nil {
		return verifiertest.Want{Result: verifiers.Reason(err)}
	}
	return verifiertest.Want{Result: "ok", Key: res.KeyID}
}

// accepted returns the result of a valid vector.
func accepted(t *testing.T, p verifiers.Provider, v *verifiertest.Vector) verifiers.Result {
	t.Helper()
	res, err := verify(t, p, v)
	if err != nil {
		t.Fatalf("the valid vector: %v", err)
	}
	return res
}

func verify(t *testing.T, p verifiers.Provider, v *verifiertest.Vector) (verifiers.Result, error) {
	t.Helper()
	cfg, err := v.Config()
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := p.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	req, err := v.NewRequest()
	if err != nil {
		t.Fatal(err)
	}
	return verifier.Verify(t.Context(), req)
}
