package verifiers

import (
	"context"
	"time"
)

// A Handshake is a request that asks the receiver to prove that it is there, or
// that it knows something, before or between events. It is answered and never
// published.
type Handshake struct {
	// Name is a fixed word for logs and metrics, such as "url_verification".
	Name string `json:"name"`
	// Method is the HTTP method. Empty means POST.
	Method string `json:"method,omitempty"`
	// When are the conditions; all must hold.
	When []Match `json:"when,omitempty"`
	// Signed means that the sender signs the request like an event, so that it
	// is answered only after it was verified. A handshake that is not signed
	// should ask for Token.
	Signed bool `json:"signed,omitempty"`
	// Token is where the request carries a secret of its own, which must equal
	// the option named TokenOption. It is compared in constant time. A request
	// without it, or with another, is refused.
	Token Source `json:"token,omitzero"`
	// TokenOption names the [Option] that holds the expected token.
	TokenOption string `json:"token_option,omitempty"`
	// Refusal is the status of the answer to another token, for senders that try
	// whether it is refused as they want it. Zero means as any refusal.
	Refusal int `json:"refusal,omitempty"`
	// Reply is the answer.
	Reply Reply `json:"reply,omitzero"`
	// Confirm is where the request carries a URL that has to be fetched before
	// the answer, pinned by Pin. Zero means that nothing is fetched.
	Confirm Source `json:"confirm,omitzero"`
	// Pin restricts the URL in Confirm.
	Pin Pin `json:"pin,omitzero"`
	// Capture is where the request delivers the secret that later requests are
	// signed with. Whoever answers keeps it for the operator and shows it to
	// nobody else.
	Capture Source `json:"capture,omitzero"`
	// Code means that Capture is where a code is that the operator enters at the
	// sender, and that nothing is signed with it.
	Code bool `json:"code,omitempty"`
	// ConfirmOption names an [Option] that has to be "on" for the URL to be
	// fetched; otherwise the handshake is answered and only reported.
	ConfirmOption string `json:"confirm_option,omitempty"`
}

// A Reply is an answer to the sender.
type Reply struct {
	// Status is the HTTP status code. Zero means 200.
	Status int `json:"status,omitempty"`
	// ContentType of the body. Empty means text/plain; charset=utf-8 for a
	// body that is not empty.
	ContentType string `json:"content_type,omitempty"`
	// Body is a fixed body. At most one of Body, Echo, Template and Custom is
	// set.
	Body string `json:"body,omitempty"`
	// Echo is where in the request the body of the answer is. Only values of
	// at most 1024 bytes of printable ASCII without '<', '>', '"', '&', '\''
	// or '\\' are sent back: an echo must not become a script in our name.
	Echo Source `json:"echo,omitzero"`
	// Template is a body made of literal text and the tokens of
	// [Signed.Content], without {custom}, {id}, {timestamp} and {secret}, but
	// with {proof} for the value of Proof. What tokens stand for is as
	// restricted as Echo, so that it needs no escaping in JSON.
	Template string `json:"template,omitempty"`
	// Proof is what shows that the answer comes from somebody who knows the
	// secret.
	Proof *Proof `json:"proof,omitempty"`
	// Custom appends a body that cannot be described otherwise.
	Custom ReplyFunc `json:"-"`
	// Header are further headers of the answer. Values are templates as well.
	Header map[string]string `json:"header,omitempty"`
}

// Proof is a keyed hash, or a hash, over parts of the request.
type Proof struct {
	// Hash is the hash function. Required.
	Hash Hash `json:"hash"`
	// Plain means the hash of Content without a key; the secret is then an
	// {option:name} in Content.
	Plain bool `json:"plain,omitempty"`
	// Key is the format of the key. Empty means text.
	Key KeyFormat `json:"key,omitempty"`
	// KeyHash makes the key the hash of the secret, as in [HMAC].
	KeyHash Hash `json:"key_hash,omitempty"`
	// Content is a template as in Reply.Template.
	Content string `json:"content"`
	// Encoding of the value. Empty means hex.
	Encoding Encoding `json:"encoding,omitempty"`
}

// A ReplyFunc appends the body of an answer to dst. The error is, or wraps,
// [ErrMissing] or [ErrMalformed].
type ReplyFunc func(dst []byte, r *Request, p Prover) ([]byte, error)

// A Prover computes with the receiver's first key for a [ReplyFunc].
type Prover interface {
	// MAC returns the HMAC of text, with the key as text.
	MAC(hash Hash, text []byte) ([]byte, error)
	// Option returns the value of an option, "" if it is not set.
	Option(name string) string
	// Now is the receiver's clock.
	Now() time.Time
}

// IsZero reports whether r is the zero Reply.
func (r Reply) IsZero() bool {
	return r.Status == 0 && r.ContentType == "" && r.Body == "" && r.Echo.IsZero() && r.Template == "" &&
		r.Proof == nil && r.Custom == nil && len(r.Header) == 0
}

// Answer is a rendered [Reply].
type Answer struct {
	// Status is the HTTP status code, never zero.
	Status int
	// ContentType is empty exactly if Body is.
	ContentType string
	Body        []byte
	// Header are further headers; read-only.
	Header map[string]string
}

// Echo is a reply whose body is a value of the request, as text/plain.
func Echo(s Source) Reply { return Reply{Echo: s} }

// Matches reports whether req is this handshake. It decides by Method and When
// only: neither the token nor a signature has been checked.
func (h *Handshake) Matches(req *Request) bool {
	method := h.Method
	if method == "" {
		method = "POST"
	}
	if req.Method != method {
		return false
	}
	for _, m := range h.When {
		if !m.In(req) {
			return false
		}
	}
	return true
}

// Answer checks the handshake's token, if it has one, and renders the reply
// with the keys, options and clock of cfg. A handshake that is Signed must have
// been verified before. Errors are [*Error]s as from [Verifier.Verify]:
// [ErrMissing], [ErrMalformed], [ErrMismatch], [ErrUnavailable] if there is no
// key to prove anything with; also [ErrMismatch] if the option that holds the
// expected token is empty.
func (h *Handshake) Answer(ctx context.Context, req *Request, cfg Config) (Answer, error) {
	if !h.Token.IsZero() || h.TokenOption != "" {
		token, err := h.Token.Lookup(req)
		if err != nil {
			return Answer{}, &Error{Field: h.Token.String(), Err: err}
		}
		if want := cfg.Options[h.TokenOption]; want == "" || !sameSecret(token, want) {
			return Answer{}, &Error{Field: h.Token.String(), Err: ErrMismatch}
		}
	}
	return h.Reply.Render(ctx, req, cfg)
}

// ConfirmURL returns the URL to fetch before answering, or "" if the handshake
// has none or the operator has not turned confirmation on. The error is an
// [*Error]: [ErrUntrusted] if the URL is not one that Pin allows.
func (h *Handshake) ConfirmURL(req *Request, options map[string]string) (string, error) {
	if h.Confirm.IsZero() || h.ConfirmOption != "" && options[h.ConfirmOption] != "on" {
		return "", nil
	}
	rawURL, err := h.Confirm.Lookup(req)
	if err == nil {
		err = h.Pin.Check(rawURL)
	}
	if err != nil {
		return "", &Error{Field: h.Confirm.String(), Err: err}
	}
	return rawURL, nil
}
