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
	"regexp"
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

// A part is a piece of a request that can be changed.
type part struct {
	header string // or, if it is empty,
	member string // of a JSON body
	span   func(value string) (start, end int)
}

func (p part) get(r *verifiertest.Request) string {
	value := p.whole(r)
	start, end := p.span(value)
	return value[start:end]
}

func (p part) whole(r *verifiertest.Request) string {
	if p.header != "" {
		return r.Header[p.header][0]
	}
	return p.re().FindStringSubmatch(r.Body)[1]
}

func (p part) re() *regexp.Regexp {
	return regexp.MustCompile(`"` + p.member + `"\s*:\s*"([^"]*)"`)
}

func (p part) set(r *verifiertest.Request, value string) {
	whole := p.whole(r)
	start, end := p.span(whole)
	changed := whole[:start] + value + whole[end:]
	if p.header != "" {
		r.Header[p.header] = []string{changed}
		return
	}
	at := p.re().FindStringSubmatchIndex(r.Body)
	r.Body = r.Body[:at[2]] + changed + r.Body[at[3]:]
}

func (p part) remove(r *verifiertest.Request) {
	if p.header != "" {
		delete(r.Header, p.header)
		return
	}
	at := p.re().FindStringIndex(r.Body)
	r.Body = r.Body[:at[0]] + `"Other": ""` + r.Body[at[1]:]
}

func (p part) double(r *verifiertest.Request) {
	if p.header != "" {
		r.Header[p.header] = append(r.Header[p.header], r.Header[p.header][0])
		return
	}
	at := p.re().FindStringIndex(r.Body)
	r.Body = r.Body[:at[1]] + ", " + r.Body[at[0]:at[1]] + r.Body[at[1]:]
}

// anatomy is where a sender puts signature and timestamp.
type anatomy struct {
	signature, timestamp part
	tolerance            time.Duration // zero without a timestamp
	body                 func(r *verifiertest.Request)
	wrongKey             string // empty where keys are fetched
}

func whole(value string) (int, int) { return 0, len(value) }

// dissect finds the anatomy of a provider's request.
func dissect(t *testing.T, p verifiers.Provider, v *verifiertest.Vector) anatomy {
	t.Helper()
	a := anatomy{body: changeBody, wrongKey: "not the key that signed this"}
	var signed verifiers.Signed
	switch s := p.Scheme.(type) {
	case verifiers.HMAC:
		signed = s.Signed
		if signed.Key == verifiers.KeyWhsec {
			a.wrongKey = "whsec_" + base64.StdEncoding.EncodeToString([]byte(a.wrongKey))
		}
	case verifiers.Ed25519:
		signed = s.Signed
		a.wrongKey = wrongEd25519(signed.Key)
	case verifiers.ECDSA:
		signed = s.Signed
		a.wrongKey = wrongECDSA(t)
	case verifiers.Token:
		a.signature = locate(s.Source, v)
		a.body = nil // a token covers nothing
		return a
	default:
		switch p.Name {
		case "twilio":
			signed.Signature = verifiers.Header("X-Twilio-Signature")
		case "aws-sns":
			a.signature = part{member: "Signature", span: whole}
			a.timestamp = part{member: "Timestamp", span: whole}
			a.tolerance = 24 * time.Hour
			a.body = func(r *verifiertest.Request) {
				p := part{member: "Message", span: whole}
				p.set(r, bump(p.get(r)))
			}
			a.wrongKey = ""
			return a
		default:
			t.Fatalf("say here where %s has its signature", p.Name)
		}
	}
	a.signature = locate(signed.Signature, v)
	if !signed.Timestamp.IsZero() {
		a.timestamp = locate(signed.Timestamp, v)
		a.tolerance = signed.Tolerance
		if a.tolerance == 0 {
			a.tolerance = 5 * time.Minute
		}
	}
	return a
}

// locate finds the source's header in a request, and the value in the header.
func locate(s verifiers.Source, v *verifiertest.Vector) part {
	for _, one := range s.First {
		if v.Request.Header[one.Header] != nil {
			s = one
			break
		}
	}
	prefix := s.Prefix
	sep := s.Sep
	if s.Pair != "" {
		prefix = s.Pair + "="
		if sep == "" {
			sep = ","
		}
	}
	return part{header: s.Header, span: func(value string) (int, int) {
		start := strings.Index(value, prefix) + len(prefix)
		if sep != "" {
			if n := strings.Index(value[start:], sep); n >= 0 {
				return start, start + n
			}
		}
		return start, len(value)
	}}
}

func wrongEd25519(format verifiers.KeyFormat) string {
	seed := sha256.Sum256([]byte("not the key that signed this"))
	pub := ed25519.NewKeyFromSeed(seed[:]).Public().(ed25519.PublicKey)
	if format == verifiers.KeyWhpk {
		return "whpk_" + base64.StdEncoding.EncodeToString(pub)
	}
	return hex.EncodeToString(pub)
}

func wrongECDSA(t *testing.T) string {
	t.Helper()
	scalar := sha256.Sum256([]byte("not the key that signed this"))
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), scalar[:])
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(der)
}

// bump changes the last letter or digit of a text.
func bump(s string) string {
	b := []byte(s)
	for i := len(b) - 1; i >= 0; i-- {
		switch c := b[i]; {
		case c == 'Z' && i == len(b)-1: // of a time
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
	a := dissect(t, p, valid)
	var list []verifiertest.Vector
	add := func(flag, comment string, edit func(v *verifiertest.Vector), allowed ...string) {
		v := clone(valid)
		v.Comment, v.Origin, v.Source = comment, "self", ""
		v.Flags = []string{flag, "Derived"}
		edit(&v)
		v.Want = judge(t, p, &v)
		if !slices.Contains(allowed, v.Want.Result) {
			t.Errorf("%s: got %s, want one of %v", flag, v.Want.Result, allowed)
		}
		list = append(list, v)
	}
	request := func(edit func(r *verifiertest.Request)) func(v *verifiertest.Vector) {
		return func(v *verifiertest.Vector) { edit(&v.Request) }
	}
	signature := func(value string) func(v *verifiertest.Vector) {
		return request(func(r *verifiertest.Request) { a.signature.set(r, value) })
	}
	text := a.signature.get(&valid.Request)

	if a.body != nil {
		add("ModifiedBody", "one character of what is signed differs", request(a.body), "mismatch")
	}
	add("ModifiedSignature", "one character of the signature differs", signature(change(text)), "mismatch")
	add("TruncatedSignature", "half of the signature is missing", signature(text[:len(text)/8*4]), "malformed", "mismatch")
	add("EmptySignature", "the signature is empty", signature(""), "missing", "malformed")
	add("MissingHeader", "there is no signature", request(a.signature.remove), "missing")
	add("DuplicateHeader", "the signature is sent twice", request(a.signature.double), "malformed")
	if a.wrongKey != "" {
		add("WrongKey", "the key is another one", func(v *verifiertest.Vector) {
			v.Keys = []verifiertest.Key{{ID: "wrong", Secret: a.wrongKey}}
		}, "mismatch")
		add("SecondKey", "the second of two keys fits", func(v *verifiertest.Vector) {
			v.Keys = []verifiertest.Key{{ID: "new", Secret: a.wrongKey}, {ID: "old", Secret: valid.Keys[0].Secret}}
		}, "ok")
		if last := &list[len(list)-1]; last.Want.Key != "old" {
			t.Errorf("SecondKey: got key %q, want old", last.Want.Key)
		}
	}
	if a.tolerance == 0 {
		return list
	}
	signedAt := signedAt(t, p, valid)
	at := func(d time.Duration) func(v *verifiertest.Vector) {
		return func(v *verifiertest.Vector) { v.Now = signedAt.Add(d) }
	}
	timestamp := func(edit func(string) string) func(v *verifiertest.Vector) {
		return request(func(r *verifiertest.Request) { a.timestamp.set(r, edit(a.timestamp.get(r))) })
	}
	add("OldestAccepted", "exactly as old as may be", at(a.tolerance), "ok")
	add("Stale", "a second too old", at(a.tolerance+time.Second), "stale")
	add("NewestAccepted", "exactly as far in the future as may be", at(-a.tolerance), "ok")
	add("Future", "a second too far in the future", at(-a.tolerance-time.Second), "future")
	add("ModifiedTimestamp", "the timestamp is not the one that was signed", timestamp(bump), "mismatch")
	add("NonNumericTimestamp", "the timestamp is not one",
		timestamp(func(s string) string { return s + "x" }), "malformed")
	add("EmptyTimestamp", "the timestamp is empty", timestamp(func(string) string { return "" }), "missing", "malformed")
	return list
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

func signedAt(t *testing.T, p verifiers.Provider, v *verifiertest.Vector) time.Time {
	t.Helper()
	res, err := verify(t, p, v)
	if err != nil || res.Signed.IsZero() {
		t.Fatalf("the valid vector: %v, signed at %v", err, res.Signed)
	}
	return res.Signed
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
