package caddymodule

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/cli"
)

// doctorOptions say which configuration is looked at.
type doctorOptions struct {
	cli.DoctorOptions
	// Config is the file, Adapter what it is adapted with, as those of `caddy run`.
	Config, Adapter string
	// Address is the admin API of a Caddy whose configuration is looked at instead.
	Address string
	// EnvFiles hold environment variables, as `caddy run --envfile` reads them.
	EnvFiles   []string
	Only, Skip []string
}

// doctor looks at one configuration. It starts nothing.
type doctor struct {
	*cli.DoctorReport
	file   string         // "" if it is that of a running Caddy
	config []byte         // as JSON
	raw    map[string]any // the same
	places *doctorPlaces
	hooks  []*doctorHook
	logged []doctorLog
	live   *cli.DoctorRunning // nil: nobody answers
	admin  string             // where the admin API is; "" if it is off

	app  *App // nil: it could not be provisioned
	http *caddyhttp.App

	blind   map[string]string // why a connection cannot be asked, by its name
	lacking bool              // a secret of the app could not be replaced
	names   int               // of variables that stand in for secrets
}

// doctorHook is one webhooks handler of the configuration.
type doctorHook struct {
	*doctorSite
	raw    map[string]any
	place  string   // file:line, as far as it is known
	paths  []string // that reach it; nil: all
	h      *Handler // nil: not provisioned
	others []string // of its matchers, besides path and host
	way    doctorWay

	shadowed bool // it is never reached
}

// label names the hook in findings.
func (k *doctorHook) label() string {
	name, _ := k.raw["source"].(string)
	if name == "" {
		name, _ = k.raw["provider"].(string)
	}
	if tenant, _ := k.raw["tenant"].(string); tenant != "" {
		name = tenant + "/" + name
	}
	return fmt.Sprintf("route %q", name)
}

// runDoctor looks at a configuration and prints what it finds.
func runDoctor(ctx context.Context, o doctorOptions, out io.Writer) error {
	report, err := cli.NewDoctorReport(o.Only, o.Skip)
	if err != nil {
		return err
	}
	for _, file := range o.EnvFiles {
		if err := loadVariables(file); err != nil {
			return fmt.Errorf("%w: --env-file: %s: %w", cli.ErrUsage, file, err)
		}
	}
	d := &doctor{DoctorReport: report, blind: make(map[string]string)}
	readable, err := d.read(ctx, &o)
	if err != nil {
		return err
	}
	subject := cli.DoctorSubject{}
	if readable {
		subject = d.examine(ctx, &o)
	}
	return cli.Doctor(ctx, o.DoctorOptions, subject, report, out)
}

// read gets the configuration. The error says that there is none; what is wrong
// with it is a finding.
func (d *doctor) read(ctx context.Context, o *doctorOptions) (ok bool, err error) {
	if o.Address != "" {
		if o.Config != "" || o.Adapter != "" {
			return false, fmt.Errorf("%w: --config and --address contradict each other: the one names a file, the other a Caddy that runs", cli.ErrUsage)
		}
		if d.live, err = cli.AskRunning(ctx, o.Address); err != nil {
			return false, err
		}
		d.config, d.admin, d.places = d.live.Config, o.Address, new(doctorPlaces)
		return d.decode(), nil
	}
	d.file = o.Config
	if d.file == "" {
		if o.Adapter != "" {
			return false, fmt.Errorf("%w: --adapter needs --config", cli.ErrUsage)
		}
		if d.file = "Caddyfile"; !exists(d.file) {
			return false, fmt.Errorf("%w: there is no Caddyfile here: name a configuration with --config, or the admin API of a Caddy that runs with --address", cli.ErrUsage)
		}
	}
	text, err := os.ReadFile(d.file)
	if err != nil {
		return false, fmt.Errorf("%w: %w", cli.ErrUsage, err)
	}
	if info, err := os.Stat(d.file); err == nil && time.Until(info.ModTime()) > time.Hour {
		d.Add("clock-behind", d.file, "", fmt.Sprintf("it was written on %s, and here it is %s",
			info.ModTime().UTC().Format(time.RFC3339), time.Now().UTC().Format(time.RFC3339)))
	}
	adapter := o.Adapter
	if base := strings.ToLower(filepath.Base(d.file)); adapter == "" && filepath.Ext(base) != ".json" &&
		(strings.HasPrefix(base, "caddyfile") || strings.HasSuffix(base, ".caddyfile")) {
		adapter = "caddyfile"
	}
	d.places = new(doctorPlaces)
	if adapter == "" {
		d.config = text
		return d.decode(), nil
	}
	with := caddyconfig.GetAdapter(adapter)
	if with == nil {
		return false, fmt.Errorf("%w: there is no adapter %q", cli.ErrUsage, adapter)
	}
	if adapter == "caddyfile" {
		d.places = newDoctorPlaces(d.file, text)
	}
	adapted, warnings, err := with.Adapt(text, map[string]any{"filename": d.file})
	if err != nil {
		code := "config-adapt"
		if strings.Contains(err.Error(), ErrLiteralSecret.Error()) || strings.Contains(err.Error(), ErrRequestSecret.Error()) {
			code = "secret-reference"
		}
		d.Add(code, d.file, placeIn(err.Error()), err.Error())
		return false, nil
	}
	for _, w := range warnings {
		what := w.Message
		if w.Directive != "" {
			what = w.Directive + ": " + what
		}
		d.Add("config-warning", "", fmt.Sprintf("%s:%d", w.File, w.Line), what)
	}
	d.config = adapted
	return d.decode(), nil
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

var fileAndLine = regexp.MustCompile(`[^\s,"'(]+:\d+`)

// placeIn finds file and line in an error of the Caddyfile.
func placeIn(text string) string { return fileAndLine.FindString(text) }

func (d *doctor) decode() bool {
	d.config = caddy.RemoveMetaFields(d.config)
	err := json.Unmarshal(d.config, &d.raw)
	if err == nil && d.raw == nil {
		d.raw = map[string]any{} // a Caddy without a configuration says null
	}
	if err != nil {
		d.Add("config-adapt", d.file, "", "it is neither JSON nor a Caddyfile by its name: "+err.Error(), "name its adapter with --adapter")
	}
	return err == nil
}

// examine looks at all that the configuration says.
func (d *doctor) examine(ctx context.Context, o *doctorOptions) cli.DoctorSubject {
	d.lookAtAdmin(ctx, o)
	d.walk()
	d.logged = d.logs()
	d.lookAtSecrets()
	d.provision()
	if len(d.hooks) == 0 {
		d.Add("no-routes", d.file, "", "no site has the directive webhooks")
	}
	for _, k := range d.hooks {
		d.lookAtRoute(k)
	}
	d.lookAtSources()
	d.lookAtSites()
	d.lookAtLogs()
	subject := cli.DoctorSubject{}
	if d.app != nil {
		d.lookAtApp()
		subject.Brokers = d.brokers()
	}
	return subject
}

// provision does what `caddy validate` does, with values that stand in for secrets
// that are not there. What it would log it does not. It ends with the process.
func (d *doctor) provision() {
	if d.lacking {
		d.Skipped("the configuration was not loaded: a secret of the global block has no value")
		return
	}
	d.silence()
	for i, k := range d.hooks {
		k.raw["origin"] = originOf(i)
	}
	text, err := json.Marshal(d.raw)
	if err == nil {
		var cfg *caddy.Config
		if err = caddy.StrictUnmarshalJSON(text, &cfg); err == nil {
			err = d.load(cfg)
		}
	}
	for _, k := range d.hooks {
		k.raw["origin"] = k.place
	}
	if err != nil {
		what := doctorOrigin.ReplaceAllStringFunc(err.Error(), func(text string) string {
			n, _ := strconv.Atoi(doctorOrigin.FindStringSubmatch(text)[1])
			return d.hooks[n].place
		})
		d.Add("config-load", d.file, placeIn(what), what)
		return
	}
	loaded := "the configuration loads"
	if d.names > 0 && d.file != "" {
		loaded = "but for its secrets the configuration loads"
	}
	if n := len(d.hooks); n != 1 {
		loaded += fmt.Sprintf(", with %d routes", n)
	} else {
		loaded += ", with one route"
	}
	d.OK(d.file, loaded)
}

// originOf is how a handler is found again.
func originOf(i int) string { return fmt.Sprintf("doctor#%d", i) }

var doctorOrigin = regexp.MustCompile(`doctor#(\d+)`)

// load provisions the configuration, and finds the apps and the handlers.
func (d *doctor) load(cfg *caddy.Config) error {
	ctx, err := caddy.ProvisionContext(cfg)
	if err != nil {
		return err
	}
	for _, name := range []string{"http", "webhooks"} {
		app, err := ctx.AppIfConfigured(name)
		if err != nil {
			continue // not there
		}
		switch app := app.(type) {
		case *caddyhttp.App:
			d.http = app
		case *App:
			d.app = app
		}
	}
	if d.app == nil {
		return nil
	}
	for _, h := range d.app.handlers {
		if m := doctorOrigin.FindStringSubmatch(h.Origin); m != nil {
			n, _ := strconv.Atoi(m[1])
			h.Origin, d.hooks[n].h = d.hooks[n].place, h
		}
	}
	return nil
}

// silence leaves the settings of logs to be checked, and has nothing written.
func (d *doctor) silence() {
	logging, ok := d.raw["logging"].(map[string]any)
	if !ok {
		logging = map[string]any{}
		d.raw["logging"] = logging
	}
	delete(logging, "sink")
	logs, ok := logging["logs"].(map[string]any)
	if !ok {
		logs = map[string]any{}
		logging["logs"] = logs
	}
	for _, log := range logs {
		if log, ok := log.(map[string]any); ok {
			log["writer"] = map[string]any{"output": "discard"}
		}
	}
	fallback, ok := logs["default"].(map[string]any)
	if !ok {
		fallback = map[string]any{}
		logs["default"] = fallback
	}
	// The writer of before, so that it is not said that it is another.
	fallback["writer"], fallback["level"] = map[string]any{"output": "stderr"}, "FATAL"
}

// loadVariables sets the environment variables of a file that are not set, as Caddy
// does with its --envfile.
func loadVariables(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	scan := bufio.NewScanner(f)
	for n := 1; scan.Scan(); n++ {
		line := strings.TrimSpace(scan.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		name = strings.TrimPrefix(name, "export ")
		if !ok || name == "" || strings.ContainsAny(name, " \t") {
			return fmt.Errorf("line %d: write NAME=value", n)
		}
		value, _, _ = strings.Cut(value, "#")
		value = strings.TrimRight(value, " \t")
		if quote := firstByte(value); quote == '"' || quote == '\'' {
			first := n
			for value = value[1:]; !strings.HasSuffix(value, string(quote)); n++ {
				if !scan.Scan() {
					return errors.Join(fmt.Errorf("line %d: the quotation mark is not closed", first), scan.Err())
				}
				value += "\n" + scan.Text()
			}
			value = value[:len(value)-1]
		}
		if _, set := os.LookupEnv(name); !set {
			if err := os.Setenv(name, value); err != nil {
				return fmt.Errorf("line %d: %w", n, err)
			}
		}
	}
	return scan.Err()
}

func firstByte(s string) byte {
	if s == "" {
		return 0
	}
	return s[0]
}
