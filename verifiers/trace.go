package verifiers

import (
	"bytes"
	"encoding/base64"
)

// A Text is a text of which a verifier looks for a signature: what tools show to
// whoever has to find out why one does not fit. It never holds a secret: where the
// scheme puts one into the text, a part says so.
type Text struct {
	// Scheme is the word of [Result.Scheme].
	Scheme string
	// Signature names the place where signatures are looked for.
	Signature string
	// Parts are what the text is made of, in their order.
	Parts []TextPart
	// Sorted means that the parts are put together in the order of their values.
	Sorted bool
}

// A TextPart is a piece of a [Text].
type TextPart struct {
	// Token is the part's token as in [Signed.Content], without braces: "body",
	// "timestamp", "header:X-Request-Id". Empty for a literal text.
	Token string
	// Secret means that the key stands here. Value is empty then.
	Secret bool
	// Value is what stands here.
	Value []byte
}

// Bytes returns the text with secret in the place of the key.
func (t Text) Bytes(secret string) []byte {
	var b bytes.Buffer
	for _, p := range t.Parts {
		if p.Secret {
			b.WriteString(secret)
			continue
		}
		b.Write(p.Value)
	}
	return b.Bytes()
}

// tokens are the names of the segments that have no name of their own.
var tokens = func() map[segmentKind]string {
	names := make(map[segmentKind]string, len(plainTokens))
	for name, kind := range plainTokens {
		names[kind] = name
	}
	return names
}()

// traced returns what was resolved for a request.
func (t template) traced(sc *scratch, r *Request) []TextPart {
	parts := make([]TextPart, len(t))
	for i := range t {
		seg := &t[i]
		p := TextPart{Token: tokens[seg.kind]}
		switch seg.kind {
		case segSecret:
			p.Secret = true
		case segBody:
			p.Value = r.Body
		case segBodyHash:
			p.Token, p.Value = string(seg.hash)+":body", bytes.Clone(sc.bodyHash)
		case segBodyBase64:
			p.Value = []byte(base64.StdEncoding.EncodeToString(r.Body))
		case segSource:
			p.Token, p.Value = sourceToken(seg.source), []byte(sc.values[i])
		default:
			var b bytes.Buffer
			t.writeSegment(i, &b, sc, r, nil)
			p.Value = b.Bytes()
		}
		parts[i] = p
	}
	return parts
}

func sourceToken(s Source) string {
	switch {
	case s.Header != "":
		return "header:" + s.Header
	case s.Query != "":
		return "query:" + s.Query
	case s.Form != "":
		return "form:" + s.Form
	}
	return "json:" + s.Pointer
}

// trace tells whoever wants to know what is verified.
func (v *signedVerifier) traceText(sc *scratch, req *Request, scheme string) {
	if v.trace == nil {
		return
	}
	v.trace(Text{
		Scheme: scheme, Signature: v.Signature.String(), Parts: v.template.traced(sc, req), Sorted: v.sorted,
	})
}
