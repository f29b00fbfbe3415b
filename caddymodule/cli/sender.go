package cli

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/providers"
)

// provider returns the entry of the catalogue, or what describes "hmac".
func (o *SendOptions) provider() (verifiers.Provider, error) {
	return describedProvider(o.Provider, o.Describe)
}

func describedProvider(name string, d HMACOptions) (verifiers.Provider, error) {
	p, err := lookup(name)
	if err != nil {
		return p, err
	}
	if p.Name != providers.HMAC.Name {
		if d != (HMACOptions{}) {
			return p, fmt.Errorf("%w: how %s signs is known: --hash, --signature-header, --prefix, --encoding, --content and --timestamp-header are for hmac", ErrUsage, p.Name)
		}
		return p, nil
	}
	signed := verifiers.Signed{
		Signature: verifiers.Header(cmp.Or(d.SignatureHeader, "X-Signature")).Trim(d.Prefix),
		Encoding:  verifiers.Encoding(cmp.Or(d.Encoding, string(verifiers.Hex))),
		Content:   cmp.Or(d.Content, "{body}"),
	}
	if d.TimestampHeader != "" {
		signed.Timestamp = verifiers.Header(d.TimestampHeader)
	}
	p.Scheme = verifiers.HMAC{Hash: verifiers.Hash(cmp.Or(d.Hash, string(verifiers.SHA256))), Signed: signed}
	if p, err = providers.Custom(p); err != nil {
		return p, fmt.Errorf("%w: describing hmac: %w", ErrUsage, err)
	}
	return p, nil
}

// sender sends events of one provider.
type sender struct {
	provider       verifiers.Provider
	options        *SendOptions
	config         verifiers.Config
	target, signed *url.URL
	header         http.Header
	body           []byte // nil for a sample
	client         *http.Client
	fault          fault
	verifier       verifiers.Verifier // of the receiver, to try faults on
}

// message is one request, as it is sent.
type message struct {
	req      *verifiers.Request
	target   *url.URL
	id, kind string
}

func newSender(p verifiers.Provider, o *SendOptions) (*sender, error) {
	s, err := newRequester(p, o)
	if err != nil {
		return nil, err
	}
	key, err := secretKey(p, o)
	if err != nil {
		// A key that cannot be the right one needs no right one.
		if !o.Faults.WrongKey || o.SecretEnv != "" || o.SecretFile != "" {
			return nil, err
		}
		if key, err = freshKey(p); err != nil {
			return nil, err
		}
	}
	s.config.Keys = verifiers.Keys{key}
	if s.body, err = o.readBody(); err != nil {
		return nil, err
	}
	return s, s.prepareFault(key)
}

// newRequester returns a sender that has no key and no body yet.
func newRequester(p verifiers.Provider, o *SendOptions) (*sender, error) {
	s := &sender{provider: p, options: o, header: http.Header{}}
	var err error
	if s.target, err = parseURL(o.URL); err != nil {
		return nil, err
	}
	if s.signed = s.target; o.PublicURL != "" {
		if s.signed, err = parseURL(o.PublicURL); err != nil {
			return nil, fmt.Errorf("--public-url: %w", err)
		}
	}
	for _, h := range o.Headers {
		name, value, ok := strings.Cut(h, ":")
		if name = strings.TrimSpace(name); !ok || name == "" {
			return nil, fmt.Errorf(`%w: --header: write "Name: value"`, ErrUsage)
		}
		s.header.Add(name, strings.TrimSpace(value))
	}
	if s.config.Options, err = o.parseOptions(p); err != nil {
		return nil, err
	}
	s.client = newClient(0)
	return s, nil
}

// newClient returns a client that does not follow redirects, as senders do not.
// With a buffer of so many bytes it sends each piece of a body when it is there.
func newClient(buffer int) *http.Client {
	client := &http.Client{
		Timeout:       sendTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	if buffer > 0 {
		client.Transport = &http.Transport{Proxy: http.ProxyFromEnvironment, WriteBufferSize: buffer, DisableKeepAlives: true}
	}
	return client
}

func parseURL(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("%w: %q is not a URL: write it in full, such as http://127.0.0.1:8080/github", ErrUsage, raw)
	}
	return u, nil
}

// parseOptions returns the provider's options. Those that are secret come from the
// environment alone.
func (o *SendOptions) parseOptions(p verifiers.Provider) (map[string]string, error) {
	options := make(map[string]string, len(o.Options))
	find := func(flag, item string) (*verifiers.Option, string, error) {
		name, value, ok := strings.Cut(item, "=")
		i := slices.IndexFunc(p.Options, func(o verifiers.Option) bool { return o.Name == name })
		if !ok || i < 0 {
			return nil, "", fmt.Errorf("%w: %s: write name=value with an option of %s (`caddy webhooks providers %s` lists them)", ErrUsage, flag, p.Name, p.Name)
		}
		return &p.Options[i], value, nil
	}
	for _, item := range o.Options {
		option, value, err := find("--option", item)
		if err != nil {
			return nil, err
		}
		if option.Secret {
			return nil, fmt.Errorf("%w: --option: %s of %s is a secret: put it into the environment variable %s, or name one with --option-env %s=VARIABLE",
				ErrUsage, option.Name, p.Name, optionVariable(p, option), option.Name)
		}
		options[option.Name] = value
	}
	for _, item := range o.OptionEnvs {
		option, name, err := find("--option-env", item)
		if err != nil {
			return nil, err
		}
		value := o.getenv(name)
		if value == "" {
			return nil, fmt.Errorf("%w: --option-env: the environment variable %s is empty", ErrUsage, name)
		}
		options[option.Name] = value
	}
	for i := range p.Options {
		option := &p.Options[i]
		if _, ok := options[option.Name]; ok {
			continue
		}
		value := o.getenv(optionVariable(p, option))
		switch sample := SampleOptions(p.Name)[option.Name]; {
		case option.Secret && value != "":
			options[option.Name] = value
		case option.Required && !option.Secret && sample != "":
			options[option.Name] = sample
			o.note("the receiver of %s is taken to have the option %s %s: name another with --option", p.Name, option.Name, sample)
		}
	}
	return options, nil
}

// optionVariable is the environment variable of an option, as the provider's page
// writes it.
func optionVariable(p verifiers.Provider, o *verifiers.Option) string {
	return variable(p.Name) + "_" + strings.ToUpper(o.Name)
}

func (o *SendOptions) readBody() ([]byte, error) {
	var body []byte
	var err error
	switch o.Body {
	case "":
		return nil, nil
	case "-":
		if o.Stdin == nil {
			return nil, fmt.Errorf("%w: reading the body: there is no standard input", ErrUsage)
		}
		body, err = io.ReadAll(o.Stdin)
	default:
		body, err = os.ReadFile(o.Body)
	}
	if err != nil {
		return nil, ofFile(fmt.Errorf("reading the body: %w", err))
	}
	return append([]byte{}, body...), nil
}

// request makes one event, not signed.
func (s *sender) request(at time.Time) (*verifiers.Request, error) {
	p, o := s.provider, s.options
	d, err := newDraft(p, s.signed, o.ID, o.Type, at)
	if err != nil {
		return nil, err
	}
	if s.body != nil {
		// Headers are the sample's; what is in the body stays as it is there.
		d.req = &verifiers.Request{Method: http.MethodPost, URL: d.req.URL, Header: d.req.Header, Body: s.body}
		d.req.Header.Set("Content-Type", s.contentType())
	}
	maps.Copy(d.req.Header, s.header)
	return d.req, nil
}

// contentType is what the bytes of a file are most likely to be.
func (s *sender) contentType() string {
	const form = "application/x-www-form-urlencoded"
	types := s.provider.ContentTypes
	switch {
	case json.Valid(s.body):
		return "application/json"
	case slices.Contains(types, form) || isForm(s.provider.Name):
		return form
	case len(types) > 0:
		return types[0]
	}
	return "application/octet-stream"
}

// check reports whether id and type are what was asked for: some senders have
// no place for them, and a body that is given is not changed.
func (s *sender) check(req *verifiers.Request) error {
	for _, v := range []struct {
		flag, want string
		source     verifiers.Source
	}{{"--id", s.options.ID, s.provider.ID}, {"--type", s.options.Type, s.provider.Type}} {
		if v.want == "" {
			continue
		}
		if v.source.IsZero() {
			return fmt.Errorf("%w: %s cannot be set: nothing says where %s has it; use --header or --body", ErrUsage, v.flag, s.provider.Name)
		}
		if got, err := v.source.Lookup(req); err != nil || got != v.want {
			return fmt.Errorf("%w: %s cannot be set: %s has it in %s; use --header and --body", ErrUsage, v.flag, s.provider.Name, v.source)
		}
	}
	return nil
}

// message makes one event, signed at the time, with the fault.
func (s *sender) message(at time.Time) (*message, error) {
	at = at.Add(s.fault.skew)
	plain, err := s.request(at)
	if err != nil {
		return nil, err
	}
	req, err := s.sign(plain, at)
	if err != nil {
		return nil, fmt.Errorf("signing: %w", err)
	}
	if err := s.check(plain); err != nil {
		return nil, err
	}
	if s.fault.tamper != nil {
		if err := s.fault.tamper(req); err != nil {
			return nil, err
		}
	}
	m := s.pack(req)
	// What is not there is left out.
	m.id, _ = s.provider.ID.Lookup(req)
	m.kind, _ = s.provider.Type.Lookup(req)
	return m, nil
}

// pack adds to a signed request what it needs on its way.
func (s *sender) pack(req *verifiers.Request) *message {
	m := &message{req: req, target: s.target}
	if req.URL.RawQuery != s.signed.RawQuery {
		target := *s.target
		target.RawQuery = req.URL.RawQuery // the signature is in the URL, or the body's hash
		m.target = &target
	}
	if req.Header.Get("User-Agent") == "" {
		req.Header.Set("User-Agent", userAgent)
	}
	return m
}

// send sends a message and reads the answer.
func (s *sender) send(ctx context.Context, m *message) (Sent, error) {
	start := time.Now()
	a, err := s.do(ctx, m)
	if err != nil {
		return Sent{}, err
	}
	sent := Sent{
		Status: a.status, Body: string(a.body), Millis: time.Since(start).Milliseconds(),
		ID: m.id, Type: m.kind, Fault: s.fault.name,
	}
	sent.Finding, sent.OK = s.judge(sent.Status)
	return sent, nil
}

// answered is what came back.
type answered struct {
	status int
	header http.Header
	body   []byte
}

// do sends a message. The error wraps [ErrUnreachable] if there is no answer.
func (s *sender) do(ctx context.Context, m *message) (a answered, err error) {
	client, body := s.client, io.Reader(bytes.NewReader(m.req.Body))
	if slow := s.options.Faults.Slow; slow > 0 && len(m.req.Body) > 0 {
		client = newClient(max(1, len(m.req.Body)/slowPieces))
		client.Timeout += slow
		body = &dribble{ctx: ctx, body: m.req.Body, whole: slow}
	}
	out, err := http.NewRequestWithContext(ctx, m.req.Method, m.target.String(), body)
	if err != nil {
		return a, fmt.Errorf("%w: sending: %w", ErrUsage, err)
	}
	out.ContentLength = int64(len(m.req.Body))
	out.Header = m.req.Header.Clone()
	if host := out.Header.Get("Host"); host != "" {
		out.Host = host
		out.Header.Del("Host")
	}
	res, err := client.Do(out)
	if err != nil {
		return a, noAnswer(ctx, m.target, err)
	}
	defer res.Body.Close()
	a = answered{status: res.StatusCode, header: res.Header}
	if a.body, err = io.ReadAll(io.LimitReader(res.Body, maxAnswer)); err != nil {
		return a, fmt.Errorf("reading the answer: %w", ofHTTP(ctx, err))
	}
	return a, nil
}

// noAnswer says that a request had no answer. The URL is shown without what could be
// a secret in it.
func noAnswer(ctx context.Context, target *url.URL, err error) error {
	return fmt.Errorf("sending to %s://%s%s: %w", target.Scheme, target.Host, target.EscapedPath(), ofHTTP(ctx, err))
}
