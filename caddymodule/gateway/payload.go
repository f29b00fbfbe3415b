package gateway

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// ErrNoPayload: a body is neither JSON nor a form.
var ErrNoPayload = errors.New("the body is neither JSON nor a form")

// Payload returns the body of an event as a [Validator] sees it, for those who have
// only what was stored: the tree of JSON, with numbers as json.Number, or the object
// of a form. ContentType is that of the request; JSON in a request that says that it
// has a form is JSON. The error wraps [ErrNoPayload].
func Payload(contentType string, body []byte) (any, error) {
	r := &verifiers.Request{Method: http.MethodPost, Header: http.Header{"Content-Type": {contentType}}, Body: body}
	text := bytes.TrimLeft(body, " \t\r\n")
	if isFormMedia(mediaType(r.Header)) && !bytes.HasPrefix(text, []byte("{")) && !bytes.HasPrefix(text, []byte("[")) {
		fields, err := r.Form()
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrNoPayload, err)
		}
		return formObject(fields), nil
	}
	doc, err := r.JSON()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoPayload, err)
	}
	return doc, nil
}
