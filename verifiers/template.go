package verifiers

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
)

type segmentKind int

const (
	segLiteral segmentKind = iota
	segBody
	segTimestamp
	segID
	segURL
	segSource
	segMethod
	segPath
	segHost
	segQuery
	segSecret
	segBodyHash
	segCustom
	segOption
	segBodyBase64
	segProof
)

// A segment is a piece of the signed text.
type segment struct {
	kind   segmentKind
	text   string // of segLiteral; the name of segOption
	hash   Hash   // of segBodyHash
	source Source // of segSource
}

// A template is a parsed [Signed.Content].
type template []segment

var plainTokens = map[string]segmentKind{
	"body": segBody, "timestamp": segTimestamp, "id": segID, "url": segURL, "req:method": segMethod,
	"req:path": segPath, "req:host": segHost, "req:query": segQuery, "secret": segSecret,
	"base64:body": segBodyBase64, "custom": segCustom, "proof": segProof,
}

var bodyHashes = map[string]Hash{
	"md5:body": MD5, "sha1:body": SHA1, "sha256:body": SHA256, "sha384:body": SHA384, "sha512:body": SHA512,
}

// parseTemplate parses the {token} language. Errors name the byte at which the
// trouble begins.
func parseTemplate(text string) (template, error) {
	var t template
	var literal strings.Builder
	flush := func() {
		if literal.Len() > 0 {
			t = append(t, segment{kind: segLiteral, text: literal.String()})
			literal.Reset()
		}
	}
	for i := 0; i < len(text); {
		c := text[i]
		switch {
		case c != '{' && c != '}':
			literal.WriteByte(c)
			i++
		case strings.HasPrefix(text[i+1:], text[i:i+1]):
			literal.WriteByte(c)
			i += 2
		case c == '}':
			return nil, fmt.Errorf("parsing content at byte %d: a lone } must be written }}", i)
		default:
			end := strings.IndexByte(text[i:], '}')
			if end < 0 {
				return nil, fmt.Errorf("parsing content at byte %d: { is not closed", i)
			}
			seg, err := parseToken(text[i+1 : i+end])
			if err != nil {
				return nil, fmt.Errorf("parsing content at byte %d: %w", i, err)
			}
			flush()
			t = append(t, seg)
			i += end + 1
		}
	}
	flush()
	return t, nil
}

func parseToken(token string) (segment, error) {
	if kind, ok := plainTokens[token]; ok {
		return segment{kind: kind}, nil
	}
	if hash, ok := bodyHashes[token]; ok {
		return segment{kind: segBodyHash, hash: hash}, nil
	}
	var s Source
	kind, name, _ := strings.Cut(token, ":")
	switch kind {
	case "header":
		s.Header = http.CanonicalHeaderKey(name)
	case "query":
		s.Query = name
	case "form":
		s.Form = name
	case "json":
		s.Pointer = name
	case "option":
		if name == "" {
			return segment{}, errors.New("token {option:}: the name is missing")
		}
		return segment{kind: segOption, text: name}, nil
	default:
		return segment{}, fmt.Errorf("unknown token {%s}", token)
	}
	if err := s.check(); err != nil {
		return segment{}, fmt.Errorf("token {%s}: %w", token, err)
	}
	return segment{kind: segSource, source: s}, nil
}

func (t template) has(kind segmentKind) bool {
	for i := range t {
		if t[i].kind == kind {
			return true
		}
	}
	return false
}

// resolve looks up all that the text is made of, except what is the same
// whatever the request. It returns the field at fault with an error.
func (t template) resolve(sc *scratch, r *Request, custom AppendFunc) (field string, err error) {
	for i := range t {
		var v string
		switch seg := &t[i]; seg.kind {
		case segURL:
			if r.URL == nil {
				return "url", ErrMissing
			}
			v = r.URL.String()
		case segSource:
			if v, err = seg.source.lookup(r); err != nil {
				return seg.source.String(), err
			}
		case segPath, segHost, segQuery:
			if r.URL == nil {
				return "url", ErrMissing
			}
			v = urlPart(seg.kind, r)
		case segBodyHash:
			sc.hashBody(seg.hash, r.Body)
		case segCustom:
			if len(sc.custom) > 0 {
				break // it is there already
			}
			if sc.custom, err = custom(sc.custom[:0], r); err != nil {
				return "signed content", kindOf(err)
			}
		default:
		}
		sc.values = append(sc.values, v)
	}
	return "", nil
}

// hashBody puts the hash of the body in hex into sc.bodyHash.
func (sc *scratch) hashBody(h Hash, body []byte) {
	if h == SHA256 { // without allocating
		sum := sha256.Sum256(body)
		sc.bodyHash = hex.AppendEncode(sc.bodyHash[:0], sum[:])
		return
	}
	sum := newDigest(h)()
	_, _ = sum.Write(body)
	sc.bodyHash = hex.AppendEncode(sc.bodyHash[:0], sum.Sum(nil))
}

// bind replaces options by their values. An option that has none is
// [ErrOption].
func (t template) bind(options map[string]string) (template, error) {
	if !t.has(segOption) {
		return t, nil
	}
	bound := slices.Clone(t)
	for i := range bound {
		if bound[i].kind != segOption {
			continue
		}
		value := options[bound[i].text]
		if value == "" {
			return nil, fmt.Errorf("%w %s is missing", ErrOption, bound[i].text)
		}
		bound[i] = segment{kind: segLiteral, text: value}
	}
	return bound, nil
}

func urlPart(kind segmentKind, r *Request) string {
	switch kind {
	case segPath:
		return r.URL.EscapedPath()
	case segHost:
		return r.URL.Host
	default:
		return r.URL.RawQuery
	}
}

// kindOf reduces the error of an [AppendFunc] to its kind, since its text may
// hold anything.
func kindOf(err error) error {
	if errors.Is(err, ErrMissing) {
		return ErrMissing
	}
	return ErrMalformed
}

// write writes the resolved text to w, which never fails.
func (t template) write(w io.Writer, sc *scratch, r *Request, secret []byte) {
	for i := range t {
		t.writeSegment(i, w, sc, r, secret)
	}
}

func (t template) writeSegment(i int, w io.Writer, sc *scratch, r *Request, secret []byte) {
	switch seg := &t[i]; seg.kind {
	case segLiteral:
		sc.writeString(w, seg.text)
	case segBody:
		_, _ = w.Write(r.Body)
	case segTimestamp:
		sc.writeString(w, sc.timestamp)
	case segID:
		sc.writeString(w, sc.id)
	case segMethod:
		sc.writeString(w, r.Method)
	case segSecret:
		_, _ = w.Write(secret)
	case segBodyHash:
		_, _ = w.Write(sc.bodyHash)
	case segBodyBase64:
		enc := base64.NewEncoder(base64.StdEncoding, w)
		_, _ = enc.Write(r.Body)
		_ = enc.Close()
	case segOption, segProof: // bound, and refused
	case segCustom:
		_, _ = w.Write(sc.custom)
	case segURL, segSource, segPath, segHost, segQuery:
		sc.writeString(w, sc.values[i])
	}
}

// coverage returns what a signature over the text protects.
func (t template) coverage(s *Signed) Coverage {
	c := s.CustomCovers
	for i := range t {
		switch seg := &t[i]; seg.kind {
		case segBody, segBodyHash, segBodyBase64:
			c.Body = true
		case segURL:
			c.URL = true
		case segMethod:
			c.Method = true
		case segTimestamp:
			c = c.with(s.Timestamp)
		case segID:
			c = c.with(s.ID)
		case segSource:
			c = c.with(seg.source)
		case segLiteral, segPath, segHost, segQuery, segSecret, segCustom, segOption, segProof:
		}
	}
	return c
}
