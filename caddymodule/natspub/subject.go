package natspub

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
)

// The roots of subjects. They differ in their first token, so that a
// subscription that is a little too wide never receives what was not verified.
const (
	Root           = "wh.v1"
	UnverifiedRoot = "wh-unverified.v1"
	QuarantineRoot = "wh-quarantine.v1"
)

const (
	maxToken  = 64 // bytes of a token
	maxTokens = 8  // tokens of a type
	noType    = "_"
	cutMark   = "=~" // followed by 8 hex digits of the SHA-256 of what was cut
)

// LanesRoot is a root of the contract that nothing is published on: it is kept for
// copies of events by partition.
const LanesRoot = "wh-lanes.v1"

// Subject returns the subject of an event: the root by its trust, tenant,
// source, the number of its partition if there are any, and its type's tokens.
func Subject(e *gateway.Event) string {
	root := Root
	if e.Trust == gateway.Unverified {
		root = UnverifiedRoot
	}
	var b strings.Builder
	b.Grow(len(root) + len(e.Tenant) + len(e.Source) + len(e.Type) + 3 + len("1023."))
	b.WriteString(root)
	writeToken(&b, e.Tenant)
	writeToken(&b, e.Source)
	if e.Partitions > 0 {
		b.WriteByte('.')
		b.WriteString(strconv.Itoa(partition(e)))
	}
	writeType(&b, e.Type)
	return b.String()
}

// QuarantineSubject returns the subject of an event in quarantine.
func QuarantineSubject(e *gateway.Event, q gateway.Quarantine) string {
	var b strings.Builder
	b.WriteString(QuarantineRoot)
	writeToken(&b, e.Tenant)
	writeToken(&b, e.Source)
	writeToken(&b, q.Reason)
	return b.String()
}

// writeType writes the tokens of a type, which is split at ".", "/" and ":".
// Splitting is not injective, so subjects are for routing; the type itself is
// in ce-type.
func writeType(b *strings.Builder, typ string) {
	if typ == "" {
		b.WriteString("." + noType)
		return
	}
	rest := typ
	for n := 1; ; n++ {
		i := strings.IndexAny(rest, "./:")
		if i < 0 {
			writeToken(b, rest)
			return
		}
		if n == maxTokens {
			writeCut(b, rest)
			return
		}
		writeToken(b, rest[:i])
		rest = rest[i+1:]
	}
}

// writeToken writes a dot and the token: [A-Za-z0-9_-] as they are, any other
// byte as =XX, and "=" for the empty token. No two texts have one token, except
// that a long one ends in a digest.
func writeToken(b *strings.Builder, text string) {
	b.WriteByte('.')
	if text == "" {
		b.WriteByte('=')
		return
	}
	if n := escapedLen(text); n <= maxToken {
		writeEscaped(b, text, n)
		return
	}
	writeDigested(b, text)
}

// writeCut writes the last token that a type may have, when there are more.
func writeCut(b *strings.Builder, text string) {
	b.WriteByte('.')
	writeDigested(b, text)
}

func writeDigested(b *strings.Builder, text string) {
	digest := sha256.Sum256([]byte(text))
	writeEscaped(b, text, maxToken-len(cutMark)-8)
	b.WriteString(cutMark)
	b.WriteString(hex.EncodeToString(digest[:4]))
}

func plain(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '-'
}

func escapedLen(text string) int {
	n := len(text)
	for i := range len(text) {
		if !plain(text[i]) {
			n += 2
		}
	}
	return n
}

// writeEscaped writes text, or as much of it as fits into limit bytes without
// cutting an escape.
func writeEscaped(b *strings.Builder, text string, limit int) {
	const digits = "0123456789ABCDEF"
	for i := range len(text) {
		c := text[i]
		if plain(c) {
			if limit--; limit < 0 {
				return
			}
			b.WriteByte(c)
			continue
		}
		if limit -= 3; limit < 0 {
			return
		}
		b.WriteByte('=')
		b.WriteByte(digits[c>>4])
		b.WriteByte(digits[c&15])
	}
}

// MsgID returns the id by which JetStream deduplicates: 22 characters of
// base64url of the SHA-256 of tenant, source and event id, each as its length
// in decimal, a colon, and itself. 128 bits are enough for it to be unique, and
// short enough to remember millions of.
func MsgID(tenant, source, id string) string { return digestID(tenant, source, id) }

// quarantineMsgID tells events in quarantine apart by their bytes too: a sender
// that repeats an id with other bytes must not lose them.
func quarantineMsgID(e *gateway.Event, q gateway.Quarantine) string {
	return digestID("quarantine", e.Tenant, e.Source, e.ID, q.Reason, string(e.Digest[:]))
}

func digestID(parts ...string) string {
	h := sha256.New()
	var n []byte
	for _, p := range parts {
		n = append(strconv.AppendInt(n[:0], int64(len(p)), 10), ':')
		h.Write(n)
		h.Write([]byte(p))
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))[:22]
}
