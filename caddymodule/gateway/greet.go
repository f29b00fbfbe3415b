package gateway

import (
	"context"
	"errors"
	"fmt"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Reasons for which a handshake that delivers a secret is refused.
const (
	reasonOtherSecret = "other_secret"
	reasonNotKept     = "not_kept"
)

var errNoConfirmer = errors.New("nothing is configured to fetch the URL")

// greet answers the first of the handshakes that the request is, and returns
// true if it is none.
func (x *exchange) greet(list []*verifiers.Handshake) bool {
	for _, h := range list {
		if h.Matches(&x.req) {
			x.res.Handshake = h.Name
			return x.shake(h)
		}
	}
	return true
}

func (x *exchange) shake(h *verifiers.Handshake) bool {
	cfg := x.route.answering()
	answer, err := h.Answer(x.ctx, &x.req, cfg)
	if err != nil {
		if errors.Is(err, verifiers.ErrMismatch) {
			x.refusal = h.Refusal
		}
		return x.refuseHandshake(err)
	}
	url, err := h.ConfirmURL(&x.req, cfg.Options)
	if err != nil {
		return x.refuseHandshake(err)
	}
	if !h.Capture.IsZero() && !x.capture(h) {
		return false
	}
	if url != "" {
		if x.route.cfg.Confirmer == nil {
			return x.end(ConfirmFailed, "", errNoConfirmer)
		}
		if err := x.route.cfg.Confirmer.Confirm(x.ctx, h.Pin, url); err != nil {
			return x.end(ConfirmFailed, "", fmt.Errorf("confirming: %w", err))
		}
	}
	x.answered = renderAnswer(answer)
	return x.end(Handshaken, "", nil)
}

// capture keeps the secret that the handshake delivers. It comes before the
// answer, after which the sender counts on it.
func (x *exchange) capture(h *verifiers.Handshake) bool {
	secret, err := h.Capture.Lookup(&x.req)
	if err != nil {
		return x.refuseHandshake(&verifiers.Error{Field: h.Capture.String(), Err: err})
	}
	if x.route.cfg.Unverified {
		return true
	}
	err = ErrNotKept
	if c := x.route.cfg.Capturer; c != nil {
		err = c.Capture(secret)
	}
	switch {
	case err == nil:
		return true
	case errors.Is(err, ErrOtherSecret):
		return x.end(HandshakeRefused, reasonOtherSecret, err)
	case errors.Is(err, ErrNotKept):
		return x.end(HandshakeRefused, reasonNotKept, err)
	case errors.Is(err, verifiers.ErrMalformed):
		return x.refuseHandshake(&verifiers.Error{Field: h.Capture.String(), Err: err})
	}
	return x.end(CaptureFailed, "", err)
}

func (x *exchange) refuseHandshake(err error) bool {
	switch reason := verifiers.Reason(err); {
	case errors.Is(err, verifiers.ErrUnavailable):
		return x.end(Undecidable, "", err)
	case reason != "internal":
		return x.end(HandshakeRefused, reason, err)
	}
	return x.end(Internal, "", err)
}

// answering is what answers are computed with.
func (rt *Route) answering() verifiers.Config {
	return verifiers.Config{Options: rt.cfg.Options, Keys: rt.cfg.Keys, Time: rt.cfg.Time}
}

// successReply is the answer to an event that has arrived. A value that cannot
// be echoed is left out: the event is stored, whatever the answer looks like.
func (x *exchange) successReply() reply {
	rt := x.route
	if rt.success.Fixed() {
		return rt.ok
	}
	answer, err := rt.success.Render(context.WithoutCancel(x.r.Context()), &x.req, rt.answering())
	if err != nil {
		return rt.ok
	}
	return renderAnswer(answer)
}
