package verifiers

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/url"
	"strings"
)

const (
	maxFields = 1000
	mediaForm = "application/x-www-form-urlencoded"
	mediaPart = "multipart/form-data"
)

// What a Request has decoded.
type (
	document struct {
		done  bool
		value any
		err   error
	}
	form struct {
		done   bool
		values url.Values
		err    error
	}
	query struct {
		raw    string // of which the others are made
		values url.Values
		err    error
	}
)

// JSON returns the body decoded as by encoding/json with UseNumber: one value
// and nothing after it, in UTF-8, and strict if [Request.Strictly] says so. It is
// decoded at most once. The result is shared and read-only, and its strings are
// parts of one copy of the body: what is kept of them for longer is to be cloned.
// The error is, or wraps, [ErrMalformed] or is a [*StrictError].
func (r *Request) JSON() (any, error) {
	if r.document.done {
		return r.document.value, r.document.err
	}
	if !r.members.done {
		held := r.trees
		r.trees = wholeTree
		r.scan()
		r.trees = held
	}
	switch m := &r.members; {
	case r.document.done:
	case m.err != nil:
		r.document = document{done: true, err: m.err}
	case m.fault != nil:
		r.document = document{done: true, err: m.fault}
	default: // it was read and not decoded
		f, err := r.read(order{want: &noPointers, tree: wholeTree})
		r.document = document{done: true, value: f.tree, err: err}
	}
	return r.document.value, r.document.err
}

// Form returns the fields of a form body, URL-encoded or multipart; files in it
// are left out. It is decoded at most once.
// The result is shared and read-only. The error is, or wraps, [ErrMalformed].
func (r *Request) Form() (url.Values, error) {
	if !r.form.done {
		r.form.values, r.form.err = decodeForm(r.Body, r.Header.Get("Content-Type"))
		r.form.done = true
	}
	return r.form.values, r.form.err
}

// parameters returns the parameters of the URL.
func (r *Request) parameters() (url.Values, error) {
	if r.URL == nil || r.URL.RawQuery == "" {
		return nil, nil
	}
	if r.query.raw != r.URL.RawQuery {
		values, err := url.ParseQuery(r.URL.RawQuery)
		if err != nil {
			err = fmt.Errorf("decoding the query: %w", ErrMalformed)
		}
		r.query = query{r.URL.RawQuery, values, err}
	}
	return r.query.values, r.query.err
}

// media returns the body's media type without parameters, "" if there is none.
func (r *Request) media() string {
	values := r.Header["Content-Type"]
	if len(values) != 1 {
		return ""
	}
	media, _, _ := strings.Cut(values[0], ";")
	return strings.ToLower(strings.TrimSpace(media))
}

// MayBeJSON reports whether sources look for members in the body: if it is not
// empty and its media type does not say that it is something else.
func (r *Request) MayBeJSON() bool { return r.mayBeJSON() }

// mayBeJSON reports whether the body could be JSON by its media type. Many
// senders of JSON say text/plain or nothing.
func (r *Request) mayBeJSON() bool {
	media := r.media()
	return len(r.Body) > 0 && media != mediaForm && !strings.HasPrefix(media, "multipart/") &&
		!strings.HasSuffix(media, "/xml") && !strings.HasSuffix(media, "+xml")
}

func (r *Request) isForm() bool {
	media := r.media()
	return media == mediaForm || media == mediaPart
}

// decodeJSON decodes a text as JSON does.
func decodeJSON(text []byte) (any, error) {
	f, err := order{want: &noPointers, tree: wholeTree}.read(text)
	return f.tree, err
}

func decodeForm(body []byte, contentType string) (url.Values, error) {
	if media, params, err := mime.ParseMediaType(contentType); err == nil && media == mediaPart {
		return decodeParts(body, params["boundary"])
	}
	values, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, fmt.Errorf("decoding the form: %w", ErrMalformed)
	}
	return values, nil
}

func decodeParts(body []byte, boundary string) (url.Values, error) {
	values := url.Values{}
	if boundary == "" {
		return nil, fmt.Errorf("decoding the form: no boundary: %w", ErrMalformed)
	}
	reader := multipart.NewReader(bytes.NewReader(body), boundary)
	for range maxFields {
		part, err := reader.NextRawPart()
		if errors.Is(err, io.EOF) {
			return values, nil
		}
		if err != nil {
			break
		}
		data, err := io.ReadAll(part)
		if err != nil {
			break
		}
		if name := part.FormName(); name != "" && part.FileName() == "" {
			values.Add(name, string(data))
		}
	}
	return nil, fmt.Errorf("decoding the form: %w", ErrMalformed)
}

var unescapePointer = strings.NewReplacer("~1", "/", "~0", "~")

func arrayIndex(s string) (n int, ok bool) {
	if s == "" || len(s) > 9 || len(s) > 1 && s[0] == '0' {
		return 0, false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + int(s[i]-'0')
	}
	return n, true
}
