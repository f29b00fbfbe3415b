package conformance

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// maxAnswer is how much of an answer's body is read.
const maxAnswer = 64 << 10

// wire is how a request is written where that is not the usual way.
type wire struct {
	rename  func(name string) string        // how the name of a header is written
	value   func(name, value string) string // how its value is
	extra   []string                        // lines after the headers
	target  string                          // instead of path and query
	chunked bool
	length  string // instead of the true Content-Length; "none" for no such header
}

// answer is what came back. Either err is nil or nothing else is set.
type answer struct {
	status int
	header http.Header
	body   []byte
	took   time.Duration
	err    error
}

func (a *answer) ok() bool { return a.err == nil && a.status/100 == 2 }

// errTimeout means that no answer came in time.
var errTimeout = errors.New("no answer came in time")

// errRefused means that no connection could be made.
var errRefused = errors.New("no connection")

// dial connects to the receiver.
func (r *runner) dial(ctx context.Context) (net.Conn, error) {
	u := r.target.URL
	port := u.Port()
	if port == "" {
		port = "80"
		if u.Scheme == "https" {
			port = "443"
		}
	}
	d := net.Dialer{Timeout: r.timeout}
	conn, err := d.DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errRefused, err)
	}
	if u.Scheme != "https" {
		return conn, nil
	}
	secure := tls.Client(conn, &tls.Config{ServerName: u.Hostname(), NextProtos: []string{"http/1.1"}, MinVersion: tls.VersionTLS12})
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("%w: %w", errRefused, err)
	}
	return secure, nil
}

// render writes a request as HTTP/1.1: the head, and the body as it is framed.
func (r *runner) render(e *event) (head, body []byte) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\n", e.req.Method, r.requestTarget(e))
	for _, f := range r.fields(e) {
		b.WriteString(f[0] + ": " + f[1] + "\r\n")
	}
	for _, line := range e.wire.extra {
		b.WriteString(line + "\r\n")
	}
	b.WriteString("\r\n")
	if !e.wire.chunked {
		return b.Bytes(), e.req.Body
	}
	var framed bytes.Buffer
	for chunk := range slices.Chunk(e.req.Body, 1000) {
		fmt.Fprintf(&framed, "%x\r\n%s\r\n", len(chunk), chunk)
	}
	framed.WriteString("0\r\n\r\n")
	return b.Bytes(), framed.Bytes()
}

func (r *runner) requestTarget(e *event) string {
	if e.wire.target != "" {
		return e.wire.target
	}
	u := *r.target.URL
	if e.req.URL.RawQuery != r.public().RawQuery {
		u.RawQuery = e.req.URL.RawQuery // the signature is in the URL, or it was changed
	}
	return u.RequestURI()
}

// fields are the headers as they are written, in a fixed order.
func (r *runner) fields(e *event) [][2]string {
	header := e.req.Header.Clone()
	host := header.Get("Host")
	if host == "" {
		host = r.target.URL.Host
	}
	header.Del("Host")
	if header.Get("User-Agent") == "" {
		header.Set("User-Agent", "caddy-webhooks-conformance/1")
	}
	if header.Get("Accept") == "" {
		header.Set("Accept", "*/*")
	}
	list := [][2]string{{"Host", host}}
	for _, name := range slices.Sorted(maps.Keys(header)) {
		for _, value := range header[name] {
			written, text := name, value
			if e.wire.rename != nil {
				written = e.wire.rename(name)
			}
			if e.wire.value != nil {
				text = e.wire.value(name, value)
			}
			list = append(list, [2]string{written, text})
		}
	}
	switch {
	case e.wire.chunked:
		list = append(list, [2]string{"Transfer-Encoding", "chunked"})
	case e.wire.length != "":
		if e.wire.length != "none" {
			list = append(list, [2]string{"Content-Length", e.wire.length})
		}
	case len(e.req.Body) > 0 || e.req.Method != http.MethodGet && e.req.Method != http.MethodHead:
		list = append(list, [2]string{"Content-Length", strconv.Itoa(len(e.req.Body))})
	}
	return list
}

// exchange sends a request on a connection of its own.
func (r *runner) exchange(ctx context.Context, e *event) answer {
	conn, err := r.dial(ctx)
	if err != nil {
		return answer{err: err}
	}
	defer conn.Close()
	return r.on(ctx, conn, bufio.NewReader(conn), e)
}

// on sends a request on a connection and reads the answer.
func (r *runner) on(ctx context.Context, conn net.Conn, in *bufio.Reader, e *event) answer {
	head, body := r.render(e)
	started := time.Now()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	_ = conn.SetDeadline(started.Add(r.timeout))
	r.requests.Add(1)
	// The answer may come, and the connection may be closed, before all is sent.
	written := make(chan struct{})
	go func() {
		defer close(written)
		if _, err := conn.Write(head); err == nil {
			_, _ = conn.Write(body)
		}
	}()
	a := readAnswer(in, e.req.Method)
	a.took = time.Since(started)
	if a.err != nil {
		_ = conn.Close() // so that the writer ends
	} else {
		_ = conn.SetWriteDeadline(time.Now().Add(time.Second))
	}
	<-written
	_ = conn.SetDeadline(time.Time{})
	return a
}

func readAnswer(in *bufio.Reader, method string) answer {
	for {
		res, err := http.ReadResponse(in, &http.Request{Method: method})
		if err != nil {
			return answer{err: said(err)}
		}
		body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
		_ = res.Body.Close()
		if res.StatusCode/100 == 1 {
			continue
		}
		if err != nil {
			return answer{err: fmt.Errorf("the answer has status %d and is cut: %w", res.StatusCode, said(err))}
		}
		return answer{status: res.StatusCode, header: res.Header, body: body}
	}
}

// said turns errors of the network into words without addresses.
func said(err error) error {
	var netErr net.Error
	switch {
	case errors.As(err, &netErr) && netErr.Timeout():
		return errTimeout
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("the connection was closed without an answer")
	}
	if _, ok := errors.AsType[*net.OpError](err); ok {
		return errors.New("the connection was reset without an answer")
	}
	return err
}

// curl is a command line that sends the request.
func (r *runner) curl(e *event) string {
	const maxShown = 2000
	var b strings.Builder
	b.WriteString("curl -i")
	if e.req.Method != http.MethodGet {
		b.WriteString(" -X " + e.req.Method)
	}
	u := *r.target.URL
	b.WriteString(" " + quote(u.Scheme+"://"+u.Host+r.requestTarget(e)))
	for _, f := range r.fields(e) {
		switch f[0] {
		case "Host":
			if f[1] == u.Host {
				continue
			}
		case "Content-Length", "User-Agent", "Accept":
			continue
		}
		if r.places.Secret && strings.EqualFold(f[0], leaf(r.places.Signature).Header) {
			f[1] = "<token>" // it is the secret, or good for as long as it is valid
		}
		b.WriteString(" -H " + quote(f[0]+": "+f[1]))
	}
	switch {
	case len(e.req.Body) == 0:
	case len(e.req.Body) > maxShown:
		fmt.Fprintf(&b, " --data-binary @body   # %d bytes", len(e.req.Body))
	default:
		b.WriteString(" --data-binary " + quote(string(e.req.Body)))
	}
	text := b.String()
	if len(text) > 3*maxShown {
		return "" // it is no command line that anybody could use
	}
	if r.places.Secret && e.good != "" {
		text = strings.NewReplacer(e.good, "<token>", url.QueryEscape(e.good), "<token>").Replace(text)
	}
	return r.redact(text)
}

// quote writes a word for a shell, with bytes that are no text escaped.
func quote(s string) string {
	plain := true
	for i := range len(s) {
		plain = plain && s[i] >= ' ' && s[i] != 0x7f && s[i] < 0x80
	}
	if plain {
		return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
	}
	var b strings.Builder
	b.WriteString("$'")
	for i := range len(s) {
		switch c := s[i]; {
		case c == '\'' || c == '\\':
			b.WriteString(`\` + string(c))
		case c < ' ' || c >= 0x7f:
			fmt.Fprintf(&b, `\x%02x`, c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String() + "'"
}

// event is a request, and how it goes on the wire.
type event struct {
	req  *verifiers.Request
	wire wire
	good string // the signature that would be right: no answer may hold it
}

// copied is a request like req that can be changed.
func copied(req *verifiers.Request) *verifiers.Request {
	u := *req.URL
	return &verifiers.Request{
		Method: req.Method, URL: &u, Header: req.Header.Clone(), Body: slices.Clone(req.Body), Remote: req.Remote, Peer: req.Peer,
	}
}
