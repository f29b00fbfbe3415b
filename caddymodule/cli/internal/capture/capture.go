// Package capture reads captured HTTP requests: as text of HTTP/1.x, from a HAR
// file, a curl command line, and the JSON of `caddy webhooks`. It executes
// nothing, and reads no file unless it is given a function for that.
package capture

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
	"time"
)

// Limit is the size of the largest capture in bytes.
const Limit = 32 << 20

// maxRequests bounds how many requests one capture may hold.
const maxRequests = 100_000

// ErrUnreadable means that a capture is not what it should be.
var ErrUnreadable = errors.New("unreadable capture")

// A Format is a way to write requests down.
type Format string

// The formats.
const (
	Raw  Format = "raw"  // an HTTP/1.x request as text
	HAR  Format = "har"  // HTTP Archive 1.2
	Curl Format = "curl" // a curl command line
	JSON Format = "json" // of `caddy webhooks`: sign, quarantine show, tail
)

// Formats are all of them.
var Formats = []Format{Raw, HAR, Curl, JSON}

// A Request is one captured request.
type Request struct {
	// Label says which of several it is: "entry 2", "sequence 7".
	Label string
	// Method is in upper case.
	Method string
	// URL is absolute, or lacks scheme and host if the capture does not say them.
	URL *url.URL
	// GuessedScheme means that the scheme is not in the capture.
	GuessedScheme bool
	// Header has canonical names, Host left out.
	Header http.Header
	// Body is as captured.
	Body []byte
	// Time is when it was captured; zero if the capture does not say it.
	Time time.Time
	// Provider is the sender's name in the catalogue, if the capture says it.
	Provider string
	// Withheld are headers that the request had, and whose values are not there.
	Withheld []string
	// Notes are what is doubtful about the capture, one sentence each.
	Notes []string
}

// Options say how to read.
type Options struct {
	// Format is the one to read; empty means that it is recognised.
	Format Format
	// ReadFile reads the files that a curl command line names. Nil means that none
	// is read.
	ReadFile func(name string) ([]byte, error)
}

// Parse reads the requests of a capture, and says in which format they were. The
// error wraps [ErrUnreadable] and says where the trouble is. There is at least one
// request if it is nil.
func Parse(data []byte, o Options) ([]Request, Format, error) {
	if len(data) > Limit {
		return nil, "", unreadable("it is larger than %d MiB", Limit>>20)
	}
	format := o.Format
	if format == "" {
		var err error
		if format, err = Recognise(data); err != nil {
			return nil, "", err
		}
	}
	var list []Request
	var err error
	switch format {
	case Raw:
		list, err = one(parseRaw(data))
	case HAR:
		list, err = parseHAR(data)
	case Curl:
		list, err = one(parseCurl(data, o.ReadFile))
	case JSON:
		list, err = parseOwn(data)
	default:
		return nil, "", unreadable("there is no format %q: it is raw, har, curl or json", format)
	}
	if err != nil {
		return nil, format, err
	}
	if len(list) == 0 {
		return nil, format, unreadable("there is no request in it")
	}
	return list, format, nil
}

// Recognise says in which format a capture is. The error wraps [ErrUnreadable].
func Recognise(data []byte) (Format, error) {
	text := bytes.TrimLeft(withoutBOM(data), " \t\r\n")
	switch {
	case len(text) == 0:
		return "", unreadable("it is empty")
	case text[0] == '{':
		if isHAR(text) {
			return HAR, nil
		}
		return JSON, nil
	case isCurl(text):
		return Curl, nil
	case isRaw(text):
		return Raw, nil
	}
	return "", unreadable("it is neither an HTTP request, nor a HAR file, nor a curl command line, nor JSON of `caddy webhooks`: name the format with --format")
}

func one(r *Request, err error) ([]Request, error) {
	if err != nil {
		return nil, err
	}
	return []Request{*r}, nil
}

func unreadable(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrUnreadable}, args...)...)
}

func withoutBOM(data []byte) []byte { return bytes.TrimPrefix(data, []byte("\ufeff")) }

// newRequest returns a request without anything.
func newRequest() *Request { return &Request{Header: http.Header{}} }

func (r *Request) note(format string, args ...any) {
	r.Notes = append(r.Notes, fmt.Sprintf(format, args...))
}

// pseudo are the header fields of HTTP/2 and HTTP/3 that are no headers.
type pseudo struct{ method, scheme, authority, path string }

// field adds a header, or keeps a pseudo header. It returns false if the name can be
// neither.
func (r *Request) field(p *pseudo, name, value string) bool {
	switch strings.ToLower(name) {
	case ":method":
		p.method = value
	case ":scheme":
		p.scheme = value
	case ":authority":
		p.authority = value
	case ":path":
		p.path = value
	default:
		if !isToken(name) {
			return false
		}
		canonical := textproto.CanonicalMIMEHeaderKey(name)
		r.Header[canonical] = append(r.Header[canonical], value)
	}
	return true
}

// address puts the URL together. The header Host is what the sender addressed, and
// is taken out of the headers, as a server does.
func (r *Request) address(target string, p pseudo) error {
	if target == "" {
		target = p.path
	}
	host := r.Header.Get("Host")
	if len(r.Header["Host"]) > 1 {
		r.note("the header Host is there %d times: the first counts", len(r.Header["Host"]))
	}
	r.Header.Del("Host")
	if host == "" {
		host = p.authority
	}
	u, err := url.Parse(target)
	if err != nil || u.Opaque != "" || target != "" && target[0] != '/' && !u.IsAbs() && target != "*" {
		return unreadable("%q is not the target of a request: it is a path, or a URL in full", shortened(target))
	}
	if u.IsAbs() && u.Host == "" {
		return unreadable("the URL %q has no host", shortened(target))
	}
	u.Fragment, u.RawFragment, u.User = "", "", nil
	if host != "" {
		if strings.ContainsAny(host, "/ ?#@\\") {
			return unreadable("%q is not a host", shortened(host))
		}
		u.Host = host
	}
	if u.Scheme == "" {
		u.Scheme = strings.ToLower(p.scheme)
	}
	switch u.Scheme {
	case "http", "https":
	case "":
		u.Scheme, r.GuessedScheme = "https", true
	default:
		return unreadable("%q is not a scheme of HTTP", shortened(u.Scheme))
	}
	if u.Host == "" {
		r.note("the capture does not say which host was asked")
	}
	r.URL = u
	return nil
}

// setMethod checks and sets the method.
func (r *Request) setMethod(method string) error {
	if method == "" {
		method = http.MethodPost
	}
	if !isToken(method) {
		return unreadable("%q is not a method", shortened(method))
	}
	r.Method = strings.ToUpper(method)
	return nil
}

// isToken reports whether s can be a method or the name of a header, RFC 9110.
func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`"(),/:;<=>?@[\]{}`, c) >= 0 {
			return false
		}
	}
	return s != ""
}

// shortened is for texts of captures in errors.
func shortened(s string) string {
	const most = 40
	if len(s) > most {
		return s[:most] + "..."
	}
	return s
}
