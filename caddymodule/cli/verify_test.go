package cli_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/cli"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/providers"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/verifiertest"
)

// verdict is what verify prints as JSON, as far as the tests look at it.
type verdict struct {
	Entry       string `json:"entry"`
	Verified    bool   `json:"verified"`
	Reason      string `json:"reason"`
	Field       string `json:"field"`
	Explanation string `json:"explanation"`
	Key         string `json:"key"`
	ID          string `json:"id"`
	Type        string `json:"type"`
	AcceptedNow bool   `json:"accepted_now"`
	Texts       []struct {
		Scheme string `json:"scheme"`
		Parts  []struct {
			Token, Text, SHA256 string
			Bytes               int
		} `json:"parts"`
	} `json:"signed_texts"`
	Causes []struct{ Kind, Cause, Cure string } `json:"causes"`
	Hints  []string                             `json:"hints"`
	Tried  int                                  `json:"tried"`
}

// causes are the kinds and the words of what was found.
func (v *verdict) causes() string {
	var list []string
	for _, c := range v.Causes {
		list = append(list, c.Kind+": "+c.Cause)
	}
	return strings.Join(list, "; ")
}

// captured is a request with what it takes to verify it.
type captured struct {
	provider string
	request  verifiers.Request
	secrets  []string
	options  map[string]string
	served   map[string]string // by the network
	at       time.Time
}

func (c *captured) clone() *captured {
	d := *c
	d.request = verifiers.Request{Method: c.request.Method, URL: c.request.URL, Header: c.request.Header.Clone(), Body: c.request.Body}
	d.secrets = slices.Clone(c.secrets)
	return &d
}

// config is the gateway's.
func (c *captured) config(t *testing.T) verifiers.Config {
	t.Helper()
	cfg := verifiers.Config{Options: c.options, Fetcher: verifiertest.Documents(c.served), Time: func() time.Time { return c.at }}
	var keys verifiers.Keys
	for i, s := range c.secrets {
		key, err := verifiers.NewKey(fmt.Sprint(i), []byte(s))
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key)
	}
	if len(keys) > 0 {
		cfg.Keys = keys
	}
	return cfg
}

// refused reports whether a gateway refuses the request, because of the signature or
// because it does not start with such a secret.
func (c *captured) refused(t *testing.T) bool {
	t.Helper()
	for _, s := range c.secrets {
		if _, err := verifiers.NewKey("k", []byte(s)); err != nil {
			return true
		}
	}
	p, _ := providers.Lookup(c.provider)
	v, err := p.New(c.config(t))
	if err != nil {
		return true
	}
	req := c.clone().request
	_, err = v.Verify(t.Context(), &req)
	return err != nil
}

// The formats in which requests are written down.
var writers = map[string]func(*verifiers.Request) string{
	"raw":  writeRaw,
	"har":  writeHAR,
	"curl": writeCurl,
	"json": writeOwn,
}

func writeRaw(r *verifiers.Request) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\n", r.Method, r.URL.RequestURI(), r.URL.Host)
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		for _, value := range r.Header[name] {
			fmt.Fprintf(&b, "%s: %s\r\n", name, value)
		}
	}
	return b.String() + "\r\n" + string(r.Body)
}

func writeHAR(r *verifiers.Request) string {
	type pair struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	}
	headers := []pair{}
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		for _, value := range r.Header[name] {
			headers = append(headers, pair{strings.ToLower(name), value})
		}
	}
	post := map[string]any{"mimeType": r.Header.Get("Content-Type"), "text": string(r.Body)}
	if !utf8.Valid(r.Body) {
		post["text"], post["encoding"] = base64.StdEncoding.EncodeToString(r.Body), "base64"
	}
	text, _ := json.Marshal(map[string]any{"log": map[string]any{"version": "1.2", "entries": []any{
		map[string]any{"request": map[string]any{"method": r.Method, "url": r.URL.String(), "headers": headers, "postData": post}},
	}}})
	return string(text)
}

func writeCurl(r *verifiers.Request) string {
	quote := func(s string) string {
		var b strings.Builder
		b.WriteString("$'")
		for _, c := range []byte(s) {
			switch {
			case c == '\'' || c == '\\':
				b.WriteString(`\` + string(c))
			case c < ' ' || c > '~':
				fmt.Fprintf(&b, `\x%02x`, c)
			default:
				b.WriteByte(c)
			}
		}
		return b.String() + "'"
	}
	args := []string{"curl", "-X", r.Method, quote(r.URL.String())}
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		for _, value := range r.Header[name] {
			args = append(args, "\\\n -H", quote(name+": "+value))
		}
	}
	if r.Header.Get("Content-Type") == "" {
		args = append(args, "-H", "Content-Type:")
	}
	if len(r.Body) > 0 {
		args = append(args, "--data-raw", quote(string(r.Body)))
	}
	return strings.Join(args, " ") + "\n"
}

func writeOwn(r *verifiers.Request) string {
	text, _ := json.Marshal(map[string]any{"method": r.Method, "url": r.URL.String(), "headers": r.Header, "body_base64": r.Body})
	return string(text)
}

// verify runs the command and returns what it says. The output must not have a
// secret in it.
func (c *captured) verify(t *testing.T, text string) (*verdict, error) {
	t.Helper()
	o := cli.VerifyOptions{Provider: c.provider, Stdin: strings.NewReader(text), JSON: true, Fetcher: verifiertest.Documents(c.served)}
	if o.At = "signed"; !c.at.IsZero() {
		o.At = c.at.Format(time.RFC3339Nano)
	}
	for i := range c.secrets {
		o.SecretEnvs = append(o.SecretEnvs, fmt.Sprintf("SECRET_%d", i))
	}
	o.Getenv = func(name string) string {
		if value, ok := strings.CutPrefix(name, "OPTION_"); ok {
			return c.options[value]
		}
		var i int
		if _, err := fmt.Sscanf(name, "SECRET_%d", &i); err != nil {
			return ""
		}
		return c.secrets[i]
	}
	for name, value := range c.options {
		p, _ := providers.Lookup(c.provider)
		if slices.ContainsFunc(p.Options, func(o verifiers.Option) bool { return o.Name == name && o.Secret }) {
			o.OptionEnvs = append(o.OptionEnvs, name+"=OPTION_"+name)
		} else {
			o.Options = append(o.Options, name+"="+value)
		}
	}
	var out bytes.Buffer
	err := cli.Verify(t.Context(), o, &out)
	var v verdict
	if out.Len() > 0 {
		if err := json.Unmarshal(out.Bytes(), &v); err != nil {
			t.Fatalf("%v: %s", err, out.Bytes())
		}
	}
	for _, s := range c.secrets {
		if s = strings.Trim(s, "\"' \n"); len(s) > 8 && !strings.Contains(s, "BEGIN PUBLIC") && strings.Contains(out.String(), s) && !public(c.provider) {
			t.Errorf("the output has the secret in it: %s", out.String())
		}
	}
	return &v, err
}

// public reports whether what is configured is no secret.
func public(provider string) bool {
	p, _ := providers.Lookup(provider)
	switch s := p.Scheme.(type) {
	case verifiers.Ed25519, verifiers.ECDSA, verifiers.RSA:
		return true
	case verifiers.JWT:
		return !strings.HasPrefix(s.Algorithms[0], "HS")
	}
	return false
}

// catalogue returns a valid request of each provider, as the vectors have it.
var catalogue = sync.OnceValues(func() (map[string]*captured, error) {
	suites, err := verifiertest.Load(verifiertest.Vectors)
	if err != nil {
		return nil, err
	}
	all := map[string]*captured{}
	for _, s := range suites {
		for i := range s.Tests {
			v := &s.Tests[i]
			if v.Want.Result != "ok" || all[s.Provider] != nil {
				continue
			}
			req, err := v.NewRequest()
			if err != nil {
				return nil, err
			}
			c := &captured{provider: s.Provider, request: *req, options: v.Options, served: v.Certs, at: v.Now}
			for _, k := range v.Keys {
				c.secrets = append(c.secrets, k.Secret)
			}
			all[s.Provider] = c
		}
	}
	return all, nil
})

// TestVerifyCatalogue checks that a request of each provider is verified from each
// format.
func TestVerifyCatalogue(t *testing.T) {
	t.Parallel()
	all, err := catalogue()
	if err != nil {
		t.Fatal(err)
	}
	n, texts := 0, 0
	for _, name := range slices.Sorted(maps.Keys(all)) {
		c := all[name]
		for format, write := range writers {
			v, err := c.verify(t, write(&c.request))
			if err != nil || !v.Verified {
				t.Errorf("%s as %s: %v: %+v", name, format, err, v)
				continue
			}
			n++
			if format == "raw" && len(v.Texts) > 0 {
				texts++
			}
		}
	}
	if len(all) < 350 {
		t.Errorf("there are %d providers with a valid vector", len(all))
	}
	t.Logf("%d providers, %d captures verified, %d with the signed text", len(all), n, texts)
}

// A mutation is what happens to a request, or to what it is verified with.
type mutation struct {
	name string
	// do changes the request; false if it has nothing of the kind.
	do func(c *captured) bool
	// kind and words are of the cause that has to be found.
	kind, words string
}

func ofBody(do func(string) string) func(*captured) bool {
	return func(c *captured) bool {
		body := do(string(c.request.Body))
		changed := body != string(c.request.Body) && len(c.request.Body) > 0
		c.request.Body = []byte(body)
		return changed
	}
}

func ofURL(do func(*url.URL)) func(*captured) bool {
	return func(c *captured) bool {
		u := *c.request.URL
		do(&u)
		c.request.URL = &u
		return true
	}
}

// ofSignature changes the headers in which signature and time are.
func ofSignature(do func(h http.Header, name string)) func(*captured) bool {
	return func(c *captured) bool {
		p, _ := providers.Lookup(c.provider)
		placer, ok := p.Scheme.(verifiers.Placer)
		if !ok {
			return false
		}
		changed := false
		for _, name := range placer.Places().HeaderNames()[:min(1, len(placer.Places().HeaderNames()))] {
			if len(c.request.Header[name]) == 1 && name != "Authorization" {
				do(c.request.Header, name)
				changed = true
			}
		}
		return changed
	}
}

// ofSecret changes the secrets of senders that have such.
func ofSecret(do func(string) string) func(*captured) bool {
	return func(c *captured) bool {
		for i := range c.secrets {
			c.secrets[i] = do(c.secrets[i])
		}
		return len(c.secrets) > 0 && !public(c.provider)
	}
}

func isJSON(s string) bool { return json.Valid([]byte(s)) && strings.ContainsAny(s, "{[") }

var mutations = []mutation{
	{"a newline at the end", ofBody(func(b string) string { return b + "\n" }), "body", "newline was added"},
	{"a byte order mark", ofBody(func(b string) string { return "\ufeff" + b }), "body", "byte order mark was added"},
	{"CRLF", ofBody(func(b string) string { return strings.ReplaceAll(b, "\n", "\r\n") }), "body", "LF became CRLF"},
	{"indented", ofBody(func(b string) string {
		var compact, out bytes.Buffer
		if !isJSON(b) || json.Compact(&compact, []byte(b)) != nil || compact.String() != b {
			return b
		}
		_ = json.Indent(&out, []byte(b), "", "  ")
		return out.String()
	}), "body", "JSON was"},
	{"compressed", ofBody(func(b string) string {
		var out bytes.Buffer
		w := gzip.NewWriter(&out)
		_, _ = io.WriteString(w, b)
		_ = w.Close()
		return out.String()
	}), "body", "compressed"},
	{"in base64", ofBody(func(b string) string { return base64.StdEncoding.EncodeToString([]byte(b)) }), "body", "base64"},
	{"spaces of the form", ofBody(func(b string) string {
		if isJSON(b) || !strings.Contains(b, "=") {
			return b
		}
		return strings.ReplaceAll(b, "+", "%20")
	}), "body", "%20"},
	{"http", ofURL(func(u *url.URL) { u.Scheme = map[string]string{"http": "https", "https": "http"}[u.Scheme] }), "url", "the scheme is http"},
	{"a port", ofURL(func(u *url.URL) { u.Host = u.Hostname() + ":8443" }), "url", "the host is"},
	{"a slash", ofURL(func(u *url.URL) { u.Path, u.RawPath = strings.TrimRight(u.Path, "/")+"/", "" }), "url", "slash"},
	{"a prefix", ofURL(func(u *url.URL) { u.Path, u.RawPath = "/inner"+u.Path, "" }), "url", "the path that was signed is"},
	{"behind a proxy", func(c *captured) bool {
		c.request.Header.Set("X-Forwarded-Host", c.request.URL.Host)
		c.request.Header.Set("X-Forwarded-Proto", c.request.URL.Scheme)
		return ofURL(func(u *url.URL) { u.Scheme, u.Host = "http", "10.0.0.7:8080" })(c)
	}, "url", "headers of the proxy"},
	{"a renamed header", ofSignature(func(h http.Header, name string) {
		h[http.CanonicalHeaderKey("X-Original-"+name)] = h[name]
		delete(h, name)
	}), "header", "came as"},
	{"a header twice", ofSignature(func(h http.Header, name string) { h[name] = []string{h[name][0], h[name][0]} }), "header", "several times"},
	{"a header joined", ofSignature(func(h http.Header, name string) { h[name] = []string{h[name][0] + ", " + h[name][0]} }), "header", "joined"},
	{"a header in quotes", ofSignature(func(h http.Header, name string) { h[name] = []string{`"` + h[name][0] + `"`} }), "header", "in quotes"},
	{"a secret in quotes", ofSecret(func(s string) string { return `"` + s + `"` }), "secret", "in quotes"},
	{"a secret with a newline", ofSecret(func(s string) string { return s + "\n" }), "secret", "white space"},
	{"late", func(c *captured) bool {
		c.at = c.at.Add(30 * 24 * time.Hour)
		return !c.at.IsZero()
	}, "time", "as of which it is judged"},
}

// TestVerifyMutations changes a request of each provider in each way that can happen,
// and checks that the way is named, if the change matters.
func TestVerifyMutations(t *testing.T) {
	t.Parallel()
	all, err := catalogue()
	if err != nil {
		t.Fatal(err)
	}
	counts, tried := map[string]int{}, 0
	for _, name := range slices.Sorted(maps.Keys(all)) {
		for _, m := range mutations {
			c := all[name].clone()
			if !m.do(c) || !c.refused(t) {
				continue
			}
			v, err := c.verify(t, writeOwn(&c.request))
			if !errors.Is(err, cli.ErrNo) || v.Verified {
				t.Errorf("%s, %s: got %v, %+v, want a refusal", name, m.name, err, v)
				continue
			}
			tried += v.Tried
			if !slices.ContainsFunc(v.Causes, func(c struct{ Kind, Cause, Cure string }) bool {
				return c.Kind == m.kind && strings.Contains(c.Cause, m.words) && c.Cure != ""
			}) {
				t.Errorf("%s, %s: got %q (%s; tried %d), want %s: %s", name, m.name, v.causes(), v.Explanation, v.Tried, m.kind, m.words)
				continue
			}
			counts[m.name]++
		}
	}
	total := 0
	for _, m := range mutations {
		total += counts[m.name]
		t.Logf("%-24s named for %d providers", m.name, counts[m.name])
		if counts[m.name] == 0 {
			t.Errorf("%s: no provider", m.name)
		}
	}
	t.Logf("%d changes of %d providers named, with %d variants tried", total, len(all), tried)
}
