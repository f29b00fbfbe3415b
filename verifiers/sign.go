package verifiers

import (
	"fmt"
	"net/http"
	"time"
)

// Sign plays the sender: it adds to req what p's sender would add to
// authenticate it at the given time with the first of the keys. It is for
// sending test events and for tests of receivers. It returns an error if p's
// scheme is not a [Signer] or cfg has no key that can sign.
//
// The source of the id, if the scheme signs one, and everything else that the
// signed content names except the timestamp must be in req before. The body is
// changed only where the sender has its signature, time or token in it.
func (p Provider) Sign(req *Request, cfg Config, at time.Time) error {
	signer, ok := p.Scheme.(Signer)
	if !ok {
		return fmt.Errorf("%s: the sender's side of the scheme is not known", p.Name)
	}
	cfg.Time = func() time.Time { return at }
	if req.Header == nil {
		req.Header = http.Header{}
	}
	err := signer.Sign(req, cfg)
	req.rewrite(req.Body) // what was looked up is forgotten, since others may change the request
	if err != nil {
		return fmt.Errorf("%s: %w", p.Name, err)
	}
	return nil
}
