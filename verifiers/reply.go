package verifiers

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

const (
	maxEcho  = 1024
	textType = "text/plain; charset=utf-8"
)

// Render fills in what r leaves out and looks up or computes what it is made
// of. The error is an [*Error]: [ErrMissing] or [ErrMalformed] if there is
// nothing that may be echoed, [ErrUnavailable] if there is no key for a proof.
func (r Reply) Render(ctx context.Context, req *Request, cfg Config) (Answer, error) {
	a := Answer{Status: r.Status, ContentType: r.ContentType, Body: []byte(r.Body), Header: r.Header}
	p := prover{ctx: ctx, cfg: cfg}
	proof, err := r.Proof.compute(req, p)
	if err != nil {
		return Answer{}, err
	}
	switch {
	case !r.Echo.IsZero():
		text, err := echo(&r.Echo, req)
		if err != nil {
			return Answer{}, err
		}
		a.Body = []byte(text)
	case r.Template != "":
		text, err := fill(r.Template, req, cfg.Options, proof)
		if err != nil {
			return Answer{}, err
		}
		a.Body = []byte(text)
	case r.Custom != nil:
		if a.Body, err = r.Custom(nil, req, p); err != nil {
			if !errors.Is(err, ErrUnavailable) {
				err = kindOf(err) // its text may hold anything
			}
			return Answer{}, &Error{Field: "answer", Err: err}
		}
	}
	if a.Header, err = r.header(req, cfg.Options, proof); err != nil {
		return Answer{}, err
	}
	if a.Status == 0 {
		a.Status = http.StatusOK
	}
	switch {
	case len(a.Body) == 0:
		a.ContentType = ""
	case a.ContentType == "":
		a.ContentType = textType
	}
	return a, nil
}

// Fixed reports whether the answer is the same for all requests.
func (r Reply) Fixed() bool {
	if !r.Echo.IsZero() || r.Template != "" || r.Custom != nil {
		return false
	}
	for _, v := range r.Header {
		if strings.ContainsAny(v, "{}") {
			return false
		}
	}
	return true
}

// header fills in the templates among the headers.
func (r Reply) header(req *Request, options map[string]string, proof string) (map[string]string, error) {
	header := r.Header
	copied := false
	for name, value := range r.Header {
		if !strings.ContainsAny(value, "{}") {
			continue
		}
		text, err := fill(value, req, options, proof)
		if err != nil {
			return nil, err
		}
		if !copied {
			copied = true
			header = make(map[string]string, len(r.Header))
			maps.Copy(header, r.Header)
		}
		header[name] = text
	}
	return header, nil
}

// fill fills in a template of an answer. What comes from the request is as
// restricted as an echo.
func fill(text string, req *Request, options map[string]string, proof string) (string, error) {
	t, err := parseTemplate(text)
	if err != nil {
		return "", fmt.Errorf("reading the answer's template: %w", err)
	}
	var b strings.Builder
	for i := range t {
		seg := &t[i]
		var value string
		switch seg.kind {
		case segLiteral:
			b.WriteString(seg.text)
			continue
		case segProof:
			b.WriteString(proof)
			continue
		case segOption:
			if value = options[seg.text]; !echoable(value) {
				err = ErrMalformed
			}
		case segSource:
			value, err = seg.source.lookup(req)
		default:
			value = t[i : i+1].text(req)
		}
		if err == nil && !echoable(value) {
			err = ErrMalformed
		}
		if err != nil {
			return "", &Error{Field: seg.source.String(), Err: err}
		}
		b.WriteString(value)
	}
	return b.String(), nil
}

// text returns what the tokens of the request stand for.
func (t template) text(req *Request) string {
	sc := scratches.Get().(*scratch) //nolint:forcetypeassert // the pool holds nothing else
	defer sc.release()
	if _, err := t.resolve(sc, req, nil); err != nil {
		return ""
	}
	t.write(&sc.content, sc, req, nil)
	return sc.content.String()
}

func echo(s *Source, req *Request) (string, error) {
	text, err := s.lookup(req)
	if err == nil && !echoable(text) {
		err = ErrMalformed
	}
	if err != nil {
		return "", &Error{Field: s.String(), Err: err}
	}
	return text, nil
}

func echoable(text string) bool {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || strings.IndexByte("<>\"&'\\", c) >= 0 {
			return false
		}
	}
	return len(text) <= maxEcho
}

// compute returns the proof's value, "" if there is none.
func (p *Proof) compute(req *Request, with prover) (string, error) {
	if p == nil {
		return "", nil
	}
	t, err := parseTemplate(p.Content)
	if err == nil {
		t, err = t.bind(with.cfg.Options)
	}
	if err != nil {
		return "", fmt.Errorf("reading the proof's content: %w", err)
	}
	sc := scratches.Get().(*scratch) //nolint:forcetypeassert // the pool holds nothing else
	defer sc.release()
	if field, err := t.resolve(sc, req, nil); err != nil {
		return "", &Error{Field: field, Err: err}
	}
	if p.Plain {
		h := newHash(p.Hash)()
		t.write(h, sc, req, nil)
		return encode(h.Sum(nil), p.Encoding), nil
	}
	format := p.Key
	if format == "" {
		format = KeyText
	}
	m, err := with.material(p.Hash, p.KeyHash, format)
	if err != nil {
		return "", err
	}
	return encode(m.sum(t, sc, req), p.Encoding), nil
}

// check reports what is wrong with the reply.
func (r Reply) check(options []Option) error {
	bodies := 0
	for _, set := range []bool{r.Body != "", !r.Echo.IsZero(), r.Template != "", r.Custom != nil} {
		if set {
			bodies++
		}
	}
	if bodies > 1 {
		return errors.New("the reply has more than one body")
	}
	if !r.Echo.IsZero() {
		if err := r.Echo.check(); err != nil {
			return err
		}
	}
	texts := []string{r.Template}
	for _, v := range r.Header {
		texts = append(texts, v)
	}
	uses := false
	for _, text := range texts {
		t, err := parseTemplate(text)
		if err == nil {
			err = t.checkAnswer(options)
		}
		if err != nil {
			return fmt.Errorf("the reply's template: %w", err)
		}
		uses = uses || t.has(segProof)
	}
	if uses != (r.Proof != nil) {
		return errors.New("the reply must have {proof} exactly if Proof is set")
	}
	if r.Proof == nil {
		return nil
	}
	t, err := parseTemplate(r.Proof.Content)
	if err == nil {
		err = t.checkAnswer(options)
	}
	switch {
	case err != nil:
		return fmt.Errorf("the proof's content: %w", err)
	case t.has(segProof):
		return errors.New("the content of the proof has {proof}")
	case newHash(r.Proof.Hash) == nil:
		return fmt.Errorf("the proof: unknown hash %q", r.Proof.Hash)
	case r.Proof.KeyHash != "" && newHash(r.Proof.KeyHash) == nil:
		return fmt.Errorf("the proof: unknown hash of the key %q", r.Proof.KeyHash)
	case isPublic(r.Proof.Key):
		return fmt.Errorf("the proof: %w: %q is a format of public keys", ErrKeyFormat, r.Proof.Key)
	}
	return nil
}

func (t template) checkAnswer(options []Option) error {
	if slices.ContainsFunc([]segmentKind{segTimestamp, segID, segSecret, segCustom}, t.has) {
		return errors.New("{timestamp}, {id}, {secret} and {custom} are not for answers")
	}
	return t.checkOptions(options)
}

func (t template) checkOptions(options []Option) error {
	for i := range t {
		if t[i].kind == segOption && !hasOption(options, t[i].text) {
			return fmt.Errorf("%w %s is unknown", ErrOption, t[i].text)
		}
	}
	return nil
}

// prover is the [Prover] of a deployment.
type prover struct {
	ctx context.Context //nolint:containedctx // it lives as long as one answer
	cfg Config
}

func (p prover) material(h, keyHash Hash, format KeyFormat) (*material, error) {
	if p.cfg.Keys == nil {
		return nil, &Error{Field: "answer", Err: ErrUnavailable}
	}
	keys, err := p.cfg.Keys.Keys(p.ctx, "")
	if err != nil || len(keys) == 0 || keys[0] == nil {
		return nil, &Error{Field: "answer", Err: ErrUnavailable}
	}
	m := keys[0].hashed(h, keyHash, format)
	if m.err != nil {
		return nil, &Error{Field: "answer", Err: ErrUnavailable}
	}
	return m, nil
}

// MAC returns the HMAC of text.
func (p prover) MAC(h Hash, text []byte) ([]byte, error) {
	if newHash(h) == nil {
		return nil, fmt.Errorf("unknown hash %q", h)
	}
	m, err := p.material(h, "", KeyText)
	if err != nil {
		return nil, err
	}
	return m.sumString(string(text)), nil
}

// Option returns an option's value.
func (p prover) Option(name string) string { return p.cfg.Options[name] }

// Now is the deployment's clock.
func (p prover) Now() time.Time { return clock(p.cfg) }

// Interface guards.
var (
	_ Prover = prover{}
)
