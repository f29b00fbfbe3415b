package verifiers

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// A Cause is a fixed word for why a request was refused.
type Cause string

// The causes. All but the last four say what [Reason] says, in the words of
// somebody who has to mend it.
const (
	CauseMissing     Cause = "missing"         // a header, field or parameter is not there
	CauseMalformed   Cause = "malformed"       // it is there and has not the right form
	CauseStale       Cause = "too_old"         // authentic, and outside the replay window
	CauseFuture      Cause = "in_the_future"   // authentic, and one of the clocks is wrong
	CauseUntrusted   Cause = "untrusted"       // it names what is not trusted
	CauseUnknownKey  Cause = "unknown_key"     // it names a key that is not known
	CauseUnavailable Cause = "key_unavailable" // the keys could not be had
	CauseInternal    Cause = "internal"        // not an error of this package

	CauseWrongSecret Cause = "wrong_secret"       // nothing that was tried fits: another secret, or a forgery
	CauseBody        Cause = "body_modified"      // it fits if the body is changed back
	CauseURL         Cause = "url_mismatch"       // it fits another form of the URL
	CauseAlgorithm   Cause = "algorithm_mismatch" // it fits with another hash, encoding or form of the secret
)

// A Diagnosis says why a request was refused. It is for operators alone: told to
// the sender, it would help to forge.
type Diagnosis struct {
	// Cause is the most likely cause.
	Cause Cause
	// Detail says more, in words that never hold a secret, an expected signature
	// or request data, except for the parts of the URL that would have fitted.
	Detail string
}

// String returns "body_modified: a byte order mark was added".
func (d Diagnosis) String() string {
	if d.Detail == "" {
		return string(d.Cause)
	}
	return string(d.Cause) + ": " + d.Detail
}

const (
	// maxDiagnosed is the length of the longest body of which variants are made.
	maxDiagnosed = 1 << 20
	maxInflated  = 4 << 20
)

// Diagnose finds out why a verifier that p.New built from cfg refused req with
// err. Where the signature fits no key it tries what usually happens to requests
// on their way: some forty verifications, so that whoever lets strangers cause
// it should limit how often. It changes nothing and accepts nothing.
func (p Provider) Diagnose(ctx context.Context, cfg Config, req *Request, err error) Diagnosis {
	field := ""
	if typed, ok := errors.AsType[*Error](err); ok {
		field = typed.Field
	}
	d := diagnoser{ctx: ctx, provider: p, cfg: cfg, req: req}
	switch {
	case err == nil:
		return Diagnosis{}
	case errors.Is(err, ErrMissing):
		return Diagnosis{CauseMissing, field + twin(field, req.Header)}
	case errors.Is(err, ErrMalformed):
		// A place inside the body cannot be read if the body has changed.
		for _, try := range []func() (Diagnosis, bool){d.body, d.scheme} {
			if found, ok := try(); ok {
				return found
			}
		}
		return Diagnosis{CauseMalformed, field}
	case errors.Is(err, ErrStale), errors.Is(err, ErrFuture):
		return d.skew(err, field)
	case errors.Is(err, ErrUntrusted):
		// A token may be for a URL, in a claim.
		if found, ok := d.url(); ok {
			return found
		}
		return Diagnosis{CauseUntrusted, field}
	case errors.Is(err, ErrUnknownKey):
		return Diagnosis{CauseUnknownKey, field}
	case errors.Is(err, ErrUnavailable):
		return Diagnosis{CauseUnavailable, field}
	case !errors.Is(err, ErrMismatch):
		return Diagnosis{CauseInternal, field}
	}
	for _, try := range []func() (Diagnosis, bool){d.body, d.url, d.scheme} {
		if found, ok := try(); ok {
			return found
		}
	}
	return Diagnosis{CauseWrongSecret, "no variant of body, URL and algorithm fits any of the keys"}
}

// twin names a header that is there in place of the missing one, such as that of
// an older signature. Its name is the beginning of the missing one's.
func twin(field string, header http.Header) string {
	missing, ok := strings.CutPrefix(field, "header ")
	if !ok {
		return ""
	}
	for name := range header {
		if rest, ok := strings.CutPrefix(missing, name); ok && strings.HasPrefix(rest, "-") {
			return "; the request has " + name + " in its place"
		}
	}
	return ""
}

// diagnoser tries variants of one request.
type diagnoser struct {
	ctx      context.Context //nolint:containedctx // it lives as long as one call
	provider Provider
	cfg      Config
	req      *Request
}

// fits reports whether the request has a signature of ours, whatever its age.
func (d *diagnoser) fits(v Verifier, req *Request) bool {
	if d.ctx.Err() != nil {
		return false
	}
	_, err := v.Verify(d.ctx, req)
	return err == nil || errors.Is(err, ErrStale) || errors.Is(err, ErrFuture)
}

// copyOf returns the request with nothing decoded.
func (d *diagnoser) copyOf() *Request {
	return &Request{
		Method: d.req.Method, URL: d.req.URL, Header: d.req.Header, Body: d.req.Body,
		Remote: d.req.Remote, Peer: d.req.Peer,
	}
}

// skew says by how much the clocks differ.
func (d *diagnoser) skew(err error, field string) Diagnosis {
	cause := CauseStale
	if errors.Is(err, ErrFuture) {
		cause = CauseFuture
	}
	wide := d.cfg
	wide.Tolerance = 1 << 62
	v, buildErr := d.provider.New(wide)
	if buildErr != nil {
		return Diagnosis{cause, field}
	}
	res, err := v.Verify(d.ctx, d.copyOf())
	if err != nil || res.Signed.IsZero() {
		return Diagnosis{cause, field}
	}
	age := clock(d.cfg).Sub(res.Signed).Round(time.Second)
	if cause == CauseFuture {
		return Diagnosis{cause, "signed " + (-age).String() + " ahead of our clock"}
	}
	return Diagnosis{cause, "signed " + age.String() + " ago"}
}

// body tries what proxies and frameworks do to bodies.
func (d *diagnoser) body() (Diagnosis, bool) {
	v, err := d.provider.New(d.cfg)
	if err != nil || len(d.req.Body) > maxDiagnosed {
		return Diagnosis{}, false
	}
	for _, variant := range bodyVariants {
		body, ok := variant.undo(d.req.Body)
		if !ok || string(body) == string(d.req.Body) {
			continue
		}
		req := d.copyOf()
		req.Body = body
		if d.fits(v, req) {
			return Diagnosis{CauseBody, variant.name}, true
		}
	}
	return Diagnosis{}, false
}

// bodyVariants undo changes. Their names say what was done to the body.
var bodyVariants = []struct {
	name string
	undo func(body []byte) ([]byte, bool)
}{
	{"a byte order mark was added", func(b []byte) ([]byte, bool) { return bytes.CutPrefix(b, []byte("\ufeff")) }},
	{"a byte order mark was removed", func(b []byte) ([]byte, bool) { return append([]byte("\ufeff"), b...), true }},
	{"a newline was added at the end", func(b []byte) ([]byte, bool) { return bytes.CutSuffix(b, []byte("\n")) }},
	{"CRLF was added at the end", func(b []byte) ([]byte, bool) { return bytes.CutSuffix(b, []byte("\r\n")) }},
	{"the newline at the end was removed", func(b []byte) ([]byte, bool) { return append(bytes.Clone(b), '\n'), true }},
	{"the CRLF at the end was removed", func(b []byte) ([]byte, bool) { return append(bytes.Clone(b), "\r\n"...), true }},
	{"white space around it was added", func(b []byte) ([]byte, bool) { return bytes.TrimSpace(b), true }},
	{"LF became CRLF", func(b []byte) ([]byte, bool) { return bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n")), true }},
	{"CRLF became LF", func(b []byte) ([]byte, bool) { return bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n")), true }},
	{"JSON was indented", compactJSON},
	{"JSON was written without spaces", spacedJSON},
	{"JSON was written without escaping non-ASCII characters", func(b []byte) ([]byte, bool) { return asciiJSON(b), json.Valid(b) }},
	{"JSON was written without escaping slashes", func(b []byte) ([]byte, bool) {
		return bytes.ReplaceAll(b, []byte("/"), []byte(`\/`)), json.Valid(b)
	}},
	{"JSON was written without escaping slashes and non-ASCII characters", func(b []byte) ([]byte, bool) {
		return bytes.ReplaceAll(asciiJSON(b), []byte("/"), []byte(`\/`)), json.Valid(b)
	}},
	{"JSON was written with escaped <, > and &", func(b []byte) ([]byte, bool) { return unescapedJSON(b), json.Valid(b) }},
	{"it was compressed, or not unpacked", gunzip},
	{"it was put into quotes as a JSON string", func(b []byte) ([]byte, bool) {
		var text string
		err := json.Unmarshal(b, &text)
		return []byte(text), err == nil
	}},
	{"it was removed", func([]byte) ([]byte, bool) { return nil, true }},
}

func compactJSON(b []byte) ([]byte, bool) {
	var out bytes.Buffer
	err := json.Compact(&out, b)
	return out.Bytes(), err == nil
}

// spacedJSON writes spaces after colons and commas, as Python does.
func spacedJSON(b []byte) ([]byte, bool) {
	if !json.Valid(b) {
		return nil, false
	}
	out := make([]byte, 0, len(b)+len(b)/8)
	quoted := false
	for i := range b {
		out = append(out, b[i])
		switch c := b[i]; {
		case c == '"' && !escaped(b[:i]):
			quoted = !quoted
		case !quoted && (c == ':' || c == ','):
			out = append(out, ' ')
		}
	}
	return out, true
}

// escaped reports whether what follows text is behind a backslash.
func escaped(text []byte) bool {
	n := len(text) - len(bytes.TrimRight(text, `\`))
	return n%2 == 1
}

func asciiJSON(b []byte) []byte {
	out := make([]byte, 0, len(b))
	for len(b) > 0 {
		r, size := utf8.DecodeRune(b)
		switch {
		case r < utf8.RuneSelf:
			out = append(out, b[0])
		case r > 0xffff:
			r -= 0x10000
			out = appendUnicode(appendUnicode(out, 0xd800+r>>10), 0xdc00+r&0x3ff)
		default:
			out = appendUnicode(out, r)
		}
		b = b[size:]
	}
	return out
}

func appendUnicode(dst []byte, r rune) []byte {
	const digits = "0123456789abcdef"
	return append(dst, '\\', 'u', digits[r>>12&15], digits[r>>8&15], digits[r>>4&15], digits[r&15])
}

func unescapedJSON(b []byte) []byte {
	for escape, char := range map[string]string{`\u003c`: "<", `\u003e`: ">", `\u0026`: "&"} {
		b = bytes.ReplaceAll(b, []byte(escape), []byte(char))
	}
	return b
}

func gunzip(b []byte) ([]byte, bool) {
	r, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, false
	}
	out, err := io.ReadAll(io.LimitReader(r, maxInflated))
	return out, err == nil
}

// url tries what proxies do to URLs.
func (d *diagnoser) url() (Diagnosis, bool) {
	v, err := d.provider.New(d.cfg)
	if err != nil || d.req.URL == nil {
		return Diagnosis{}, false
	}
	for _, variant := range urlVariants(d.req.URL, d.req.Header) {
		req := d.copyOf()
		req.URL = variant.url
		if d.fits(v, req) {
			return Diagnosis{CauseURL, variant.name}, true
		}
	}
	return Diagnosis{}, false
}

type urlVariant struct {
	name string
	url  *url.URL
}

// urlVariants are forms of the URL that the sender may have addressed, those
// with the fewest changes first.
func urlVariants(u *url.URL, header http.Header) []urlVariant {
	list := []urlVariant{{"", u}}
	vary := func(name func(url.URL) string, edit func(*url.URL) bool) {
		for _, v := range slices.Clip(list) {
			c := *v.url
			if !edit(&c) || c.String() == v.url.String() {
				continue
			}
			said := name(c)
			if v.name != "" {
				said = v.name + ", " + said
			}
			list = append(list, urlVariant{said, &c})
		}
	}
	scheme := func(c url.URL) string { return "the scheme is " + c.Scheme }
	host := func(c url.URL) string { return "the host is " + c.Host }
	if forwarded := header.Get("X-Forwarded-Host"); forwarded != "" && !strings.ContainsAny(forwarded, ", /") {
		vary(host, func(c *url.URL) bool { c.Host = forwarded; return true })
	}
	vary(scheme, func(c *url.URL) bool {
		c.Scheme = map[string]string{"http": "https", "https": "http"}[c.Scheme]
		return c.Scheme != ""
	})
	vary(host, func(c *url.URL) bool {
		if port := c.Port(); port != "" {
			c.Host = strings.TrimSuffix(c.Host, ":"+port)
			return true
		}
		c.Host += ":" + map[bool]string{true: "443", false: "80"}[c.Scheme == "https"]
		return true
	})
	vary(func(c url.URL) string {
		if strings.HasSuffix(c.Path, "/") {
			return "the path ends in a slash"
		}
		return "the path does not end in a slash"
	}, func(c *url.URL) bool {
		if path, ok := strings.CutSuffix(c.Path, "/"); ok {
			c.Path, c.RawPath = path, strings.TrimSuffix(c.RawPath, "/")
			return true
		}
		c.Path += "/"
		if c.RawPath != "" {
			c.RawPath += "/"
		}
		return true
	})
	vary(func(url.URL) string { return "there is no query" }, func(c *url.URL) bool {
		c.RawQuery, c.ForceQuery = "", false
		return true
	})
	return list[1:]
}

// scheme tries other hashes, encodings and forms of the secret.
func (d *diagnoser) scheme() (Diagnosis, bool) {
	var digest func(h Hash, s Signed) Scheme
	var hash Hash
	var signed Signed
	switch s := d.provider.Scheme.(type) {
	case HMAC:
		hash, signed = s.Hash, s.Signed
		digest = func(h Hash, signed Signed) Scheme { return HMAC{Hash: h, KeyHash: s.KeyHash, Signed: signed} }
	case Digest:
		hash, signed = s.Hash, s.Signed
		digest = func(h Hash, signed Signed) Scheme { return Digest{Hash: h, Signed: signed} }
	default:
		return Diagnosis{}, false
	}
	for _, h := range []Hash{hash, SHA1, SHA256, SHA384, SHA512, MD5} {
		for _, e := range []Encoding{signed.Encoding, Hex, Base64, Base64URL} {
			for _, k := range []KeyFormat{signed.Key, KeyText, KeyWhsec, KeyBase64, KeyHex} {
				variant := signed
				variant.Encoding, variant.Key = e, k
				variant.Signature = withHash(signed.Signature, hash, h)
				p := d.provider
				p.Scheme = digest(h, variant)
				v, err := p.New(d.cfg)
				if err == nil && d.fits(v, d.copyOf()) {
					return Diagnosis{CauseAlgorithm, difference(hash, h, signed, variant)}, true
				}
			}
		}
	}
	return Diagnosis{}, false
}

// withHash exchanges the hash's name where it is the prefix of signatures.
func withHash(s Source, from, to Hash) Source {
	if rest, ok := strings.CutPrefix(s.Prefix, string(from)); ok {
		s.Prefix = string(to) + rest
	}
	return s
}

func difference(hash, h Hash, signed, variant Signed) string {
	var list []string
	if h != hash {
		list = append(list, "the hash is "+string(h)+" where "+string(hash)+" is due")
	}
	if e := signed.Encoding; variant.Encoding != e && variant.Encoding != "" && (e != "" || variant.Encoding != Hex) {
		list = append(list, "the signature is written as "+string(variant.Encoding))
	}
	if k := signed.Key; variant.Key != k && variant.Key != "" && (k != "" || variant.Key != KeyText) {
		list = append(list, "the secret is used as "+string(variant.Key))
	}
	return strings.Join(list, ", ")
}
