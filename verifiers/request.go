package verifiers

import "net/url"

// JSON returns the body decoded as by encoding/json with UseNumber: one value
// and nothing after it, in UTF-8. It is decoded at most once. The result is
// shared and read-only. The error is, or wraps, [ErrMalformed].
func (r *Request) JSON() (any, error) { return r.json() }

// Form returns the fields of a form-encoded body. It is decoded at most once.
// The result is shared and read-only. The error is, or wraps, [ErrMalformed].
func (r *Request) Form() (url.Values, error) { return r.formValues() }
