package cli

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/term"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/providers"
)

// InitEmbedded is the value of InitOptions.NATS for JetStream inside Caddy.
const InitEmbedded = "embedded"

// InitOptions say what [Init] writes.
type InitOptions struct {
	// Providers are the senders, by name. Required, unless they are asked for.
	Providers []string
	// Site is the address of the site, as a Caddyfile has it. Required, unless it is
	// asked for.
	Site string
	// PublicURL is where providers reach the site; "" for https:// and the site's
	// host, if it has one.
	PublicURL string
	// NATS is [InitEmbedded], or the URLs of a cluster, separated by commas. Empty
	// means embedded.
	NATS string
	// Out is the file to write; "" means Caddyfile, and - standard output.
	Out string
	// EnvFile is a file for the environment variables with secrets; "" for none.
	EnvFile string
	// Force overwrites files.
	Force bool
	// Interactive asks for what is not given, on Questions, and reads answers from
	// Stdin. Where no provider is given, and Stdin is a terminal, it asks anyway.
	Interactive bool
	Stdin       io.Reader
	Questions   io.Writer
	// JSON prints an object and no text.
	JSON bool
}

// initRoute is what is written for one provider.
type initRoute struct {
	Provider string `json:"provider"`
	Title    string `json:"title"`
	// URL is what is entered at the provider.
	URL string `json:"url"`
	// Setup says where, and Docs is the provider's page.
	Setup string `json:"setup"`
	Docs  string `json:"docs,omitempty"`
	// Variables are what has to be set.
	Variables []initVariable `json:"variables"`

	p verifiers.Provider
}

// initVariable is an environment variable with a secret.
type initVariable struct {
	Name string `json:"name"`
	// Is says what it is, and Ours that we choose it.
	Is   string `json:"is"`
	Ours bool   `json:"ours"`

	value string
}

// initAnswer is what is printed as JSON.
type initAnswer struct {
	File      string      `json:"file"`
	Caddyfile string      `json:"caddyfile,omitempty"`
	EnvFile   string      `json:"env_file,omitempty"`
	Providers []initRoute `json:"providers"`
}

// Init writes a Caddyfile for the providers, a list of the secrets that it needs, and
// says what to do at each of them. Files that are there are left alone, unless it is
// forced. An error wraps [ErrUsage] for what is unknown, missing or there already.
func Init(ctx context.Context, o InitOptions, out io.Writer) error {
	if f, ok := o.Stdin.(*os.File); ok && len(o.Providers) == 0 && term.IsTerminal(int(f.Fd())) {
		o.Interactive = true
	}
	if o.Interactive {
		if err := o.ask(ctx); err != nil {
			return err
		}
	}
	caddyfile, routes, err := o.compose()
	if err != nil {
		return err
	}
	o.Out = or(o.Out, "Caddyfile")
	files := []struct {
		name, flag string
		text       []byte
		mode       os.FileMode
	}{{o.Out, "--out", caddyfile, 0o644}, {o.EnvFile, "--env-file", envFile(routes), 0o600}}
	for _, f := range files {
		if f.name == "" || f.name == "-" || o.Force {
			continue
		}
		if _, err := os.Lstat(f.name); err == nil {
			return fmt.Errorf("%w: %s is there already: name another with %s, or overwrite it with --force", ErrUsage, f.name, f.flag)
		}
	}
	for _, f := range files {
		if f.name == "" || f.name == "-" {
			continue
		}
		if err := replaceFile(f.name, f.text, f.mode); err != nil {
			return ofFile(err)
		}
	}
	if o.JSON {
		answer := initAnswer{File: o.Out, EnvFile: o.EnvFile, Providers: routes}
		if o.Out == "-" {
			answer.Caddyfile = string(caddyfile)
		}
		return printJSON(out, answer)
	}
	steps := out
	if o.Out == "-" {
		if _, err := out.Write(caddyfile); err != nil {
			return fmt.Errorf("writing: %w", err)
		}
		if steps = o.Questions; steps == nil {
			return nil
		}
	}
	return o.writeSteps(steps, routes)
}

// replaceFile writes a file as a whole: nobody sees a part of it.
func replaceFile(name string, text []byte, mode os.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+"-*")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err := errors.Join(err, f.Chmod(mode), f.Close()); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return os.Rename(f.Name(), name)
}

// ask asks for what is not given.
func (o *InitOptions) ask(ctx context.Context) error {
	lines := bufio.NewScanner(o.Stdin)
	question := func(text, fallback string, check func(string) error) (string, error) {
		for {
			if fallback != "" {
				text += " [" + fallback + "]"
			}
			fmt.Fprintf(o.Questions, "%s: ", text)
			if !lines.Scan() || ctx.Err() != nil {
				fmt.Fprintln(o.Questions)
				return "", errors.Join(fmt.Errorf("%w: there was no answer to %q", ErrUsage, text), lines.Err(), ctx.Err())
			}
			answer := or(strings.TrimSpace(lines.Text()), fallback)
			err := check(answer)
			if err == nil {
				return answer, nil
			}
			fmt.Fprintln(o.Questions, visible(strings.TrimPrefix(err.Error(), ErrUsage.Error()+": "), false))
			text = strings.TrimSuffix(text, " ["+fallback+"]")
		}
	}
	if len(o.Providers) == 0 {
		answer, err := question("Providers, separated by commas, such as github, stripe (`caddy webhooks providers` lists them)", "", func(s string) error {
			_, err := initProviders(splitWords(s))
			return err
		})
		if err != nil {
			return err
		}
		o.Providers = splitWords(answer)
	}
	for _, q := range []struct {
		into           *string
		text, fallback string
		check          func(string) error
	}{
		{&o.Site, "Domain under which they reach this server, such as hooks.example.com", "", checkSite},
		{&o.NATS, "NATS: embedded, or the URLs of your servers, such as tls://nats-1:4222", InitEmbedded, checkNATS},
		{&o.Out, "File to write", "Caddyfile", func(s string) error { return o.absent(s) }},
		{&o.EnvFile, "File for the secrets, - for none", ".env", func(s string) error { return o.absent(s) }},
	} {
		if *q.into != "" {
			continue
		}
		answer, err := question(q.text, q.fallback, q.check)
		if err != nil {
			return err
		}
		*q.into = answer
	}
	if o.EnvFile == "-" {
		o.EnvFile = ""
	}
	return nil
}

func (o *InitOptions) absent(file string) error {
	if _, err := os.Lstat(file); err == nil && !o.Force && file != "-" {
		return fmt.Errorf("%s is there already: name another", file)
	}
	return nil
}

func splitWords(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' })
}

// initProviders looks the providers up.
func initProviders(names []string) (list []verifiers.Provider, err error) {
	if len(names) == 0 {
		return nil, fmt.Errorf("%w: name the providers with --provider, such as --provider github; `caddy webhooks providers` lists them", ErrUsage)
	}
	for _, name := range names {
		p, err := lookup(name)
		if err != nil {
			return nil, err
		}
		if p.Scheme == nil || p.Name == providers.HMAC.Name {
			return nil, fmt.Errorf("%w: %s is for senders that you describe yourself: see docs/caddyfile.md", ErrUsage, p.Name)
		}
		if !slices.ContainsFunc(list, func(other verifiers.Provider) bool { return other.Name == p.Name }) {
			list = append(list, p)
		}
	}
	return list, nil
}

// checkSite looks whether the text can be the address of a site.
func checkSite(site string) error {
	if site == "" {
		return fmt.Errorf("%w: name the domain with --site, such as --site hooks.example.com", ErrUsage)
	}
	if strings.ContainsAny(site, " \t\r\n{}\"'`,") {
		return fmt.Errorf("%w: %q is not the address of one site: write a domain such as hooks.example.com, or http://127.0.0.1:8080", ErrUsage, site)
	}
	rest := site
	if u, err := url.Parse(site); err == nil && u.Host != "" {
		if u.Scheme != "http" && u.Scheme != "https" || strings.Trim(u.Path, "/") != "" || u.User != nil || u.RawQuery != "" {
			return fmt.Errorf("%w: %q is not the address of a site: write scheme, host and port at most", ErrUsage, site)
		}
		rest = u.Host
	}
	if host, port, err := net.SplitHostPort(rest); err == nil && (strings.ContainsAny(host, "/?#@") || port == "") || err != nil && strings.ContainsAny(rest, "/?#@") {
		return fmt.Errorf("%w: %q is not the address of a site: write a domain such as hooks.example.com", ErrUsage, site)
	}
	return nil
}

// checkNATS looks whether the text is embedded, or are URLs of servers.
func checkNATS(text string) error {
	if text == InitEmbedded {
		return nil
	}
	for server := range strings.SplitSeq(text, ",") {
		u, err := url.Parse(strings.TrimSpace(server))
		if err != nil || u.Host == "" || !slices.Contains([]string{"nats", "tls", "ws", "wss"}, u.Scheme) {
			return fmt.Errorf("%w: --nats: write %s, or URLs such as tls://nats-1:4222,tls://nats-2:4222", ErrUsage, InitEmbedded)
		}
		if u.User != nil {
			return fmt.Errorf("%w: --nats: leave the login out of the URL: the Caddyfile shows where it goes", ErrUsage)
		}
	}
	return nil
}

// compose makes the Caddyfile.
func (o *InitOptions) compose() (caddyfile []byte, routes []initRoute, err error) {
	list, err := initProviders(o.Providers)
	if err != nil {
		return nil, nil, err
	}
	o.NATS = or(o.NATS, InitEmbedded)
	if err := errors.Join(checkSite(o.Site), checkNATS(o.NATS)); err != nil {
		return nil, nil, err
	}
	public := o.publicURL()
	if o.PublicURL != "" {
		if u, err := url.Parse(o.PublicURL); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
			return nil, nil, fmt.Errorf("%w: --public-url: write scheme and host, such as https://hooks.example.com", ErrUsage)
		}
	}
	w := &initWriter{}
	w.global(o, list, public)
	w.line(0, "")
	w.line(0, "%s {", o.Site)
	for i, p := range list {
		if i > 0 {
			w.line(0, "")
		}
		routes = append(routes, w.route(p, public))
	}
	w.line(0, "")
	w.note(1, "Caddy answers what nothing handles with an empty 200, and a provider with a mistake in its URL would lose every event.")
	w.line(1, "respond 404")
	w.line(0, "")
	places := initSecretPlaces(list)
	if len(places) == 0 {
		w.line(1, "log")
	} else {
		w.note(1, "Caddy hides Authorization and cookies only; these providers send their secret elsewhere.")
		w.b.WriteString(LogFilter(places, "\t"))
	}
	w.line(0, "}")
	return w.b.Bytes(), routes, nil
}

// publicURL is what is entered at providers, without the path; "" if that is not
// known.
func (o *InitOptions) publicURL() string {
	if o.PublicURL != "" {
		return strings.TrimRight(o.PublicURL, "/")
	}
	site := strings.TrimSuffix(o.Site, "/")
	switch host, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(site, "https://"), "http://"), ":"); {
	case host == "":
		return ""
	case strings.HasPrefix(site, "http://"), strings.HasPrefix(site, "https://"):
		return site
	}
	return "https://" + site
}

// initSecretPlaces are where secrets are that Caddy would log.
func initSecretPlaces(list []verifiers.Provider) (places []SecretPlace) {
	for _, p := range list {
		for _, s := range SecretPlaces(p) {
			if !slices.Contains(places, s) && !strings.EqualFold(s.Header, "Authorization") && !strings.EqualFold(s.Header, "Cookie") {
				places = append(places, s)
			}
		}
	}
	return places
}

// initWriter writes a Caddyfile.
type initWriter struct{ b bytes.Buffer }

func (w *initWriter) line(depth int, format string, args ...any) {
	if format == "" {
		w.b.WriteByte('\n')
		return
	}
	fmt.Fprintf(&w.b, "%s%s\n", strings.Repeat("\t", depth), fmt.Sprintf(format, args...))
}

// note writes a comment, in lines that are not too long.
func (w *initWriter) note(depth int, text string) {
	const longest = 80
	line := "#"
	for word := range strings.FieldsSeq(text) {
		if len(line)+1+len(word) > longest && line != "#" {
			w.line(depth, "%s", line)
			line = "#"
		}
		line += " " + word
	}
	w.line(depth, "%s", line)
}

// global writes the global block.
func (w *initWriter) global(o *InitOptions, list []verifiers.Provider, public string) {
	w.note(0, "Written by `caddy webhooks init`. `caddy webhooks doctor` says whether all is well.")
	w.line(0, "{")
	w.note(1, "Caddy's admin API, for this machine alone: `caddy reload` and the tools of `caddy webhooks` use it. It has the metrics, too, at /metrics.")
	w.line(1, "admin localhost:2019")
	w.line(1, "metrics")
	w.line(0, "")
	w.note(1, "Requests that are being served when Caddy stops get so long to finish.")
	w.line(1, "grace_period 10s")
	w.line(0, "")
	if places := initSecretPlaces(list); len(places) > 0 {
		w.note(1, "What Caddy logs of a request that failed; see the site's log.")
		w.b.WriteString(LogFilter(places, "\t"))
		w.line(0, "")
	}
	w.line(1, "webhooks {")
	if public != "" {
		w.note(2, "What providers see, for signatures over the URL and for ce-source.")
		w.line(2, "public_url %s", public)
		w.line(0, "")
	}
	if o.NATS == InitEmbedded {
		w.note(2, "JetStream in this process: events are on this machine's disk, synced, before a provider is told that they have arrived. Without store_dir they are in Caddy's data directory.")
		w.line(2, "nats embedded {")
		w.note(3, "store_dir /var/lib/caddy/webhooks")
		w.note(3, "For services that read events here; there is no password.")
		w.note(3, "listen 127.0.0.1:4222")
		w.line(2, "}")
	} else {
		servers := splitWords(o.NATS)
		w.note(2, "An existing cluster. docs/permissions.md has a user for it with no more than what is needed.")
		w.line(2, "nats %s {", strings.Join(servers, " "))
		w.note(3, "credentials /run/secrets/gateway.creds")
		w.note(3, "user gateway")
		w.note(3, "password {env.NATS_PASSWORD}")
		w.line(2, "}")
		w.line(2, "stream WEBHOOKS {")
		w.note(3, "Three servers keep each event, so that none is lost with one of them. Write 1 if there is only one.")
		w.line(3, "replicas %d", map[bool]int{true: 3, false: 1}[len(servers) >= 3])
		w.line(2, "}")
	}
	w.line(1, "}")
	w.line(0, "}")
}

// route writes the line of a provider, and says what it needs.
func (w *initWriter) route(p verifiers.Provider, public string) initRoute {
	r := initRoute{Provider: p.Name, Title: p.Title, Setup: p.Setup, Docs: p.Docs, Variables: []initVariable{}, p: p}
	r.URL = or(public, "https://<your domain>") + "/" + p.Name
	w.note(1, p.Title+". "+p.Docs)
	line := fmt.Sprintf("webhooks /%s %s", p.Name, p.Name)
	if p.SecretHint != "" {
		v := initVariable{Name: initSecretName(p), Is: p.SecretHint, Ours: chosenByUs(p)}
		if v.Ours {
			v.value = freshFor(p)
		}
		r.Variables = append(r.Variables, v)
		line += " {env." + v.Name + "}"
		if at := secretInURL(p); at != "" {
			r.URL += "?" + at + "=<" + v.Name + ">"
		}
	}
	var options []verifiers.Option
	for _, o := range p.Options {
		ofHandshake := slices.ContainsFunc(p.Handshakes, func(h verifiers.Handshake) bool { return h.TokenOption == o.Name || h.ConfirmOption == o.Name })
		// Without a secret, options are what tells the operator's events from others'.
		if o.Required || ofHandshake || o.Example != "" && p.SecretHint == "" {
			options = append(options, o)
		}
	}
	if delivers(p) {
		w.note(1, "The secret is delivered when the webhook is set up: make a directory for it, and write `capture_secret /var/lib/caddy/secrets/"+p.Name+"` in a block instead of the secret on the line.")
	}
	if len(options) == 0 {
		w.line(1, "%s", line)
		return r
	}
	w.line(1, "%s {", line)
	for _, o := range options {
		w.note(2, o.Doc)
		w.line(2, "option %s %s", o.Name, initOption(p, o))
		if o.Secret {
			r.Variables = append(r.Variables, initVariable{Name: initOptionName(p, o), Is: strings.TrimSuffix(o.Doc, "."), Ours: true, value: FreshSecret()})
		}
	}
	w.line(1, "}")
	return r
}

// initOption is the value of an option: that of its example, until it is changed.
func initOption(p verifiers.Provider, o verifiers.Option) string {
	if o.Secret {
		return "{env." + initOptionName(p, o) + "}"
	}
	for i := range p.Handshakes {
		if p.Handshakes[i].ConfirmOption == o.Name {
			return "on"
		}
	}
	value := exampleOption(p.Name, o)
	if strings.ContainsAny(value, " \t\"") {
		value = "`" + value + "`"
	}
	return value
}

func initOptionName(p verifiers.Provider, o verifiers.Option) string {
	return strings.ToUpper(strings.ReplaceAll(p.Name, "-", "_") + "_" + o.Name)
}

// initSecretName is the environment variable in which `caddy webhooks send` finds the
// secret as well.
func initSecretName(p verifiers.Provider) string { return secretVariables(p.Name)[0] }
