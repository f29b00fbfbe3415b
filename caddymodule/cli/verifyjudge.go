package cli

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/cli/internal/capture"
	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// forEver is a replay window in which everything is.
const forEver = time.Duration(1 << 62)

// A verdict is what is said about one request. The names of its members are stable.
type verdict struct {
	// Entry says which of several requests it is.
	Entry    string `json:"entry,omitempty"`
	Provider string `json:"provider"`
	Method   string `json:"method"`
	URL      string `json:"url"`
	Verified bool   `json:"verified"`
	// Reason is the word of [verifiers.Reason], "key_format" if a secret is none, or
	// empty.
	Reason string `json:"reason,omitempty"`
	// Field is where the trouble is, and Explanation says it in words.
	Field       string `json:"field,omitempty"`
	Explanation string `json:"explanation,omitempty"`
	// Scheme, Key and Keys: how it was verified, with which key, and which there are.
	Scheme string   `json:"scheme,omitempty"`
	Key    string   `json:"key,omitempty"`
	Keys   []string `json:"keys,omitempty"`
	// SignedAt is the signed time, CapturedAt that of the capture, and JudgedAt the
	// time as of which the window was looked at.
	SignedAt   *time.Time `json:"signed_at,omitempty"`
	CapturedAt *time.Time `json:"captured_at,omitempty"`
	JudgedAt   *time.Time `json:"judged_at,omitempty"`
	// Window is the replay window in seconds, and AcceptedNow whether the request
	// would be accepted if it came now.
	Window      float64 `json:"window_seconds,omitempty"`
	AcceptedNow bool    `json:"accepted_now"`
	// ID, Type and Time are the event's as the gateway takes them, and Events how
	// many events the request has, if it is a batch.
	ID     string     `json:"id,omitempty"`
	Type   string     `json:"type,omitempty"`
	Time   *time.Time `json:"time,omitempty"`
	Events int        `json:"events,omitempty"`
	// Covers is what the signature protects, and Unsigned those of id, type and time
	// that it does not.
	Covers   *verifiers.Coverage `json:"covers,omitempty"`
	Unsigned []string            `json:"unsigned,omitempty"`
	// Texts are what is signed.
	Texts []signedText `json:"signed_texts,omitempty"`
	// Causes are changes that, undone, make it fit.
	Causes []cause `json:"causes,omitempty"`
	// Hints are what else may be wrong, without proof.
	Hints []string `json:"hints,omitempty"`
	// Tried is how many variants were tried.
	Tried int `json:"tried,omitempty"`

	entry entry
	now   time.Time
	plain func(string) string
}

// A cause is something that was done to a request, or that is not as it should be,
// with the proof that it is so: without it the signature fits.
type cause struct {
	// Kind is body, url, header, secret, scheme, provider or time.
	Kind string `json:"kind"`
	// Cause says what is wrong, and Cure what to do.
	Cause string `json:"cause"`
	Cure  string `json:"cure"`
}

// judge judges requests of one provider.
type judge struct {
	provider verifiers.Provider
	entry    entry
	options  *VerifyOptions
	secrets  []heldSecret
	config   verifiers.Config // without a clock
	plain    redacted
	problem  error // why no verifier can be built of the secrets
	signed   bool  // At is "signed", or nothing and the capture has no time
	at       time.Time
}

func newJudge(p verifiers.Provider, o *VerifyOptions) (*judge, error) {
	j := &judge{provider: p, entry: newEntry(p), options: o}
	switch o.At {
	case "", "signed":
		j.signed = o.At != ""
	case "now":
		j.at = o.now
	default:
		at, err := time.Parse(time.RFC3339Nano, o.At)
		if err != nil {
			return nil, fmt.Errorf("%w: --at %q: write now, signed, or a time such as 2026-01-02T15:04:05Z", ErrUsage, o.At)
		}
		j.at = at
	}
	if o.Tolerance < 0 {
		return nil, fmt.Errorf("%w: --tolerance: it cannot be below zero", ErrUsage)
	}
	if o.PublicURL != "" {
		if _, err := parseURL(o.PublicURL); err != nil {
			return nil, fmt.Errorf("%w: --public-url: %q is not a URL: write scheme and host, such as https://hooks.example.com", ErrUsage, o.PublicURL)
		}
	}
	var err error
	if j.secrets, err = o.secrets(p); err != nil {
		return nil, err
	}
	if j.config.Options, err = (&SendOptions{Options: o.Options, OptionEnvs: o.OptionEnvs, Getenv: o.Getenv}).parseOptions(p); err != nil {
		return nil, err
	}
	j.config.Fetcher, j.config.Tolerance = o.Fetcher, o.Tolerance
	hidden := make([]string, 0, len(j.secrets))
	var keys verifiers.Keys
	for _, s := range j.secrets {
		hidden = append(hidden, s.text)
		if s.key == nil {
			j.problem = fmt.Errorf("%s: %w", s.from, s.problem)
			continue
		}
		keys = append(keys, s.key)
	}
	for _, option := range p.Options {
		if value := j.config.Options[option.Name]; option.Secret && value != "" {
			hidden = append(hidden, value)
		}
	}
	j.plain = newRedacted(hidden)
	if len(keys) > 0 {
		j.config.Keys = keys
	}
	return j, j.check()
}

// check finds out whether a verifier can be built. That a secret is not one is no
// error, but what there is to find out.
func (j *judge) check() error {
	p := j.provider
	_, err := p.New(j.config)
	switch {
	case err == nil || len(j.secrets) > 0 && errors.Is(err, verifiers.ErrNoKeys):
		return nil
	case errors.Is(err, verifiers.ErrNoKeys):
		return fmt.Errorf("%w: no secret in the environment variable %s: set it, name another with --secret-env, or a file with --secret-file (%s)",
			ErrUsage, strings.Join(secretVariables(p.Name), " or "), or(p.SecretHint, "the key of "+p.Title))
	case errors.Is(err, verifiers.ErrNoFetcher):
		return fmt.Errorf("%w: %s publishes its keys, and they are not here: --fetch-keys gets them%s", ErrUnreachable, p.Title, from(p.Scheme))
	case errors.Is(err, verifiers.ErrOption):
		return fmt.Errorf("%w: %w: write --option name=value (`caddy webhooks providers %s` says what it is)", ErrUsage, err, p.Name)
	case errors.Is(err, verifiers.ErrKeyFormat), errors.Is(err, verifiers.ErrEmptyKey):
		j.problem = err
		return nil
	}
	return fmt.Errorf("%w: %w", ErrUsage, err)
}

// from says where the keys of a scheme are, if that is known.
func from(s verifiers.Scheme) string {
	if jwt, ok := s.(verifiers.JWT); ok && jwt.JWKS != "" && !strings.Contains(jwt.JWKS, "{") {
		return " from " + jwt.JWKS
	}
	return ""
}

// request returns what the gateway would verify.
func (j *judge) request(c *capture.Request) (*verifiers.Request, []string) {
	req := &verifiers.Request{Method: c.Method, URL: c.URL, Header: c.Header, Body: c.Body}
	notes := slices.Clone(c.Notes)
	if j.options.PublicURL != "" {
		if public, err := url.Parse(j.options.PublicURL); err == nil {
			req.URL = publicForm(public, c.URL)
		}
	}
	coding := strings.ToLower(strings.TrimSpace(c.Header.Get("Content-Encoding")))
	packed := bytes.HasPrefix(c.Body, []byte{0x1f, 0x8b})
	switch {
	case coding == "" || coding == "identity":
	case (coding == "gzip" || coding == "x-gzip") && packed:
		if gateway.SignsDecompressed(&j.provider) {
			if plain, ok := unpack(c.Body); ok {
				req.Body = plain
			}
		}
	case !packed:
		notes = append(notes, "Content-Encoding says "+coding+", and the body is not compressed: it was unpacked before it was captured")
	}
	return req, notes
}

// publicForm is the URL that the gateway assumes with this public_url. A path that
// ends in the captured one already is the whole.
func publicForm(public, captured *url.URL) *url.URL {
	u := *captured
	u.Scheme, u.Host = public.Scheme, public.Host
	prefix := strings.TrimRight(public.Path, "/")
	if captured.Path != "/" && captured.Path != "" && strings.HasSuffix(prefix, strings.TrimRight(captured.Path, "/")) {
		u.Path, u.RawPath = public.Path, public.RawPath
		return &u
	}
	if prefix != "" {
		u.RawPath = strings.TrimRight(public.EscapedPath(), "/") + captured.EscapedPath()
		u.Path = prefix + captured.Path
	}
	return &u
}

func unpack(body []byte) ([]byte, bool) {
	r, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, false
	}
	plain, err := io.ReadAll(io.LimitReader(r, capture.Limit+1))
	return plain, err == nil && len(plain) <= capture.Limit
}

// verifyAt verifies as of a time; with a window that is wide open if that is zero.
func (j *judge) verifyAt(ctx context.Context, req *verifiers.Request, at time.Time, trace func(verifiers.Text)) (verifiers.Result, error) {
	cfg := j.config
	cfg.Trace = trace
	if at.IsZero() {
		at, cfg.Tolerance = j.options.now, forEver
	}
	cfg.Time = func() time.Time { return at }
	v, err := j.provider.New(cfg)
	if err != nil {
		return verifiers.Result{}, err
	}
	return v.Verify(ctx, undecoded(req))
}

// undecoded returns the request with nothing decoded.
func undecoded(req *verifiers.Request) *verifiers.Request {
	return &verifiers.Request{Method: req.Method, URL: req.URL, Header: req.Header, Body: req.Body, Remote: req.Remote, Peer: req.Peer}
}

// judge judges one request.
func (j *judge) judge(ctx context.Context, c *capture.Request) (*verdict, error) {
	req, notes := j.request(c)
	v := &verdict{
		Entry: c.Label, Provider: j.provider.Name, Method: req.Method, Hints: notes, entry: j.entry, now: j.options.now, plain: j.plain.text,
	}
	for _, s := range j.secrets {
		v.Keys = append(v.Keys, s.from)
	}
	if !c.Time.IsZero() {
		at := c.Time.UTC()
		v.CapturedAt = &at
	}
	at := j.at
	if at.IsZero() && !j.signed {
		at = c.Time
	}
	if req.URL != nil && c.GuessedScheme && j.options.PublicURL == "" && j.problem == nil {
		if other := j.guessed(ctx, req); other != nil {
			req = other
			v.Hints = append(v.Hints, "the capture does not say whether it was http or https: http fits")
		}
	}
	v.URL = j.shownURL(req.URL)
	v.describe(j, req)
	if j.problem != nil && (j.config.Keys == nil || errors.Is(j.problem, verifiers.ErrKeyFormat)) {
		v.Reason, v.Explanation = "key_format", "the secret is none: "+j.problem.Error()
		return v, j.explain(ctx, v, c, req, verifiers.ErrMismatch)
	}
	var texts []verifiers.Text
	res, err := j.verifyAt(ctx, req, at, func(t verifiers.Text) { texts = append(texts, t) })
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	v.texts(j, texts)
	v.times(ctx, j, req, at)
	if err == nil {
		v.accept(j, &res)
		return v, nil
	}
	v.Reason, v.Explanation = verifiers.Reason(err), reasonWords(err, j.entry.places.Secret, len(v.Keys))
	if typed, ok := errors.AsType[*verifiers.Error](err); ok {
		v.Field = typed.Field
	}
	return v, j.explain(ctx, v, c, req, err)
}

// guessed returns the request under the other scheme, if it fits that one alone.
func (j *judge) guessed(ctx context.Context, req *verifiers.Request) *verifiers.Request {
	if _, err := j.verifyAt(ctx, req, time.Time{}, nil); !errors.Is(err, verifiers.ErrMismatch) && !errors.Is(err, verifiers.ErrUntrusted) {
		return nil
	}
	u := *req.URL
	u.Scheme = "http"
	other := undecoded(req)
	other.URL = &u
	if _, err := j.verifyAt(ctx, other, time.Time{}, nil); err != nil {
		return nil
	}
	return other
}

// times finds out when it was signed, and whether it would be accepted now.
func (v *verdict) times(ctx context.Context, j *judge, req *verifiers.Request, at time.Time) {
	res, err := j.verifyAt(ctx, req, time.Time{}, nil)
	if err == nil && !res.Signed.IsZero() {
		signed := res.Signed.UTC()
		v.SignedAt = &signed
		if at.IsZero() {
			at = signed
		}
	}
	if !at.IsZero() {
		judged := at.UTC()
		v.JudgedAt = &judged
	}
	if err == nil && v.entry.timed() {
		v.Window = v.entry.places.Tolerance.Seconds()
		if j.config.Tolerance > 0 {
			v.Window = j.config.Tolerance.Seconds()
		}
	}
	_, err = j.verifyAt(ctx, req, j.options.now, nil)
	v.AcceptedNow = err == nil
}

// describe says what the event is.
func (v *verdict) describe(j *judge, req *verifiers.Request) {
	p := &j.provider
	of := undecoded(req)
	if plain, ok := unpack(of.Body); ok {
		of.Body = plain // consumers get it unpacked
	}
	if id, err := p.ID.Lookup(of); err == nil {
		v.ID = j.plain.text(id)
	}
	if typ, err := p.Type.Lookup(of); err == nil {
		v.Type = j.plain.text(typ)
	}
	if text, err := p.Time.Lookup(of); err == nil {
		if t, ok := gateway.EventTime(text); ok {
			v.Time = &t
		}
	}
	if p.Batch != nil {
		if events, err := p.Batch.Split(of); err == nil && events != nil {
			v.Events = events.Len()
		}
	}
	v.Covers, v.Unsigned = j.entry.Covers, j.entry.Unsigned
	v.Hints = append(v.Hints, j.received(of)...)
}

// received are what else the gateway would say to the request.
func (j *judge) received(req *verifiers.Request) (hints []string) {
	p := &j.provider
	for i := range p.Handshakes {
		h := &p.Handshakes[i]
		if req.Method != or(h.Method, http.MethodPost) || len(h.When) == 0 {
			continue
		}
		if !slices.ContainsFunc(h.When, func(m verifiers.Match) bool { return !m.In(req) }) {
			said := "it looks like the handshake " + h.Name + ", which the gateway answers and does not publish"
			if !h.Signed {
				said += "; it is not signed"
			}
			hints = append(hints, said)
		}
	}
	methods := p.Methods
	if len(methods) == 0 {
		methods = []string{http.MethodPost}
	}
	if !slices.Contains(methods, req.Method) && len(hints) == 0 {
		hints = append(hints, fmt.Sprintf("the method is %s, and events of %s come with %s: the gateway answers 405", req.Method, p.Name, strings.Join(methods, " or ")))
	}
	media, _, _ := strings.Cut(req.Header.Get("Content-Type"), ";")
	if media = strings.ToLower(strings.TrimSpace(media)); len(p.ContentTypes) > 0 && !slices.Contains(p.ContentTypes, media) {
		hints = append(hints, fmt.Sprintf("the media type is %q, and events of %s come as %s: the gateway answers 415", media, p.Name, strings.Join(p.ContentTypes, " or ")))
	}
	return hints
}

// accept completes the verdict on an authentic request.
func (v *verdict) accept(j *judge, res *verifiers.Result) {
	v.Verified, v.Scheme, v.Key, v.Covers = true, res.Scheme, res.KeyID, res.Covers
	v.Unsigned = nil
	for _, part := range []struct {
		name   string
		source verifiers.Source
	}{{"id", j.provider.ID}, {"type", j.provider.Type}, {"time", j.provider.Time}} {
		if !part.source.IsZero() && !res.Covers.Covers(part.source) {
			v.Unsigned = append(v.Unsigned, part.name)
		}
	}
}

// shownURL writes a URL without what may be a secret.
func (j *judge) shownURL(u *url.URL) string {
	if u == nil {
		return ""
	}
	if source := j.entry.places.Signature; j.entry.places.Secret && source.Query != "" && u.Query().Has(source.Query) {
		c := *u
		q := c.Query()
		q.Set(source.Query, "hidden")
		c.RawQuery = strings.ReplaceAll(q.Encode(), "=hidden", "="+secretMark)
		return j.plain.text(c.String())
	}
	return j.plain.text(u.String())
}
