package caddymodule

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/natspub"
)

// NATS configures the connection to an existing cluster. Secrets must be
// placeholders, as those of routes.
type NATS struct {
	// The URLs of the servers, such as `tls://nats-1:4222`. Required, unless
	// Context is set.
	URLs []string `json:"urls,omitempty"`
	// The name of a context of the nats tool, or the absolute path of its file.
	// It says where the servers are and how to log in, so that nothing else here
	// does. It is read once, when the configuration is loaded.
	Context string `json:"context,omitempty"`
	// The path of a file with credentials (JWT and seed).
	Credentials string `json:"credentials,omitempty"`
	// The seed of an NKey, as a placeholder.
	NKey string `json:"nkey,omitempty"`
	// A user, with Password.
	User string `json:"user,omitempty"`
	// The user's password, as a placeholder.
	Password string `json:"password,omitempty"`
	// A token, as a placeholder.
	Token string `json:"token,omitempty"`
	// TLS, if the host's certificate authorities do not fit or the servers ask
	// for a certificate.
	TLS *TLS `json:"tls,omitempty"`
	// The JetStream domain of the streams, if it is not the servers' own, as for
	// a gateway that is connected to a leaf node. Default: none.
	Domain string `json:"jetstream_domain,omitempty"`
	// Where JetStream is asked, instead of a domain, such as `JS.HUB.API` for
	// streams of an account that exports its API. Default: `$JS.API`.
	APIPrefix string `json:"api_prefix,omitempty"`
	// The subject under which answers come, for users who may not subscribe to
	// others. Default: `_INBOX`.
	InboxPrefix string `json:"inbox_prefix,omitempty"`
}

// TLS names files in PEM.
type TLS struct {
	// The certificate authorities to trust, instead of the host's.
	CA string `json:"ca,omitempty"`
	// The client certificate, with Key.
	Cert string `json:"cert,omitempty"`
	// The key of Cert.
	Key string `json:"key,omitempty"`
	// Begin with TLS, for servers with `handshake_first`. Default: false.
	First bool `json:"handshake_first,omitempty"`
}

// resolve writes the settings, with placeholders replaced, into c, and returns
// where JetStream is asked. It reports every mistake at once.
func (n *NATS) resolve(c *natspub.ConnectConfig) (prefix string, err error) {
	var problems []error
	add := func(name string, err error) {
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", name, err))
		}
	}
	if n.Context != "" {
		prefix, err = n.resolveContext(c)
		add("context", err)
	} else {
		n.resolveServers(c, add)
	}
	var domain, api, inbox string
	for _, s := range []struct {
		name, value string
		into        *string
	}{{"jetstream_domain", n.Domain, &domain}, {"api_prefix", n.APIPrefix, &api}, {"inbox_prefix", n.InboxPrefix, &inbox}} {
		if s.value == "" {
			continue
		}
		value, err := resolveSetting(s.value)
		if err == nil && !isSubject(value, s.name == "jetstream_domain") {
			err = fmt.Errorf("%q does not belong into a subject: use words of letters and digits, with dots between them", value)
		}
		add(s.name, err)
		*s.into = value
	}
	switch {
	case domain != "" && api != "":
		add("jetstream_domain", errors.New("it and api_prefix exclude each other: keep one of them"))
	case domain != "":
		prefix = natspub.DomainPrefix(domain)
	case api != "":
		prefix = api
	}
	if inbox != "" {
		c.InboxPrefix = inbox
	}
	return prefix, errors.Join(problems...)
}

// resolveContext takes what a context of the nats tool says.
func (n *NATS) resolveContext(c *natspub.ConnectConfig) (prefix string, err error) {
	if len(n.URLs) > 0 || n.Credentials != "" || n.NKey != "" || n.User != "" || n.Password != "" || n.Token != "" || n.TLS != nil {
		return "", errors.New("it says where the servers are and how to log in: remove the URLs, the login and tls, or the context")
	}
	name, err := resolveSetting(n.Context)
	if err != nil {
		return "", err
	}
	found, err := natspub.LoadContext(name)
	if err != nil {
		return "", err
	}
	label := c.Name
	*c = found.Connect
	c.Name = label
	return found.APIPrefix, checkTLS(c)
}

// resolveServers takes the URLs, the login and the files of TLS.
func (n *NATS) resolveServers(c *natspub.ConnectConfig, add func(name string, err error)) {
	if len(n.URLs) == 0 {
		add("urls", errors.New("write the servers' URLs, such as tls://nats-1:4222, or a context of the nats tool"))
	}
	for _, raw := range n.URLs {
		url, err := resolveSetting(raw)
		if err == nil {
			err = checkServerURL(url)
		}
		add("url", err)
		c.URLs = append(c.URLs, url)
	}
	var nkey string
	for _, s := range []struct {
		name, value string
		into        *string
	}{{"nkey", n.NKey, &nkey}, {"password", n.Password, &c.Password}, {"token", n.Token, &c.Token}} {
		if s.value == "" {
			continue
		}
		value, err := resolveSecret(s.value, false)
		add(s.name, err)
		*s.into = value
	}
	c.NKeySeed = []byte(nkey)
	if nkey != "" && (len(nkey) != nkeySeedLength || !strings.HasPrefix(nkey, "SU")) {
		add("nkey", fmt.Errorf("it is not the seed of a user: it has %d characters and begins with SU", nkeySeedLength))
	}
	files := n.TLS
	if files == nil {
		files = new(TLS)
	}
	c.TLSFirst = files.First
	complete := true
	for _, s := range []struct {
		name, value string
		file        bool
		into        *string
	}{
		{"user", n.User, false, &c.User},
		{"credentials", n.Credentials, true, &c.Credentials},
		{"tls: ca", files.CA, true, &c.CA},
		{"tls: cert", files.Cert, true, &c.Cert},
		{"tls: key", files.Key, true, &c.Key},
	} {
		if s.value == "" {
			continue
		}
		value, err := resolveSetting(s.value)
		if err == nil && s.file {
			err = readable(value)
		}
		complete = complete && err == nil
		add(s.name, err)
		*s.into = value
	}
	if complete {
		add("tls", checkTLS(c))
	}
	ways := 0
	for _, set := range []bool{n.Credentials != "", n.NKey != "", n.User != "" || n.Password != "", n.Token != ""} {
		if set {
			ways++
		}
	}
	if ways > 1 {
		add("login", errors.New("credentials, nkey, user and token exclude each other: keep one of them"))
	}
	if (n.User == "") != (n.Password == "") {
		add("login", errors.New("user and password belong together: set both"))
	}
}

// isSubject reports whether the text can be the beginning of a subject, or one
// word of it.
func isSubject(text string, one bool) bool {
	for word := range strings.SplitSeq(text, ".") {
		if word == "" || strings.ContainsAny(word, "*> \t\r\n{}") {
			return false
		}
	}
	return !one || !strings.Contains(text, ".")
}

// checkServerURL returns an error that names the URL, but not one that holds a
// password.
func checkServerURL(raw string) error {
	u, err := url.Parse(raw)
	if err == nil && u.User != nil {
		return fmt.Errorf("the URL of %s: %w; use user, password or token", u.Host, ErrLiteralSecret)
	}
	const cure = "write nats://host:port or tls://host:port"
	if err != nil || u.Host == "" || !slices.Contains([]string{"nats", "tls", "ws", "wss"}, u.Scheme) {
		return fmt.Errorf("%q is not the URL of a NATS server: %s", redact(raw), cure)
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return fmt.Errorf("%q has no port between 1 and 65535: %s", redact(raw), cure)
		}
	}
	return nil
}

// checkTLS reads the files as the connection will.
func checkTLS(c *natspub.ConnectConfig) error {
	if (c.Cert == "") != (c.Key == "") {
		return errors.New("cert and key belong together: set both")
	}
	if c.CA != "" {
		pem, err := os.ReadFile(c.CA)
		if err != nil {
			return err
		}
		if !x509.NewCertPool().AppendCertsFromPEM(pem) {
			return fmt.Errorf("ca: there is no certificate in %s: use a file in PEM", c.CA)
		}
	}
	if c.Cert != "" {
		if _, err := tls.LoadX509KeyPair(c.Cert, c.Key); err != nil {
			return fmt.Errorf("cert and key: %w", err)
		}
	}
	return nil
}

func readable(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	return f.Close()
}
