package capture

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/textproto"
	"net/url"
	"strings"
	"time"
)

func canonical(name string) string { return textproto.CanonicalMIMEHeaderKey(name) }

type harFile struct {
	Log *struct {
		Entries []harEntry `json:"entries"`
	} `json:"log"`
}

type harEntry struct {
	Started string `json:"startedDateTime"`
	Request *struct {
		Method   string    `json:"method"`
		URL      string    `json:"url"`
		Headers  []harPair `json:"headers"`
		PostData *struct {
			MimeType string    `json:"mimeType"`
			Text     *string   `json:"text"`
			Encoding string    `json:"encoding"`
			Params   []harPair `json:"params"`
		} `json:"postData"`
	} `json:"request"`
}

type harPair struct {
	Name     string  `json:"name"`
	Value    string  `json:"value"`
	FileName *string `json:"fileName"`
}

// isHAR reports whether a JSON text looks like a HAR file.
func isHAR(text []byte) bool {
	dec := json.NewDecoder(bytes.NewReader(text))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return false
	}
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return false
		}
		if t == "log" {
			return true
		}
		var skip json.RawMessage
		if dec.Decode(&skip) != nil {
			return false
		}
	}
	return false
}

func parseHAR(data []byte) ([]Request, error) {
	var file harFile
	if err := decodeJSON(withoutBOM(data), &file); err != nil {
		return nil, err
	}
	if file.Log == nil {
		return nil, unreadable("it is no HAR file: the member log is not there")
	}
	if len(file.Log.Entries) > maxRequests {
		return nil, unreadable("it has more than %d entries", maxRequests)
	}
	list := make([]Request, 0, len(file.Log.Entries))
	for i := range file.Log.Entries {
		r, err := file.Log.Entries[i].parse()
		if err != nil {
			return nil, fmt.Errorf("entry %d: %w", i+1, err)
		}
		r.Label = fmt.Sprintf("entry %d", i+1)
		list = append(list, *r)
	}
	return list, nil
}

func (e *harEntry) parse() (*Request, error) {
	if e.Request == nil {
		return nil, unreadable("it has no request")
	}
	r := newRequest()
	if e.Started != "" {
		at, err := time.Parse(time.RFC3339Nano, e.Started)
		if err != nil {
			return nil, unreadable("startedDateTime %q is not a time", shortened(e.Started))
		}
		r.Time = at
	}
	var p pseudo
	for _, h := range e.Request.Headers {
		if !r.field(&p, h.Name, h.Value) {
			return nil, unreadable("%q is not the name of a header", shortened(h.Name))
		}
	}
	if err := r.setMethod(e.Request.Method); err != nil {
		return nil, err
	}
	if err := r.address(e.Request.URL, p); err != nil {
		return nil, err
	}
	d := e.Request.PostData
	if d == nil {
		return r, nil
	}
	if r.Header.Get("Content-Type") == "" && d.MimeType != "" {
		r.Header.Set("Content-Type", d.MimeType)
	}
	switch {
	case d.Text != nil && strings.EqualFold(d.Encoding, "base64"):
		body, err := base64.StdEncoding.DecodeString(*d.Text)
		if err != nil {
			return nil, unreadable("the text of postData is not base64")
		}
		r.Body = body
	case d.Text != nil && (*d.Text != "" || len(d.Params) == 0):
		r.Body = []byte(*d.Text)
		if strings.ContainsRune(*d.Text, '\ufffd') {
			r.note("the body has the character U+FFFD: bytes that are no UTF-8 were lost when it was captured")
		}
	case len(d.Params) > 0:
		return r, r.params(d.MimeType, d.Params)
	}
	return r, nil
}

// params writes a form again. Whether a space was + or %20 nobody knows.
func (r *Request) params(media string, params []harPair) error {
	if !strings.HasPrefix(strings.ToLower(media), "application/x-www-form-urlencoded") {
		return unreadable("the body is there as params only, and %q cannot be put together from them: capture the body itself", shortened(media))
	}
	parts := make([]string, len(params))
	for i, p := range params {
		if p.FileName != nil {
			return unreadable("the body has a file, whose content is not in the capture")
		}
		parts[i] = url.QueryEscape(p.Name) + "=" + url.QueryEscape(p.Value)
	}
	r.Body = []byte(strings.Join(parts, "&"))
	r.note("the body was put together from params: the bytes of the request are not in the capture")
	return nil
}

// decodeJSON decodes one document, and says where the trouble is.
func decodeJSON(data []byte, into any) error {
	if err := json.Unmarshal(data, into); err != nil {
		return unreadable("it is not the JSON that it should be: %v", err)
	}
	return nil
}
