package natspub

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// Context is a context of the nats tool, as `nats context add` makes it.
type Context struct {
	// Connect is how to reach the servers, without a name and a logger.
	Connect ConnectConfig
	// APIPrefix is where JetStream is asked; "" means `$JS.API`.
	APIPrefix string
}

// nscPatience bounds the one program that is asked.
const nscPatience = 10 * time.Second

// contextFile is what the nats tool writes. What it knows besides is not about
// connections.
type contextFile struct {
	URL          string `json:"url"`
	SocksProxy   string `json:"socks_proxy"`
	Token        string `json:"token"`
	User         string `json:"user"`
	Password     string `json:"password"`
	Creds        string `json:"creds"`
	NKey         string `json:"nkey"`
	JWT          string `json:"user_jwt"`
	Cert         string `json:"cert"`
	Key          string `json:"key"`
	CA           string `json:"ca"`
	NSC          string `json:"nsc"`
	Domain       string `json:"jetstream_domain"`
	APIPrefix    string `json:"jetstream_api_prefix"`
	InboxPrefix  string `json:"inbox_prefix"`
	TLSFirst     bool   `json:"tls_first"`
	WindowsStore string `json:"windows_cert_store"`
}

// LoadContext reads the context of that name from where the nats tool keeps
// them: `nats/context/<name>.json` in $XDG_CONFIG_HOME, else in ~/.config. A name
// that is a path is read from there. An empty name is the context that is
// selected. The errors hold no secret.
func LoadContext(name string) (*Context, error) {
	file, err := findContext(name)
	if err != nil {
		return nil, fmt.Errorf("nats context %q: %w", name, err)
	}
	c, err := readContext(file)
	if names := Contexts(); errors.Is(err, fs.ErrNotExist) && !filepath.IsAbs(name) && len(names) > 0 {
		err = fmt.Errorf("%w; there are %s", err, strings.Join(names, ", "))
	}
	if err != nil {
		return nil, fmt.Errorf("nats context %s: %w", file, err)
	}
	return c, nil
}

// Contexts returns the names that [LoadContext] takes, in order; none if there are
// none, or if they cannot be read.
func Contexts() []string {
	dir, err := contextDir()
	if err != nil {
		return nil
	}
	files, err := filepath.Glob(filepath.Join(dir, "context", "*.json"))
	if err != nil {
		return nil
	}
	var names []string
	for _, file := range files {
		names = append(names, strings.TrimSuffix(filepath.Base(file), ".json"))
	}
	slices.Sort(names)
	return names
}

// contextDir is where the nats tool keeps what it knows.
func contextDir() (string, error) {
	parent := os.Getenv("XDG_CONFIG_HOME")
	if parent == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", err
		}
		parent = filepath.Join(home, ".config")
	}
	return filepath.Join(parent, "nats"), nil
}

func findContext(name string) (string, error) {
	if filepath.IsAbs(name) {
		return name, nil
	}
	dir, err := contextDir()
	if err != nil {
		return "", err
	}
	if name == "" {
		selected, err := os.ReadFile(filepath.Join(dir, "context.txt"))
		if err != nil {
			return "", fmt.Errorf("none is selected: %w", err)
		}
		name = strings.TrimSpace(string(selected))
	}
	if name == "" || strings.Contains(name, "..") || strings.ContainsAny(name, `/\`) {
		return "", errors.New("it is not the name of a context: see `nats context ls`, or write the absolute path of its file")
	}
	return filepath.Join(dir, "context", name+".json"), nil
}

func readContext(file string) (*Context, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var f contextFile
	if err := json.Unmarshal(text, &f); err != nil {
		return nil, errors.New("it is not the JSON of a context, as `nats context add` writes it") // the error of JSON may quote
	}
	c := &Context{APIPrefix: f.APIPrefix, Connect: ConnectConfig{
		User: f.User, Password: f.Password, Token: f.Token, JWT: f.JWT,
		Credentials: expand(os.ExpandEnv(f.Creds)), Cert: expand(f.Cert), Key: expand(f.Key), CA: expand(f.CA),
		TLSFirst: f.TLSFirst, InboxPrefix: f.InboxPrefix,
	}}
	if f.Domain != "" {
		c.APIPrefix = DomainPrefix(f.Domain)
	}
	switch {
	case f.SocksProxy != "":
		return nil, errors.New("socks_proxy is not supported: connect without a proxy")
	case f.WindowsStore != "":
		return nil, errors.New("windows_cert_store is not supported: use cert, key and ca")
	case strings.HasPrefix(f.Creds, "op://"):
		return nil, errors.New("creds of 1Password are not supported: a gateway starts where nobody unlocks it; use a file")
	case f.NSC != "":
		if err := f.askNSC(c); err != nil {
			return nil, err
		}
	}
	if f.NKey != "" {
		seed, err := os.ReadFile(expand(f.NKey))
		if err != nil {
			return nil, err
		}
		c.Connect.NKeySeed = seedIn(seed)
	}
	if f.JWT != "" && len(c.Connect.NKeySeed) == 0 {
		return nil, errors.New("user_jwt has no nkey to sign with: add nkey, or use creds")
	}
	if f.URL == "" && len(c.Connect.URLs) == 0 {
		f.URL = nats.DefaultURL
	}
	if f.URL != "" {
		c.Connect.URLs = nil
		for raw := range strings.SplitSeq(f.URL, ",") {
			if err := c.Connect.add(strings.TrimSpace(raw)); err != nil {
				return nil, err
			}
		}
	}
	return c, nil
}

// DomainPrefix returns where JetStream of a domain is asked.
func DomainPrefix(domain string) string { return "$JS." + domain + ".API" }

// add takes a URL, and the login in it as that of the connection: URLs are shown
// in logs.
func (cfg *ConnectConfig) add(raw string) error {
	if !strings.Contains(raw, "://") {
		raw = "nats://" + raw
	}
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" {
		return errors.New("url: it is not the URL of a NATS server: write nats://host:port or tls://host:port")
	}
	if u.User != nil {
		user, token := u.User.Username(), ""
		password, both := u.User.Password()
		if !both {
			user, token = "", user
		}
		if cfg.User != "" && cfg.User != user || cfg.Token != "" && cfg.Token != token || len(cfg.NKeySeed) > 0 || cfg.Credentials != "" {
			return errors.New("url: it has a login, and there is another one: keep one of them")
		}
		cfg.User, cfg.Password, cfg.Token = user, password, token
		u.User = nil
	}
	cfg.URLs = append(cfg.URLs, u.String())
	return nil
}

// askNSC asks the tool that the context names for the credentials and the URLs
// of a user, as the nats tool does.
func (f *contextFile) askNSC(c *Context) error {
	if !strings.HasPrefix(f.NSC, "nsc://") {
		return errors.New("nsc: it is not nsc://operator/account/user")
	}
	ctx, cancel := context.WithTimeout(context.Background(), nscPatience)
	defer cancel()
	out, err := exec.CommandContext(ctx, "nsc", "generate", "profile", f.NSC).Output() //nolint:gosec // the operator's own file names it
	if err != nil {
		return fmt.Errorf("asking nsc for %s: %w", f.NSC, err)
	}
	var profile struct {
		Creds    string `json:"user_creds"`
		Operator struct {
			Service []string `json:"service"`
		} `json:"operator"`
	}
	if err := json.Unmarshal(out, &profile); err != nil || profile.Creds == "" {
		return fmt.Errorf("asking nsc for %s: it names no file of credentials", f.NSC)
	}
	c.Connect.Credentials = profile.Creds
	for _, raw := range profile.Operator.Service {
		if err := c.Connect.add(raw); err != nil {
			return err
		}
	}
	return nil
}

// seedIn returns the seed in a file that may hold comments and more lines.
func seedIn(text []byte) []byte {
	for line := range bytes.Lines(text) {
		if line = bytes.TrimSpace(line); bytes.HasPrefix(line, []byte("SU")) {
			return line
		}
	}
	return bytes.TrimSpace(text)
}

// expand replaces a ~ at the beginning by the user's directory.
func expand(path string) string {
	if rest, ok := strings.CutPrefix(path, "~"); ok {
		if home, err := os.UserHomeDir(); err == nil {
			return home + rest
		}
	}
	return path
}
