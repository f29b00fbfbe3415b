package conformance

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// signature returns the text of the signature, or of the token, in a request.
func (r *runner) signature(req *verifiers.Request) (string, bool) {
	text, err := r.places.Signature.Lookup(copied(req))
	if err != nil || len(text) < 4 {
		return "", false
	}
	if basic, ok := strings.CutPrefix(text, "Basic "); ok {
		text = basic
	}
	return text, true
}

// leaf returns the one place in which senders write the signature.
func leaf(s verifiers.Source) verifiers.Source {
	for len(s.First) > 0 {
		s = s.First[0]
	}
	return s
}

// with returns a copy of the request in which the signature's text is another.
// It reports whether there was one to change.
func (r *runner) with(e *event, text string) (*event, bool) {
	if e.good == "" {
		return nil, false
	}
	return r.exchanged(e, e.good, text)
}

// otherwise is with, for a text that is made of the right one.
func (r *runner) otherwise(e *event, f func(string) string) (*event, bool) {
	if len(e.good) < 4 {
		return nil, false
	}
	return r.with(e, f(e.good))
}

// exchanged replaces a text where the signature is.
func (r *runner) exchanged(e *event, old, text string) (*event, bool) {
	c := &event{req: copied(e.req), wire: e.wire, good: e.good}
	where, done := leaf(r.places.Signature), false
	switch {
	case where.Header != "":
		for i, v := range c.req.Header[where.Header] {
			if strings.Contains(v, old) {
				c.req.Header[where.Header][i], done = strings.Replace(v, old, text, 1), true
			}
		}
	case where.Query != "":
		for _, form := range []string{url.QueryEscape(old), old} {
			if strings.Contains(c.req.URL.RawQuery, form) {
				c.req.URL.RawQuery, done = strings.Replace(c.req.URL.RawQuery, form, url.QueryEscape(text), 1), true
				break
			}
		}
	default: // in the body
		for _, form := range []string{old, url.QueryEscape(old)} {
			if bytes.Count(c.req.Body, []byte(form)) == 1 {
				if form != old || isForm(c.req) {
					text = url.QueryEscape(text)
				}
				c.req.Body, done = bytes.Replace(c.req.Body, []byte(form), []byte(text), 1), true
				break
			}
		}
	}
	return c, done
}

// without returns a copy of the request that lacks what the source names; of a
// list of pairs it lacks the items of this name.
func without(e *event, s verifiers.Source) *event {
	c := &event{req: copied(e.req), wire: e.wire, good: e.good}
	s = leaf(s)
	switch {
	case s.Header != "" && s.Pair != "":
		sep := s.Sep
		if sep == "" {
			sep = ","
		}
		items := slices.DeleteFunc(strings.Split(c.req.Header.Get(s.Header), sep), func(item string) bool {
			return strings.HasPrefix(strings.TrimSpace(item), s.Pair+"=")
		})
		c.req.Header.Set(s.Header, strings.Join(items, sep))
		if len(items) == 0 {
			c.req.Header.Del(s.Header)
		}
	case s.Header != "":
		c.req.Header.Del(s.Header)
	case s.Query != "":
		items := slices.DeleteFunc(strings.Split(c.req.URL.RawQuery, "&"), func(item string) bool {
			name, _, _ := strings.Cut(item, "=")
			name, err := url.QueryUnescape(name)
			return err == nil && name == s.Query
		})
		c.req.URL.RawQuery = strings.Join(items, "&")
	case s.Form != "" && isForm(c.req):
		items := slices.DeleteFunc(strings.Split(string(c.req.Body), "&"), func(item string) bool {
			name, _, _ := strings.Cut(item, "=")
			name, err := url.QueryUnescape(name)
			return err == nil && name == s.Form
		})
		c.req.Body = []byte(strings.Join(items, "&"))
	case s.Pointer != "" && len(s.Within) == 0:
		if err := putMember(c.req, s.Pointer, nil); err != nil {
			return nil
		}
	default:
		return nil
	}
	return c
}

// encodings are tried in this order: what is hexadecimal is not taken for base64.
var encodings = []struct {
	decode func(string) ([]byte, error)
	encode func([]byte) string
}{
	{hex.DecodeString, hex.EncodeToString},
	{func(s string) ([]byte, error) {
		if s != strings.ToUpper(s) {
			return nil, errors.New("it is not upper case")
		}
		return hex.DecodeString(s)
	}, func(b []byte) string { return strings.ToUpper(hex.EncodeToString(b)) }},
	{base64.StdEncoding.DecodeString, base64.StdEncoding.EncodeToString},
	{base64.URLEncoding.DecodeString, base64.URLEncoding.EncodeToString},
	{base64.RawURLEncoding.DecodeString, base64.RawURLEncoding.EncodeToString},
	{base64.RawStdEncoding.DecodeString, base64.RawStdEncoding.EncodeToString},
}

// recoded changes the bytes that a signature's text stands for. Of a JSON Web
// Token they are those of the signature. What is no encoding is taken as it is.
func recoded(text string, f func([]byte) []byte) string {
	if strings.Count(text, ".") == 2 {
		i := strings.LastIndexByte(text, '.')
		return text[:i+1] + recoded(text[i+1:], f)
	}
	for _, e := range encodings {
		if raw, err := e.decode(text); err == nil && len(raw) > 0 && strings.EqualFold(e.encode(raw), text) {
			return e.encode(f(raw))
		}
	}
	return string(f([]byte(text)))
}

func flipped(raw []byte) []byte {
	raw = slices.Clone(raw)
	raw[len(raw)-1] ^= 1
	return raw
}

func isHex(text string) bool {
	_, err := hex.DecodeString(text)
	return err == nil && strings.ContainsAny(text, "abcdef")
}

// otherKeys makes keys that are not the receiver's and that the scheme takes, and
// returns the first.
func (r *runner) otherKey() (*verifiers.Key, error) {
	var raw [32]byte
	_, _ = rand.Read(raw[:]) // it never fails
	text := hex.EncodeToString(raw[:])
	// Text, hexadecimal and base64 at the same time.
	return r.firstKey([]string{text, "user:" + text}, true)
}

// emptyKey returns a key that is the same as the empty one: HMAC fills keys up with
// zeros.
func (r *runner) emptyKey() (*verifiers.Key, error) {
	return r.firstKey([]string{"\x00", "00", "AA==", "AA"}, false)
}

// firstKey returns the first of the keys that the scheme can sign with.
func (r *runner) firstKey(texts []string, private bool) (*verifiers.Key, error) {
	var last error
	try := func(k *verifiers.Key, err error) bool {
		if err == nil {
			cfg := r.target.Config
			cfg.Keys = verifiers.Keys{k}
			if _, err = r.target.Provider.New(cfg); err == nil {
				var req *verifiers.Request
				if req, err = r.target.Sample("", "", time.Now()); err == nil {
					err = r.target.Provider.Sign(copied(req), cfg, time.Now())
				}
			}
		}
		last = err
		return err == nil
	}
	for _, text := range texts {
		k, err := verifiers.NewKey("other", []byte(text))
		if try(k, err) {
			return k, nil
		}
	}
	if !private {
		return nil, last
	}
	for _, generate := range []func() (crypto.Signer, error){
		func() (crypto.Signer, error) { _, key, err := ed25519.GenerateKey(rand.Reader); return key, err },
		func() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) },
		func() (crypto.Signer, error) { return rsa.GenerateKey(rand.Reader, 2048) },
		func() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P384(), rand.Reader) },
		func() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P521(), rand.Reader) },
	} {
		signer, err := generate()
		if err != nil {
			return nil, err
		}
		k, err := verifiers.NewPrivateKey("other", signer)
		if try(k, err) {
			return k, nil
		}
	}
	return nil, last
}

// isJSON reports whether the request has a JSON document.
func isJSON(req *verifiers.Request) bool {
	return strings.Contains(req.Header.Get("Content-Type"), "json") && json.Valid(req.Body)
}

func isForm(req *verifiers.Request) bool {
	return strings.HasPrefix(req.Header.Get("Content-Type"), "application/x-www-form-urlencoded")
}

// withMember adds a member to a JSON object, or to the first of an array of them,
// or a field to a form. It reports whether there was a place for it.
func withMember(name, value string) func(*verifiers.Request) bool {
	return func(req *verifiers.Request) bool {
		if isForm(req) {
			// Senders whose signature sorts fields sort this one as well.
			req.Body = append(append(req.Body, '&'), url.QueryEscape(name)+"="+url.QueryEscape(value)...)
			return true
		}
		i := bytes.IndexByte(req.Body, '{')
		if !isJSON(req) || i < 0 {
			return false
		}
		member, err := json.Marshal(map[string]string{name: value})
		if err != nil {
			return false
		}
		text := member[1 : len(member)-1]
		if rest := bytes.TrimSpace(req.Body[i+1:]); rest[0] != '}' {
			text = append(text, ',')
		}
		req.Body = slices.Concat(req.Body[:i+1], text, req.Body[i+1:])
		return true
	}
}

// withRaw adds a member whose value is written as it is.
func withRaw(member string) change {
	return func(req *verifiers.Request) {
		i := bytes.IndexByte(req.Body, '{')
		if i < 0 {
			return
		}
		if rest := bytes.TrimSpace(req.Body[i+1:]); rest[0] != '}' {
			member += ","
		}
		req.Body = slices.Concat(req.Body[:i+1], []byte(member), req.Body[i+1:])
	}
}

func withBody(body string) change {
	return func(req *verifiers.Request) { req.Body = []byte(body) }
}

func withHeader(name, value string) change {
	return func(req *verifiers.Request) { req.Header.Set(name, value) }
}

// base64JSON writes a part of a JSON Web Token.
func base64JSON(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(raw)
}

// plain returns what the scheme signs, and a way to make the scheme anew, if it is
// one of the engine's own.
func plain(s verifiers.Scheme) (signed verifiers.Signed, rebuild func(verifiers.Signed) verifiers.Scheme) {
	switch s := s.(type) {
	case verifiers.HMAC:
		return s.Signed, func(n verifiers.Signed) verifiers.Scheme { s.Signed = n; return s }
	case verifiers.Digest:
		return s.Signed, func(n verifiers.Signed) verifiers.Scheme { s.Signed = n; return s }
	case verifiers.Ed25519:
		return s.Signed, func(n verifiers.Signed) verifiers.Scheme { s.Signed = n; return s }
	case verifiers.ECDSA:
		return s.Signed, func(n verifiers.Signed) verifiers.Scheme { s.Signed = n; return s }
	case verifiers.RSA:
		return s.Signed, func(n verifiers.Signed) verifiers.Scheme { s.Signed = n; return s }
	}
	return verifiers.Signed{}, nil
}

var escapeTemplate = strings.NewReplacer("{", "{{", "}", "}}")

// timed makes a request that is right but for its timestamp, which is this text.
func (r *runner) timed(text string) (*event, error) {
	p := r.target.Provider
	s, rebuild := plain(p.Scheme)
	if rebuild == nil {
		return nil, errors.New("its scheme is one of its own")
	}
	where := leaf(s.Timestamp)
	if where.Header == "" && where.Query == "" {
		return nil, errors.New("its timestamp is in the body")
	}
	at := time.Now()
	req, err := r.target.Sample("", "", at)
	if err != nil {
		return nil, err
	}
	req = copied(req)
	switch {
	case where.Pair != "":
		req.Header.Set(where.Header, where.Prefix+where.Pair+"="+text)
	case where.Header != "":
		req.Header.Set(where.Header, where.Prefix+text)
	default:
		q := req.URL.Query()
		q.Set(where.Query, where.Prefix+text)
		req.URL.RawQuery = q.Encode()
	}
	s.Content = strings.ReplaceAll(s.Content, "{timestamp}", escapeTemplate.Replace(text))
	s.Timestamp = verifiers.Source{}
	p.Scheme = rebuild(s)
	return r.signed(req, p, r.target.Config, at)
}

// put writes a value where a source would find it, in a JSON document, a form, a
// header or the URL.
func put(req *verifiers.Request, s verifiers.Source, value string) error {
	switch {
	case len(s.First) > 0:
		return put(req, s.First[0], value)
	case s.Header != "" && s.Pair == "":
		req.Header.Set(s.Header, s.Prefix+value)
	case s.Query != "":
		q := req.URL.Query()
		q.Set(s.Query, s.Prefix+value)
		req.URL.RawQuery = q.Encode()
	case s.Form != "":
		form, err := url.ParseQuery(string(req.Body))
		if err != nil {
			return err
		}
		form.Set(s.Form, s.Prefix+value)
		req.Body = []byte(form.Encode())
	case s.Pointer != "" && len(s.Within) == 0:
		value = s.Prefix + value
		return putMember(req, s.Pointer, &value)
	default:
		return fmt.Errorf("%s cannot be written", s)
	}
	return nil
}

var unescapePointer = strings.NewReplacer("~1", "/", "~0", "~")

// scalar is what senders write without quotation marks.
var scalar = regexp.MustCompile(`\A(0|[1-9][0-9]{0,14}|true|false)\z`)

// putMember writes a member of a JSON document, or takes it away if there is no
// value.
func putMember(req *verifiers.Request, pointer string, value *string) error {
	var doc any
	if len(req.Body) > 0 {
		dec := json.NewDecoder(bytes.NewReader(req.Body))
		dec.UseNumber()
		if err := dec.Decode(&doc); err != nil {
			return err
		}
	}
	var set func(doc any, path []string) any
	set = func(doc any, path []string) any {
		if len(path) == 0 {
			if scalar.MatchString(*value) {
				return json.RawMessage(*value)
			}
			return *value
		}
		if list, ok := doc.([]any); ok || path[0] == "0" {
			if len(list) == 0 {
				list = []any{nil}
			}
			list[0] = set(list[0], path[1:])
			return list
		}
		object, ok := doc.(map[string]any)
		if !ok {
			object = map[string]any{}
		}
		name := unescapePointer.Replace(path[0])
		if value == nil && len(path) == 1 {
			delete(object, name)
			return object
		}
		object[name] = set(object[name], path[1:])
		return object
	}
	body, err := json.Marshal(set(doc, strings.Split(strings.TrimPrefix(pointer, "/"), "/")))
	if err != nil {
		return err
	}
	req.Body = body
	return nil
}
