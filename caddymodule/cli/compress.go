package cli

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// sign signs the request, whose body it compresses if that is wanted: before the
// signature or after it, as the sender does.
func (s *sender) sign(req *verifiers.Request, at time.Time) (*verifiers.Request, error) {
	if !s.options.Gzip {
		return req, s.provider.Sign(req, s.config, at)
	}
	req.Header.Set("Content-Encoding", "gzip")
	if s.provider.SignsUncompressed {
		if err := s.provider.Sign(req, s.config, at); err != nil {
			return nil, err
		}
		return compressed(req)
	}
	out, err := compressed(req)
	if err != nil {
		return nil, err
	}
	return out, s.provider.Sign(out, s.config, at)
}

// compressed is the request with its body compressed. It shares the headers.
func compressed(req *verifiers.Request) (*verifiers.Request, error) {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write(req.Body)
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("compressing: %w", err)
	}
	return &verifiers.Request{
		Method: req.Method, URL: req.URL, Header: req.Header, Body: b.Bytes(), Remote: req.Remote, Peer: req.Peer,
	}, nil
}
