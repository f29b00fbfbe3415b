package capture

import (
	"bytes"
	"strconv"
	"strings"
)

const (
	maxLine  = 1 << 20
	maxLines = 10_000
)

// isRaw reports whether a text begins like a request: with a request line, or with
// the pseudo headers that browsers show.
func isRaw(text []byte) bool {
	line, _, _ := bytes.Cut(text, []byte("\n"))
	first := strings.TrimRight(string(line[:min(len(line), maxLine)]), "\r")
	if strings.HasPrefix(first, ":") {
		return true
	}
	method, rest, ok := strings.Cut(first, " ")
	if ok && isToken(method) && strings.ToUpper(method) == method && strings.TrimSpace(rest) != "" {
		return true
	}
	name, _, ok := strings.Cut(first, ":")
	return ok && isToken(name)
}

// parseRaw reads an HTTP/1.x request, or one of HTTP/2 as browsers show it. The body
// is everything after the empty line, exactly.
func parseRaw(data []byte) (*Request, error) {
	rest := withoutBOM(data)
	for len(rest) > 0 && (rest[0] == '\n' || rest[0] == '\r') {
		rest = rest[1:]
	}
	r := newRequest()
	var p pseudo
	number := 0
	line, next := nextLine(rest)
	method, target, ok := requestLine(line)
	name, _, isField := strings.Cut(strings.TrimPrefix(line, ":"), ":")
	switch {
	case ok:
		rest, number = next, 1
	case line != "" && line[0] == ':': // HTTP/2
	case isField && isToken(name):
		r.note("there is no request line: it is taken for a POST")
	default:
		return nil, unreadable("line 1: %q is not the first line of a request, such as POST /path HTTP/1.1", shortened(line))
	}
	body, err := r.headers(&p, rest, number)
	if err != nil {
		return nil, err
	}
	if method == "" {
		method = p.method
	}
	if err := r.setMethod(method); err != nil {
		return nil, err
	}
	if err := r.address(target, p); err != nil {
		return nil, err
	}
	return r, r.body(body)
}

// requestLine takes the first line apart. The version may be missing.
func requestLine(line string) (method, target string, ok bool) {
	method, rest, ok := strings.Cut(line, " ")
	if !ok || !isToken(method) {
		return "", "", false
	}
	target = strings.TrimSpace(rest)
	if i := strings.LastIndexByte(target, ' '); i >= 0 {
		if version := target[i+1:]; !strings.HasPrefix(version, "HTTP/") {
			return "", "", false
		}
		target = strings.TrimSpace(target[:i])
	}
	return method, target, target != "" && !strings.Contains(target, " ")
}

// nextLine cuts a line off, without its end.
func nextLine(data []byte) (line string, rest []byte) {
	raw, rest, _ := bytes.Cut(data, []byte("\n"))
	return string(bytes.TrimSuffix(raw, []byte("\r"))), rest
}

// headers reads the header section and returns what follows the empty line.
func (r *Request) headers(p *pseudo, data []byte, number int) ([]byte, error) {
	last := ""
	for len(data) > 0 {
		var line string
		line, data = nextLine(data)
		number++
		if line == "" {
			return data, nil
		}
		if number > maxLines || len(line) > maxLine {
			return nil, unreadable("line %d: the headers are too long", number)
		}
		if (line[0] == ' ' || line[0] == '\t') && last != "" {
			values := r.Header[last]
			values[len(values)-1] += " " + strings.TrimSpace(line)
			r.note("the header %s is folded over several lines", last)
			continue
		}
		colon := strings.IndexByte(line[1:], ':') + 1
		if colon == 0 && line[0] == ':' && len(data) > 0 {
			// As Chrome copies it: the name in one line, the value in the next.
			var value string
			value, data = nextLine(data)
			number++
			line, colon = line+":"+value, len(line)
		}
		if colon == 0 {
			return nil, unreadable("line %d: %q is not a header, such as Content-Type: application/json; "+
				"the body begins after an empty line", number, shortened(line))
		}
		name := line[:colon]
		if !r.field(p, strings.TrimRight(name, " \t"), strings.Trim(line[colon+1:], " \t")) {
			return nil, unreadable("line %d: %q is not the name of a header", number, shortened(name))
		}
		if last = ""; name[0] != ':' {
			last = canonical(strings.TrimRight(name, " \t"))
		}
	}
	return nil, nil
}

// body takes the transfer coding off, and compares the length.
func (r *Request) body(body []byte) error {
	r.Body = body
	for _, value := range r.Header["Transfer-Encoding"] {
		if !strings.EqualFold(strings.TrimSpace(value), "chunked") {
			continue
		}
		if plain, ok := unchunked(body); ok {
			r.Body = plain
			return nil
		}
	}
	values := r.Header["Content-Length"]
	if len(values) == 0 {
		return nil
	}
	n, err := strconv.ParseInt(values[0], 10, 64)
	switch {
	case err != nil || n < 0:
		r.note("Content-Length %q is not a number", shortened(values[0]))
	case int64(len(body)) > n:
		r.note("the body has %d bytes, %d more than Content-Length says", len(body), int64(len(body))-n)
	case int64(len(body)) < n:
		r.note("the body has %d bytes, %d less than Content-Length says: it was cut, or changed", len(body), n-int64(len(body)))
	}
	return nil
}

// unchunked decodes the transfer coding "chunked". Tools often have done it already:
// it returns false then.
func unchunked(body []byte) ([]byte, bool) {
	var out []byte
	for {
		line, rest, found := bytes.Cut(body, []byte("\n"))
		if !found && len(rest) == 0 && string(bytes.TrimSpace(line)) != "0" {
			return nil, false
		}
		size, _, _ := strings.Cut(strings.TrimSpace(string(line[:min(len(line), 64)])), ";")
		n, err := strconv.ParseUint(strings.TrimSpace(size), 16, 31)
		if err != nil {
			return nil, false
		}
		if n == 0 {
			return out, true
		}
		if uint64(len(rest)) < n {
			return nil, false
		}
		out = append(out, rest[:n]...)
		body = bytes.TrimPrefix(bytes.TrimPrefix(rest[n:], []byte("\r")), []byte("\n"))
	}
}
