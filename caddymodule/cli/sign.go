package cli

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// The forms in which [Sign] prints a request.
const (
	FormRaw     = ""        // as it is on the wire
	FormCurl    = "curl"    // a command line
	FormHeaders = "headers" // without the body
	FormJSON    = "json"
)

// maxArgument is the length of the longest body that is an argument of curl. Linux
// takes 128 KiB.
const maxArgument = 64 << 10

// SignOptions say what to sign, and how to print it.
type SignOptions struct {
	// SendOptions say what the request is. What they say about sending does not
	// count, and URL may be empty.
	SendOptions
	// Form is one of the forms.
	Form string
}

// signedRequest is a request in JSON.
type signedRequest struct {
	Method     string            `json:"method"`
	URL        string            `json:"url"`
	Headers    map[string]string `json:"headers"`
	Body       *string           `json:"body,omitempty"`
	BodyBase64 *string           `json:"body_base64,omitempty"`
}

// Sign prints a request as the provider would send it, signed now, and sends
// nothing. The error wraps [ErrUsage] or [ErrNotSignable] as that of [Send].
func Sign(o SignOptions, out io.Writer) error {
	p, err := o.provider()
	if err != nil {
		return err
	}
	if err := signable(p); err != nil {
		return err
	}
	if err := o.Faults.check(); err != nil {
		return err
	}
	if o.Faults.Duplicate != 0 || o.Faults.Slow != 0 {
		return fmt.Errorf("%w: --duplicate and --slow are about sending", ErrUsage)
	}
	given := o.URL != ""
	if !given {
		o.URL = "https://hooks.example.com/" + p.Name
	}
	s, err := newSender(p, &o.SendOptions)
	if err != nil {
		return err
	}
	m, err := s.message(time.Now())
	if err != nil {
		return err
	}
	if !given && s.signsURL(m.req) {
		o.note("%s signs the URL, and this is for %s: name the receiver's with --url", p.Name, o.URL)
	}
	if placer, ok := p.Scheme.(verifiers.Placer); ok && placer.Places().Secret && !isJWT(p) {
		o.note("a request of %s carries the secret itself: keep this output to yourself", p.Name)
	}
	return printRequest(out, m, o.Form)
}

func isJWT(p verifiers.Provider) bool {
	_, ok := p.Scheme.(verifiers.JWT)
	return ok
}

// signsURL reports whether a receiver at another URL would refuse the request.
func (s *sender) signsURL(req *verifiers.Request) bool {
	if placer, ok := s.provider.Scheme.(verifiers.Placer); ok && placer.Places().Covers.URL {
		return true
	}
	key, err := s.config.Keys.Keys(nil, "") //nolint:staticcheck // these keys need no context
	if err != nil || len(key) == 0 || s.newVerifier(key[0]) != nil {
		return false
	}
	if _, err := s.verifier.Verify(nil, s.received(req)); err != nil { //nolint:staticcheck // as above
		return false // it says nothing
	}
	other := s.received(req)
	u := *req.URL
	u.Host, u.Path, u.RawPath = "other.example.com", "/other", ""
	other.URL = &u
	_, err = s.verifier.Verify(nil, other) //nolint:staticcheck // as above
	return err != nil
}

func printRequest(out io.Writer, m *message, form string) error {
	var text []byte
	switch form {
	case FormCurl:
		text = curl(m)
	case FormHeaders:
		var b bytes.Buffer
		writeHeader(&b, m, "\n")
		text = b.Bytes()
	case FormJSON:
		r := signedRequest{Method: m.req.Method, URL: m.target.String(), Headers: map[string]string{}}
		for name, values := range m.req.Header {
			r.Headers[name] = strings.Join(values, ", ")
		}
		if body := string(m.req.Body); utf8.ValidString(body) {
			r.Body = &body
		} else {
			encoded := base64.StdEncoding.EncodeToString(m.req.Body)
			r.BodyBase64 = &encoded
		}
		return printJSON(out, r)
	case FormRaw:
		text = rawRequest(m)
	default:
		return fmt.Errorf("%w: there is no form %q of a request", ErrUsage, form)
	}
	if _, ok := terminal(out); ok && !plain(text) {
		return fmt.Errorf("%w: the request has bytes that a terminal could take for commands: send the output to a file, or use --json", ErrUsage)
	}
	if _, ok := terminal(out); ok && !bytes.HasSuffix(text, []byte("\n")) {
		text = append(text, '\n') // for the prompt
	}
	_, err := out.Write(text)
	return err
}

// plain reports whether a terminal takes nothing in the text for a command.
func plain(text []byte) bool {
	s := strings.ReplaceAll(string(text), "\r\n", "\n")
	return visible(s, true) == s
}

// rawRequest is the request as it is on the wire in HTTP/1.1.
func rawRequest(m *message) []byte {
	b := requestHead(m)
	return append(b, m.req.Body...)
}

// requestHead is all of the request that comes before its body.
func requestHead(m *message) []byte {
	var b bytes.Buffer
	b.Grow(1 << 10)
	b.WriteString(m.req.Method)
	b.WriteByte(' ')
	b.WriteString(m.target.RequestURI())
	b.WriteString(" HTTP/1.1\r\n")
	writeHeader(&b, m, "\r\n")
	b.WriteString("\r\n")
	return b.Bytes()
}

// writeHeader writes the headers in order, Host first, with the length of the body.
func writeHeader(b *bytes.Buffer, m *message, end string) {
	line := func(name, value string) {
		b.WriteString(name)
		b.WriteString(": ")
		if strings.ContainsAny(value, "\r\n") {
			value = oneLine.Replace(value)
		}
		b.WriteString(value)
		b.WriteString(end)
	}
	h := m.req.Header
	line("Host", or(h.Get("Host"), m.target.Host))
	var room [16]string
	names := room[:0]
	for name := range h {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if name == "Host" || name == "Content-Length" {
			continue
		}
		for _, value := range h[name] {
			line(name, value)
		}
	}
	if len(m.req.Body) > 0 || m.req.Method == http.MethodPost || m.req.Method == http.MethodPut {
		line("Content-Length", strconv.Itoa(len(m.req.Body)))
	}
}

var oneLine = strings.NewReplacer("\r", " ", "\n", " ")

// curl is a command line for a POSIX shell, or for one that knows $'…' if the body
// has characters that are not printable.
func curl(m *message) []byte {
	var b strings.Builder
	body := m.req.Body
	asInput := len(body) > maxArgument || !utf8.Valid(body) || bytes.IndexByte(body, 0) >= 0
	if asInput {
		b.WriteString("base64 -d <<'END' | ")
	}
	b.WriteString("curl")
	switch m.req.Method {
	case http.MethodHead:
		b.WriteString(" --head")
	case http.MethodGet:
	case http.MethodPost:
		if len(body) == 0 {
			b.WriteString(" --request POST")
		}
	default:
		b.WriteString(" --request " + shellQuoted(m.req.Method))
	}
	target := m.target.String()
	if strings.ContainsAny(target, "[]{}") {
		b.WriteString(" --globoff")
	}
	if dots(m.target) {
		b.WriteString(" --path-as-is")
	}
	b.WriteString(" " + shellQuoted(target))
	for _, name := range slices.Sorted(maps.Keys(m.req.Header)) {
		for _, value := range m.req.Header[name] {
			header := name + ": " + oneLine.Replace(value)
			if value == "" {
				header = name + ";" // as curl writes an empty one
			}
			b.WriteString(" \\\n  --header " + shellQuoted(header))
		}
	}
	switch {
	case asInput:
		b.WriteString(" \\\n  --data-binary @-\n" + folded(base64.StdEncoding.EncodeToString(body)) + "END\n")
		return []byte(b.String())
	case len(body) > 0:
		// Unlike --data-binary, it takes a @ at the beginning as it is.
		b.WriteString(" \\\n  --data-raw " + shellQuoted(string(body)))
	}
	b.WriteString("\n")
	return []byte(b.String())
}

// dots reports whether curl would shorten the path.
func dots(u *url.URL) bool {
	for part := range strings.SplitSeq(u.EscapedPath(), "/") {
		if part == "." || part == ".." {
			return true
		}
	}
	return false
}

// shellQuoted is text as one word of a shell: in single quotes, or as $'…' if something in
// it is not printable.
func shellQuoted(text string) string {
	if visible(text, false) == text {
		return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
	}
	var b strings.Builder
	b.WriteString("$'")
	for _, r := range text {
		switch {
		case r == '\\' || r == '\'':
			b.WriteString(`\` + string(r))
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case visible(string(r), false) == string(r):
			b.WriteRune(r)
		default:
			// In octal, of three digits: what follows could be a digit.
			for _, c := range []byte(string(r)) {
				fmt.Fprintf(&b, `\%03o`, c)
			}
		}
	}
	return b.String() + "'"
}

// folded cuts base64 into lines.
func folded(text string) string {
	var b strings.Builder
	for len(text) > 76 {
		b.WriteString(text[:76] + "\n")
		text = text[76:]
	}
	return b.String() + text + "\n"
}
