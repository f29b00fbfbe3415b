package conformance

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

func compressedBytes(body []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(body) // to memory: it cannot fail
	_ = w.Close()
	return b.Bytes()
}

// compressed makes a compressed event: signed before that, or after it.
func (t *trial) compressed(before bool) (*event, bool) {
	if before {
		e, ok := t.event(withHeader("Content-Encoding", "gzip"))
		if ok {
			e.req = copied(e.req)
			e.req.Body = compressedBytes(e.req.Body)
		}
		return e, ok
	}
	return t.event(withHeader("Content-Encoding", "gzip"), func(req *verifiers.Request) {
		req.Body = compressedBytes(req.Body)
	})
}

func gzipped(t *trial) {
	if e, ok := t.compressed(t.target.Provider.SignsUncompressed); ok {
		t.survive("a compressed event", e)
	}
	for _, coding := range []string{"gzip", "deflate", "br", "zstd", "nonsense"} {
		if e, ok := t.event(withHeader("Content-Encoding", coding)); ok {
			t.survive("an event that says that it is compressed with "+coding+", and is not", e)
		}
	}
	if e, ok := t.compressed(t.target.Provider.SignsUncompressed); ok {
		e.req = copied(e.req)
		e.req.Body = e.req.Body[:len(e.req.Body)/2]
		t.survive("a compressed event that is cut", e)
	}
}

func gzipSignedInside(t *trial) {
	if t.target.Provider.SignsUncompressed {
		t.skip("%s signs before it compresses", t.target.Provider.Name)
		return
	}
	if e, ok := t.compressed(true); ok {
		t.refuse("a compressed event that was signed before it was compressed", e)
	}
}

// bombs is how often each is sent: the fastest counts.
const bombs = 3

func gzipBomb(t *trial) {
	const size, block = 512 << 20, 1 << 20
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	zeros := make([]byte, block)
	for range size / block {
		_, _ = w.Write(zeros) // to memory: it cannot fail
	}
	_ = w.Close()
	e, ok := t.event(withHeader("Content-Encoding", "gzip"))
	if !ok {
		return
	}
	e.req = copied(e.req)
	e.req.Body = b.Bytes()
	if t.verdict(t.ctx, e) == nil {
		t.skip("%s does not sign the body", t.target.Provider.Name)
		return
	}
	t.probes++
	const sent = "512 MiB of zeros, compressed, with a wrong signature"
	// What matters is how much longer it takes than as many bytes that are not
	// decompressed.
	plain := &event{req: copied(e.req), good: e.good}
	plain.req.Header.Del("Content-Encoding")
	fastest, usual := t.timeout, t.timeout
	for range bombs {
		usual = min(usual, t.patient(t.ctx, plain).took)
		a := t.patient(t.ctx, e)
		if a.ok() || a.err == nil && a.status/100 == 5 {
			t.flaw(sent, e, a, "%s", got(a, t.runner))
			return
		}
		fastest = min(fastest, a.took)
	}
	t.result.Note = fmt.Sprintf("%s, and %s for as many bytes that are not compressed", fastest.Round(time.Millisecond), usual.Round(time.Millisecond))
	if fastest > usual+50*time.Millisecond && fastest > 10*usual {
		t.flaw(sent, e, answer{took: fastest}, "it took %s, and as many bytes that are not compressed took %s",
			fastest.Round(time.Millisecond), usual.Round(time.Millisecond))
	}
}
