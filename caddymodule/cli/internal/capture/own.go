package capture

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"
)

// ownRecord is what the commands write of a request: `sign --json` the members up to
// the body, `quarantine show --json` those and the next ones, and `tail --json` the
// last ones.
type ownRecord struct {
	Method     string     `json:"method"`
	URL        string     `json:"url"`
	Headers    ownHeaders `json:"headers"`
	Body       *string    `json:"body"`
	BodyBase64 *[]byte    `json:"body_base64"`
	Provider   string     `json:"provider"`

	Sequence uint64          `json:"sequence"`
	Kind     string          `json:"kind"`
	Received time.Time       `json:"received"`
	Redacted []string        `json:"redacted"`
	Batch    json.RawMessage `json:"batch"`
	Size     *int            `json:"size"`

	Stream        string    `json:"stream"`
	Seq           uint64    `json:"seq"`
	Time          time.Time `json:"time"`
	Payload       *string   `json:"payload"`
	PayloadBase64 []byte    `json:"payload_base64"`
	PayloadError  string    `json:"payload_error"`
}

// ownHeaders are headers by name, each with one value or with several.
type ownHeaders map[string][]string

func (h *ownHeaders) UnmarshalJSON(text []byte) error {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(text, &raw); err != nil {
		return err
	}
	*h = make(ownHeaders, len(raw))
	for name, value := range raw {
		var single string
		if json.Unmarshal(value, &single) == nil {
			(*h)[name] = []string{single}
			continue
		}
		var list []string
		if err := json.Unmarshal(value, &list); err != nil {
			return fmt.Errorf("header %q: %w", shortened(name), err)
		}
		(*h)[name] = list
	}
	return nil
}

// parseOwn reads objects, one after the other.
func parseOwn(data []byte) ([]Request, error) {
	dec := json.NewDecoder(bytes.NewReader(withoutBOM(data)))
	var list []Request
	for n := 1; ; n++ {
		var raw json.RawMessage
		err := dec.Decode(&raw)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, unreadable("object %d is not JSON: %v", n, err)
		}
		if n > maxRequests {
			return nil, unreadable("it has more than %d objects", maxRequests)
		}
		var o ownRecord
		if err := decodeJSON(raw, &o); err != nil {
			return nil, fmt.Errorf("object %d: %w", n, err)
		}
		r, err := o.parse()
		if err != nil {
			return nil, fmt.Errorf("object %d: %w", n, err)
		}
		if r.Label == "" {
			r.Label = fmt.Sprintf("object %d", n)
		}
		list = append(list, *r)
	}
	if len(list) == 1 && strings.HasPrefix(list[0].Label, "object ") {
		list[0].Label = ""
	}
	return list, nil
}

func (o *ownRecord) parse() (*Request, error) {
	switch {
	case o.Stream != "" && o.Seq > 0:
		return o.event()
	case o.Method == "" && o.Sequence > 0 && o.BodyBase64 == nil:
		return nil, unreadable("it is a line of a list, without the request: write it with `caddy webhooks quarantine show %d --json`", o.Sequence)
	case o.Method == "" && o.Sequence > 0:
		return nil, unreadable("the request of the event %d was not kept in quarantine", o.Sequence)
	case o.URL == "" && o.Headers == nil:
		return nil, unreadable("it has no members method, url and headers: it is written by `caddy webhooks sign`, `quarantine show` and `tail`, each with --json")
	}
	r := newRequest()
	if o.Sequence > 0 {
		r.Label = fmt.Sprintf("sequence %d", o.Sequence)
	}
	if len(o.Batch) > 0 && string(o.Batch) != "null" {
		return nil, unreadable("it is one event of a batch, and the rest of the request, which is signed as a whole, was not kept")
	}
	r.Provider, r.Time, r.Withheld = o.Provider, o.Received, slices.Clone(o.Redacted)
	switch {
	case o.BodyBase64 != nil:
		r.Body = *o.BodyBase64
	case o.Body != nil:
		r.Body = []byte(*o.Body)
	}
	return r, o.fill(r, o.Method, o.URL, o.Headers)
}

func (o *ownRecord) fill(r *Request, method, target string, headers map[string][]string) error {
	var p pseudo
	for name, values := range headers {
		for _, value := range values {
			if !r.field(&p, name, value) {
				return unreadable("%q is not the name of a header", shortened(name))
			}
		}
	}
	if err := r.setMethod(method); err != nil {
		return err
	}
	return r.address(target, p)
}

// ownKept is the header Wh-Kept of events in quarantine.
type ownKept struct {
	Method   string              `json:"method"`
	URL      string              `json:"url"`
	Header   map[string][]string `json:"header"`
	Redacted []string            `json:"redacted"`
}

// event reads a stored event. Of its request the headers are there that consumers
// get, and all that was kept if it is in quarantine.
func (o *ownRecord) event() (*Request, error) {
	r := newRequest()
	r.Label, r.Time = fmt.Sprintf("sequence %d", o.Seq), o.Time
	get := func(name string) string {
		for key, values := range o.Headers {
			if strings.EqualFold(key, name) && len(values) > 0 {
				return unescaped(values[0])
			}
		}
		return ""
	}
	if get("ce-whbatch") != "" {
		return nil, unreadable("it is one event of a batch, and the rest of the request, which is signed as a whole, is not there")
	}
	r.Provider = get("ce-whprovider")
	if at, err := time.Parse(time.RFC3339Nano, get("ce-recordedtime")); err == nil {
		r.Time = at
	}
	switch {
	case o.PayloadError != "":
		return nil, unreadable("the body could not be read: %s", shortened(o.PayloadError))
	case get("ce-dataref") != "" && o.Payload != nil && *o.Payload == "":
		return nil, unreadable("the body is kept apart from the event: write it with `caddy webhooks tail --json --fetch`")
	case o.Payload != nil:
		r.Body = []byte(*o.Payload)
	default:
		r.Body = o.PayloadBase64
	}
	if text := get("Wh-Kept"); text != "" {
		var kept ownKept
		raw, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			raw, err = base64.RawURLEncoding.DecodeString(text)
		}
		if err != nil || json.Unmarshal(raw, &kept) != nil {
			return nil, unreadable("the header Wh-Kept of the event is not what the gateway writes")
		}
		r.Withheld = kept.Redacted
		return r, o.fill(r, kept.Method, kept.URL, kept.Header)
	}
	headers := map[string][]string{}
	for name, values := range o.Headers {
		if original, ok := strings.CutPrefix(name, "Wh-H-"); ok {
			headers[original] = append(headers[original], values...)
		}
	}
	if media := get("ce-datacontenttype"); media != "" && headers["Content-Type"] == nil {
		headers["Content-Type"] = []string{media}
	}
	r.note("of the request a stored event has only the headers that consumers get, and not its method and its URL")
	target := "/"
	if u, err := url.Parse(get("ce-source")); err == nil && u.Path != "" {
		target = u.String()
	}
	return r, o.fill(r, "", target, headers)
}

// unescaped undoes the escaping of values in NATS headers.
func unescaped(value string) string {
	if plain, err := url.PathUnescape(value); err == nil {
		return plain
	}
	return value
}
