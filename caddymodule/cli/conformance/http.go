package conformance

import (
	"bufio"
	"bytes"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

func httpChecks() []Check {
	const failure = "2xx or 4xx"
	checks := []Check{
		{Code: "content-type-charset", Severity: Must, Sends: "an event whose content type has a charset", Wants: "2xx", Why: "senders and their HTTP libraries add it, and take it away, without notice", Cure: "compare the media type without its parameters", Rule: "RFC 9110 section 8.3", run: contentTypeCharset},
		{Code: "content-type-wrong", Severity: Should, Sends: "events with another content type, with a broken one, and with none", Wants: failure, Why: "anybody can send them", Cure: "answer 415, or do not look at it", run: contentTypeWrong},
		{Code: "method-write", Severity: Should, Sends: "an event with PUT, PATCH and DELETE", Wants: "4xx", Why: "the sender never does: what takes any method takes requests that nobody has thought of", Cure: "answer 405 to methods that the sender does not use", Rule: "RFC 9110 section 15.5.6", run: methodWrite},
		{Code: "method-read", Severity: Should, Sends: "GET, HEAD and OPTIONS", Wants: "an answer that is no 5xx", Why: "browsers, monitors and scanners send them all day", Cure: "answer 405", Rule: "RFC 9110 section 15.5.6", run: methodRead},
		{Code: "chunked", Severity: Must, Sends: "an event without a length, in chunks", Wants: "2xx", Why: "proxies on the way do this; who reads as much as the length says reads nothing", Cure: "read the body to its end", Rule: "RFC 9112 section 7.1", run: chunked},
		{Code: "body-large", Severity: Must, Sends: "an event of half of what the sender may send, and no more than 512 KiB", Wants: "2xx", Why: "the limits of frameworks are often smaller than events", Cure: "set the limit of the framework, and of the proxy before it, to the sender's", run: bodyLarge},
		{Code: "body-too-large", Severity: Must, Sends: "an event that is larger than the sender ever sends", Wants: "413, or another 4xx", Why: "a failure is repeated, and is as large each time", Cure: "stop reading at the limit, and answer 413", Rule: "RFC 9110 section 15.5.14", run: bodyTooLarge},
		{Code: "body-unlimited", Severity: Should, Sends: "an event that is larger than the sender ever sends", Wants: "not 2xx", Why: "who reads all that comes can be made to run out of memory", Cure: "stop reading at the sender's limit", run: bodyUnlimited},
		{Code: "slow-body", Severity: Must, alone: true, Sends: "events on eight connections that stop in the middle, and a good one on another", Wants: "2xx for the good one, in time", Why: "who waits for one sender at a time can be stopped by anybody", Cure: "serve requests side by side, with a time limit for each body", run: slowBody},
		{Code: "slow-body-timeout", Severity: Should, Mode: Heavy, Sends: "an event that stops in the middle", Wants: "408, or an end of the connection, within 75 s", Why: "connections that wait for ever add up", Cure: "give bodies a time limit", Rule: "RFC 9110 section 15.5.9", run: slowBodyTimeout},
		{Code: "keep-alive", Severity: Must, Sends: "on one connection: an event that must be refused, and a good one", Wants: "4xx and 2xx, unless the connection is closed between them", Why: "who answers before the body is read, and goes on reading in the middle of it, loses the next event", Cure: "read the rest of the body, or close the connection", Rule: "RFC 9112 section 9.3", run: keepAlive},
		{Code: "gzip", Severity: Must, Sends: "compressed events: signed before it or after it, as the sender would, and some that say so and are not", Wants: failure, Why: "anybody can send them", Cure: "answer 415 if you take no compression, and limit what comes out", run: gzipped},
		{Code: "gzip-signed-inside", Severity: Should, Sends: "a compressed event that is signed over the other bytes than the sender's", Wants: "4xx", Why: "what was signed is either what was sent or what was compressed; who tries both, or decompresses before it verifies, works for everybody", Cure: "verify the bytes that the sender signs, and decompress within a limit", run: gzipSignedInside},
		{Code: "gzip-bomb", Severity: Should, Mode: Heavy, alone: true, Sends: "512 MiB of zeros, compressed to half a megabyte, with a wrong signature", Wants: "4xx, at once", Why: "who decompresses before it verifies works for everybody", Cure: "limit what is decompressed, and verify first where the compressed bytes are signed", run: gzipBomb},
	}
	for i := range checks {
		checks[i].Group = "http"
	}
	return checks
}

func contentTypeCharset(t *trial) {
	for _, suffix := range []string{"; charset=utf-8", ";charset=UTF-8"} {
		if e, ok := t.event(func(req *verifiers.Request) {
			media, _, _ := strings.Cut(req.Header.Get("Content-Type"), ";")
			req.Header.Set("Content-Type", media+suffix)
		}); ok {
			t.accept("an event whose content type ends in "+suffix, e)
		}
	}
}

func contentTypeWrong(t *trial) {
	for _, media := range []string{"text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/xml", "json", "/;;=", ""} {
		e, ok := t.event()
		if !ok {
			return
		}
		e.req = copied(e.req)
		sent := "an event with the content type " + media
		if e.req.Header.Set("Content-Type", media); media == "" {
			e.req.Header.Del("Content-Type")
			sent = "an event without a content type"
		}
		t.survive(sent, e)
	}
}

func methodWrite(t *trial) {
	for _, m := range []string{http.MethodPut, http.MethodPatch, http.MethodDelete} {
		if slices.Contains(t.methods(), m) {
			continue
		}
		if e, ok := t.event(func(req *verifiers.Request) { req.Method = m }); ok {
			if a := t.survive("an event with "+m, e); a.ok() {
				t.flaw("an event with "+m, e, a, "it was accepted: %s", got(a, t.runner))
			}
		}
	}
}

func methodRead(t *trial) {
	for _, m := range []string{http.MethodGet, http.MethodHead, http.MethodOptions} {
		e, ok := t.event()
		if !ok {
			return
		}
		e.req = copied(e.req)
		e.req.Method, e.req.Body = m, nil
		t.survive("a request with "+m, e)
	}
}

func chunked(t *trial) {
	if e, ok := t.event(); ok && len(e.req.Body) > 0 {
		e.wire.chunked = true
		t.accept("an event in chunks", e)
	}
}

// sized makes an event that is this long: by spaces in JSON, which are nothing that
// a schema could refuse, or by a long field of a form.
func (t *trial) sized(size int64) (*event, bool) {
	added := false
	e, ok := t.event(func(req *verifiers.Request) {
		if i := bytes.IndexByte(req.Body, '{'); isJSON(req) && i >= 0 {
			spaces := bytes.Repeat([]byte(" "), max(int(size)-len(req.Body), 0))
			req.Body, added = slices.Concat(req.Body[:i+1], spaces, req.Body[i+1:]), true
			return
		}
		const name = "conformance_padding"
		need := int(size) - len(req.Body)
		for range 3 { // what is around the value is as long each time
			c := copied(req)
			if added = withMember(name, strings.Repeat("x", max(need, 1)))(c); !added {
				return
			}
			if over := len(c.Body) - int(size); over != 0 {
				need -= over
				continue
			}
			req.Body = c.Body
			return
		}
	})
	if ok && (!added || int64(len(e.req.Body)) != size) {
		t.skip("its body cannot be made longer")
		return nil, false
	}
	return e, ok
}

func bodyLarge(t *trial) {
	e, ok := t.sized(min(512<<10, t.limit()/2))
	if !ok {
		return
	}
	// Who refuses as little as one more space does not mind the size.
	plain, ok := t.event()
	if !ok {
		return
	}
	small, ok := t.sized(int64(len(plain.req.Body)) + 64)
	if !ok {
		return
	}
	if a := t.patient(t.ctx, small); !a.ok() {
		t.skip("the same event with few spaces is refused as well")
		return
	}
	t.accept("an event that is large, and not too large", e)
}

const lightLimit = 4 << 20

// oversized makes an event that is larger than the sender ever sends.
func (t *trial) oversized() (*event, bool) {
	if t.limit() > lightLimit && !t.options.Heavy {
		t.skip("it would be %d MiB: only with --heavy", t.limit()>>20)
		return nil, false
	}
	return t.sized(t.limit() + 1)
}

func bodyTooLarge(t *trial) {
	e, ok := t.oversized()
	if !ok {
		return
	}
	t.probes++
	const sent = "an event that is larger than the sender ever sends"
	a := t.patient(t.ctx, e)
	switch {
	case a.err == errTimeout: //nolint:errorlint // it is never wrapped
		t.flaw(sent, e, a, "%s", got(a, t.runner))
	case a.err == nil && a.status/100 == 5:
		t.flaw(sent, e, a, "the receiver failed: %s", got(a, t.runner))
	}
}

func bodyUnlimited(t *trial) {
	if e, ok := t.oversized(); ok {
		t.probes++
		if a := t.patient(t.ctx, e); a.ok() {
			t.flaw("an event that is larger than the sender ever sends", e, a, "it was accepted: %s", got(a, t.runner))
		}
	}
}

// stalled sends the head and half of the body of an event, and no more.
func (t *trial) stalled() (net.Conn, bool) {
	e, ok := t.event()
	if !ok || len(e.req.Body) < 2 {
		return nil, false
	}
	conn, err := t.dial(t.ctx)
	if err != nil {
		return nil, false
	}
	head, body := t.render(e)
	_ = conn.SetWriteDeadline(time.Now().Add(t.timeout))
	if _, err := conn.Write(append(head, body[:len(body)/2]...)); err != nil {
		_ = conn.Close()
		return nil, false
	}
	return conn, true
}

func slowBody(t *trial) {
	for range 8 {
		conn, ok := t.stalled()
		if !ok {
			t.skip("no body to stop in")
			return
		}
		defer conn.Close()
	}
	time.Sleep(100 * time.Millisecond) // until the receiver waits for them
	e, ok := t.event()
	if !ok {
		return
	}
	t.probes++
	const sent = "a good event, while others stop in the middle of their bodies"
	if a := t.patient(t.ctx, e); !a.ok() {
		t.flaw(sent, e, a, "%s", got(a, t.runner))
	} else if a.took > t.deadline && a.took > 3*t.usual {
		t.flaw(sent, e, a, "the answer took %s", a.took.Round(time.Millisecond))
	}
}

func slowBodyTimeout(t *trial) {
	conn, ok := t.stalled()
	if !ok {
		t.skip("no body to stop in")
		return
	}
	defer conn.Close()
	t.probes++
	started := time.Now()
	_ = conn.SetReadDeadline(started.Add(t.options.SlowWait))
	for time.Since(started) < t.options.SlowWait && t.ctx.Err() == nil {
		a := readAnswer(bufio.NewReader(conn), http.MethodPost)
		if a.err != errTimeout { //nolint:errorlint // it is never wrapped
			t.result.Note = "it gave up after " + time.Since(started).Round(100*time.Millisecond).String()
			return
		}
	}
	t.flaw("an event that stops in the middle", nil, answer{}, "nothing happened in %s", t.options.SlowWait)
}

func keepAlive(t *trial) {
	for _, f := range t.forgeries() {
		good, ok := t.event()
		if !ok {
			return
		}
		conn, err := t.dial(t.ctx)
		if err != nil {
			continue
		}
		in := bufio.NewReader(conn)
		first := t.on(t.ctx, conn, in, f.event)
		t.see(first)
		if first.err != nil || strings.EqualFold(first.header.Get("Connection"), "close") {
			_ = conn.Close()
			t.probes++
			continue
		}
		second := t.on(t.ctx, conn, in, good)
		_ = conn.Close()
		t.probes++
		t.see(second)
		// A connection that was closed in the meantime is closed.
		if second.err == nil && !second.ok() && second.status != http.StatusServiceUnavailable && second.status != http.StatusTooManyRequests {
			t.flaw("a good event on the connection on which "+f.sent+" was refused", good, second, "%s", got(second, t.runner))
		} else if second.err == errTimeout { //nolint:errorlint // it is never wrapped
			t.flaw("a good event on the connection on which "+f.sent+" was refused", good, second, "%s", got(second, t.runner))
		}
	}
}
