package cli

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/providers"
)

// ErrNotSignable means that nothing but the sender itself can sign.
// It wraps [ErrUsage].
var ErrNotSignable = mark(ErrUsage, errors.New("this cannot be signed here"))

const (
	sendTimeout = 30 * time.Second
	maxAnswer   = 64 << 10
)

// SendOptions say what to send and where to.
type SendOptions struct {
	// Provider is a name or an alias of the catalogue.
	Provider string
	// URL is where to send to, and PublicURL what is signed by senders that sign
	// a URL; empty means URL.
	URL, PublicURL string
	// Body is a file whose bytes are sent as they are; "-" is Stdin, and empty a
	// sample event.
	Body  string
	Stdin io.Reader
	// ID and Type are the event's. Empty means a fresh id and the type of the
	// sample.
	ID, Type string
	// Headers are further headers, "Name: value". They replace those of the
	// sample, and are there before it is signed.
	Headers []string
	// SecretEnv is an environment variable and SecretFile a file with the
	// secret. Getenv reads the environment; nil means os.Getenv.
	SecretEnv, SecretFile string
	Getenv                func(string) string
	// Options are the provider's, "name=value".
	Options []string
	// Describe is how the sender "hmac" signs.
	Describe HMACOptions
	// Gzip compresses bodies.
	Gzip bool
	// Count is how many events are sent, one after the other; 0 means 1.
	Count int
	// Expect is the expected status; 0 means any 2xx.
	Expect int
	// PublicKey prints the public half of the private key and sends nothing.
	PublicKey bool
	// JSON prints one JSON object for each answer.
	JSON bool
	// Progress is where it is said how far it is, if it is a terminal.
	Progress io.Writer
}

// HMACOptions describe a sender that is not in the catalogue.
type HMACOptions struct {
	Hash, SignatureHeader, Prefix, Encoding, Content, TimestampHeader string
}

// Sent is what came back.
type Sent struct {
	Status int    `json:"status"`
	Body   string `json:"body"`
	ID     string `json:"id,omitempty"`
	Type   string `json:"type,omitempty"`
	Millis int64  `json:"duration_ms"`
	OK     bool   `json:"ok"`
}

// Send signs events as the provider does, sends them and prints the answers. The
// error is, or wraps, [ErrUnexpectedStatus] if one is not as expected, and
// [ErrNotSignable] where nobody but the sender can sign; it never holds the
// secret.
func Send(ctx context.Context, o SendOptions, out io.Writer) error {
	p, err := o.provider()
	if err != nil {
		return err
	}
	if o.PublicKey {
		text, err := publicText(p, o.SecretFile)
		if err == nil {
			_, err = fmt.Fprintln(out, text)
		}
		return err
	}
	s, err := newSender(p, &o)
	if err != nil {
		return err
	}
	count, failed := max(o.Count, 1), 0
	bar := NewProgress(o.Progress, "sending")
	defer bar.Done()
	out = bar.Over(out)
	for n := range count {
		bar.At(n, uint64(n), uint64(count))
		res, err := s.send(ctx)
		if err != nil {
			return err
		}
		if !res.OK {
			failed++
		}
		if err := printSent(out, res, o.JSON); err != nil {
			return err
		}
	}
	if failed > 0 {
		want := "2xx"
		if o.Expect != 0 {
			want = strconv.Itoa(o.Expect)
		}
		return fmt.Errorf("%w: %d of %d answers were not %s", ErrUnexpectedStatus, failed, count, want)
	}
	return nil
}

func (o *SendOptions) getenv(name string) string {
	if o.Getenv != nil {
		return o.Getenv(name)
	}
	return os.Getenv(name)
}

// provider returns the entry of the catalogue, or what describes "hmac".
func (o *SendOptions) provider() (verifiers.Provider, error) {
	p, err := lookup(o.Provider)
	if err != nil {
		return p, err
	}
	d := o.Describe
	if p.Name != providers.HMAC.Name {
		if d != (HMACOptions{}) {
			return p, fmt.Errorf("%w: how %s signs is known: --hash, --signature-header, --prefix, --encoding, --content and --timestamp-header are for hmac", ErrUsage, p.Name)
		}
		if _, ok := p.Scheme.(verifiers.Signer); !ok {
			if p.SecretHint != "" {
				return p, fmt.Errorf("%w: only the receiving side of %s is known; let it send a real event instead", ErrNotSignable, p.Title)
			}
			return p, fmt.Errorf("%w: the key of %s is nowhere but at the sender; let it send a real event instead", ErrNotSignable, p.Title)
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
	return providers.Custom(p)
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
}

func newSender(p verifiers.Provider, o *SendOptions) (*sender, error) {
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
	if s.config.Options, err = parseOptions(p, o.Options); err != nil {
		return nil, err
	}
	key, err := secretKey(p, o)
	if err != nil {
		return nil, err
	}
	s.config.Keys = verifiers.Keys{key}
	if s.body, err = o.readBody(); err != nil {
		return nil, err
	}
	// A sender does not follow redirects, and keeps no answer.
	s.client = &http.Client{
		Timeout:       sendTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return s, nil
}

func parseURL(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("%w: %q is not a URL: write it in full, such as http://127.0.0.1:8080/github", ErrUsage, raw)
	}
	return u, nil
}

func parseOptions(p verifiers.Provider, list []string) (map[string]string, error) {
	options := make(map[string]string, len(list))
	for _, item := range list {
		name, value, ok := strings.Cut(item, "=")
		if !ok || !slices.ContainsFunc(p.Options, func(o verifiers.Option) bool { return o.Name == name }) {
			return nil, fmt.Errorf("%w: --option: write name=value with an option of %s (`caddy webhooks providers %s` lists them)", ErrUsage, p.Name, p.Name)
		}
		options[name] = value
	}
	return options, nil
}

func (o *SendOptions) readBody() ([]byte, error) {
	var body []byte
	var err error
	switch o.Body {
	case "":
		return nil, nil
	case "-":
		if o.Stdin == nil {
			return nil, errors.New("reading the body: there is no standard input")
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
		d.req.Method, d.req.Body = http.MethodPost, s.body
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

func (s *sender) send(ctx context.Context) (Sent, error) {
	at := time.Now()
	plain, err := s.request(at)
	if err != nil {
		return Sent{}, err
	}
	req, err := s.sign(plain, at)
	if err != nil {
		return Sent{}, fmt.Errorf("signing: %w", err)
	}
	if err := s.check(plain); err != nil {
		return Sent{}, err
	}
	target := *s.target
	if req.URL.RawQuery != s.signed.RawQuery {
		target.RawQuery = req.URL.RawQuery // the signature is in the URL, or the body's hash
	}
	out, err := http.NewRequestWithContext(ctx, req.Method, target.String(), bytes.NewReader(req.Body))
	if err != nil {
		return Sent{}, fmt.Errorf("sending: %w", err)
	}
	out.Header = req.Header.Clone()
	if host := out.Header.Get("Host"); host != "" {
		out.Host = host
		out.Header.Del("Host")
	}
	if out.Header.Get("User-Agent") == "" {
		out.Header.Set("User-Agent", "caddy-webhooks-send/1")
	}
	res, err := s.client.Do(out)
	if err != nil {
		return Sent{}, fmt.Errorf("sending to %s: %w", withoutQuery(s.target.Redacted()), ofHTTP(ctx, err))
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return Sent{}, fmt.Errorf("reading the answer: %w", ofHTTP(ctx, err))
	}
	sent := Sent{Status: res.StatusCode, Body: string(body), Millis: time.Since(at).Milliseconds()}
	sent.OK = sent.Status/100 == 2 && s.options.Expect == 0 || sent.Status == s.options.Expect
	// What is not there is left out.
	sent.ID, _ = s.provider.ID.Lookup(req)
	sent.Type, _ = s.provider.Type.Lookup(req)
	return sent, nil
}

func printSent(out io.Writer, s Sent, asJSON bool) error {
	if asJSON {
		return printJSON(out, s)
	}
	line := strconv.Itoa(s.Status)
	if body := strings.TrimSpace(s.Body); body != "" {
		line += " " + visible(body, false)
	}
	about := fmt.Sprintf("%d ms", s.Millis)
	if s.Type != "" {
		about = "type " + visible(s.Type, false) + ", " + about
	}
	if s.ID != "" {
		about = "id " + visible(s.ID, false) + ", " + about
	}
	_, err := fmt.Fprintf(out, "%s  (%s)\n", line, about)
	return err
}
