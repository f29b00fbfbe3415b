package verifiers

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
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
)

// A segment is a piece of the signed text.
type segment struct {
	kind   segmentKind
	text   string // of segLiteral
	source Source // of segSource
}

// A template is a parsed [Signed.Content].
type template []segment

var plainTokens = map[string]segmentKind{
	"body": segBody, "timestamp": segTimestamp, "id": segID, "url": segURL, "req:method": segMethod,
	"req:path": segPath, "req:host": segHost, "req:query": segQuery, "secret": segSecret,
	"sha256:body": segBodyHash, "custom": segCustom,
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
			sum := sha256.Sum256(r.Body)
			hex.Encode(sc.bodyHash[:], sum[:])
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
			_, _ = w.Write(sc.bodyHash[:])
		case segCustom:
			_, _ = w.Write(sc.custom)
		case segURL, segSource, segPath, segHost, segQuery:
			sc.writeString(w, sc.values[i])
		}
	}
}

// coverage returns what a signature over the text protects.
func (t template) coverage(s *Signed) Coverage {
	c := s.CustomCovers
	for i := range t {
		switch seg := &t[i]; seg.kind {
		case segBody, segBodyHash:
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
		case segLiteral, segPath, segHost, segQuery, segSecret, segCustom:
		}
	}
	return c
}
