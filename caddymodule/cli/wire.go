package cli

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

const (
	wireBuffer = 8 << 10
	// maxLine is the length of the longest line of an answer's head.
	maxLine = 64 << 10
)

var errAnswer = errors.New("the answer is no HTTP/1.1")

// wire is one connection of HTTP/1.1 that sends one request after the other. It does
// much less than an [http.Client], so that a load is made by the receiver and not by
// who sends it: no goroutines, no proxies, no redirects, and answers are read and
// thrown away. It is not safe for concurrent use.
type wire struct {
	target *url.URL
	conn   net.Conn
	in     *bufio.Reader
	out    []byte
	used   bool // this connection has had an answer
}

// dial connects to the host of a URL.
func dial(ctx context.Context, target *url.URL) (net.Conn, error) {
	address := target.Host
	if target.Port() == "" {
		address = net.JoinHostPort(target.Hostname(), map[string]string{"http": "80", "https": "443"}[target.Scheme])
	}
	dialer := &net.Dialer{Timeout: sendTimeout}
	if target.Scheme == "https" {
		secure := &tls.Dialer{NetDialer: dialer, Config: &tls.Config{ServerName: target.Hostname(), MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}}
		return secure.DialContext(ctx, "tcp", address)
	}
	return dialer.DialContext(ctx, "tcp", address)
}

func (w *wire) attach(conn net.Conn) {
	w.conn, w.used = conn, false
	if w.in == nil {
		w.in = bufio.NewReaderSize(conn, wireBuffer)
		return
	}
	w.in.Reset(conn)
}

func (w *wire) close() {
	if w.conn != nil {
		_ = w.conn.Close()
		w.conn = nil
	}
}

// roundTrip sends a request and returns the status of the answer. If a connection
// that was kept turns out to be closed it sends it over another one.
func (w *wire) roundTrip(ctx context.Context, method string, head, body []byte, slow time.Duration) (int, error) {
	for {
		if w.conn == nil {
			conn, err := dial(ctx, w.target)
			if err != nil {
				return 0, err
			}
			w.attach(conn)
		}
		reused := w.used
		status, keep, began, err := w.exchange(ctx, method, head, body, slow)
		if w.used = true; err != nil || !keep {
			w.close()
		}
		if err == nil || !reused || began || ctx.Err() != nil {
			return status, err
		}
	}
}

// exchange reports as well whether the connection may be used again, and whether the
// answer had begun.
func (w *wire) exchange(ctx context.Context, method string, head, body []byte, slow time.Duration) (status int, keep, began bool, err error) {
	conn := w.conn
	if err := conn.SetDeadline(time.Now().Add(sendTimeout + slow)); err != nil {
		return 0, false, false, err
	}
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	sent := make(chan error, 1)
	if slow > 0 && len(body) > 0 {
		// An answer may come before all of the body was sent.
		if _, err := conn.Write(head); err != nil {
			return 0, false, false, err
		}
		stop, cancel := context.WithCancel(ctx)
		defer cancel()
		go func() {
			_, err := io.CopyBuffer(struct{ io.Writer }{conn}, &dribble{ctx: stop, body: body, whole: slow}, make([]byte, max(1, len(body)/slowPieces)))
			sent <- err
			close(sent)
		}()
		defer func() {
			select {
			case err := <-sent:
				keep = keep && err == nil
			default: // the rest will not be sent
				keep = false
				cancel()
				for range sent { // it is closed when nothing is written any more
				}
			}
		}()
	} else {
		w.out = append(append(w.out[:0], head...), body...)
		if _, err := conn.Write(w.out); err != nil {
			return 0, false, false, err
		}
	}
	if _, err := w.in.Peek(1); err != nil {
		return 0, false, false, err
	}
	status, keep, err = w.answer(method)
	return status, keep, true, err
}

// answer reads an answer, and throws away its body.
func (w *wire) answer(method string) (status int, keep bool, err error) {
	for {
		h, err := w.head()
		if err != nil {
			return 0, false, err
		}
		if h.status/100 == 1 {
			continue
		}
		if method == http.MethodHead || h.status == http.StatusNoContent || h.status == http.StatusNotModified {
			return h.status, h.keep, nil
		}
		switch {
		case h.chunked:
			err = w.chunks()
		case h.length >= 0:
			_, err = io.CopyN(io.Discard, w.in, h.length)
		default: // until the end
			h.keep = false
			_, err = io.Copy(io.Discard, w.in)
		}
		return h.status, h.keep, err
	}
}

// answerHead is what the head of an answer says about the rest.
type answerHead struct {
	status  int
	length  int64 // -1: not said
	chunked bool
	keep    bool
}

func (w *wire) head() (answerHead, error) {
	h := answerHead{length: -1}
	line, err := w.line()
	if err != nil {
		return h, err
	}
	if len(line) < 12 || !bytes.HasPrefix(line, []byte("HTTP/1.")) || line[8] != ' ' {
		return h, errAnswer
	}
	h.keep = line[7] == '1'
	h.status, err = strconv.Atoi(string(line[9:12]))
	if err != nil || h.status < 100 || h.status > 599 {
		return h, errAnswer
	}
	for {
		line, err := w.line()
		if err != nil {
			return h, err
		}
		if len(line) == 0 {
			return h, nil
		}
		name, value, ok := bytes.Cut(line, []byte{':'})
		if !ok {
			return h, errAnswer
		}
		value = bytes.TrimSpace(value)
		switch {
		case bytes.EqualFold(name, []byte("Content-Length")):
			if h.length, err = strconv.ParseInt(string(value), 10, 64); err != nil || h.length < 0 {
				return h, errAnswer
			}
		case bytes.EqualFold(name, []byte("Transfer-Encoding")):
			h.chunked = bytes.EqualFold(value, []byte("chunked"))
		case bytes.EqualFold(name, []byte("Connection")):
			if bytes.EqualFold(value, []byte("close")) {
				h.keep = false
			}
		}
	}
}

// line reads a line, which is good until the next one is read.
func (w *wire) line() ([]byte, error) {
	line, err := w.in.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		long := bytes.Clone(line)
		for errors.Is(err, bufio.ErrBufferFull) && len(long) < maxLine {
			line, err = w.in.ReadSlice('\n')
			long = append(long, line...)
		}
		line = long
	}
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, fmt.Errorf("reading the answer: %w", err)
	}
	return bytes.TrimRight(line, "\r\n"), nil
}

// chunks reads a chunked body, RFC 9112 section 7.1.
func (w *wire) chunks() error {
	for {
		line, err := w.line()
		if err != nil {
			return err
		}
		size, _, _ := bytes.Cut(line, []byte{';'})
		n, err := strconv.ParseInt(string(bytes.TrimSpace(size)), 16, 64)
		if err != nil || n < 0 {
			return errAnswer
		}
		if n == 0 {
			break
		}
		if _, err := io.CopyN(io.Discard, w.in, n+2); err != nil {
			return err
		}
	}
	for { // trailers
		line, err := w.line()
		if err != nil || len(line) == 0 {
			return err
		}
	}
}
