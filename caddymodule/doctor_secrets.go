package caddymodule

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/cli"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/providers"
)

// endsSoon is when a secret is about to end.
const endsSoon = 7 * 24 * time.Hour

// seenSecret is where a secret was found before.
type seenSecret struct {
	provider, label string
	place           string
}

// lookAtSecrets looks at each secret, and has another stand in for what is not there
// or is not one, so that the rest of the configuration can be looked at too.
func (d *doctor) lookAtSecrets() {
	seen := make(map[string]seenSecret)
	fine := 0
	for _, k := range d.hooks {
		p := d.providerOf(k)
		literal, _ := k.raw["insecure_literal_secret"].(bool)
		secrets := d.secretsOf(k, p)
		for i, s := range secrets {
			text, _ := s["secret"].(string)
			if id, _ := s["id"].(string); id == "" {
				s["id"] = secretID(text, i)
			}
			value, ok := d.resolve(k, p, text, literal)
			if !ok {
				s["secret"] = d.standIn(cli.StandIn(p, optionsOf(k)))
				continue
			}
			fine++
			if value == "" {
				s["secret"] = d.standIn(cli.StandIn(p, optionsOf(k))) // that of another process
				continue
			}
			if other, there := seen[value]; there && other.provider != p.Name && !cli.IsPublicKeyText(value) {
				d.Add("secret-shared", k.label(), k.place, fmt.Sprintf("its secret is also that of %s (%s)", other.label, other.place))
			}
			seen[value] = seenSecret{p.Name, k.label(), k.place}
		}
		d.lookAtEnds(k, secrets)
		fine += d.lookAtOptions(k, p, literal)
		d.lookAtTenants(k)
	}
	fine += d.lookAtAppSecrets()
	if fine > 0 && !d.Has("secret-missing") {
		what := fmt.Sprintf("%d secrets are there", fine)
		if fine == 1 {
			what = "one secret is there"
		}
		if d.file == "" {
			what = "secrets of environment variables are those of the process that runs, and were not looked at"
		}
		d.OK("", what)
	}
}

// secretsOf returns the secrets of a route. Where there is none, and has to be one,
// that is a finding.
func (d *doctor) secretsOf(k *doctorHook, p verifiers.Provider) []map[string]any {
	secrets := listAt(k.raw, "secrets")
	skip, _ := k.raw["insecure_skip_verify"].(bool)
	if len(secrets) > 0 || skip || p.SecretHint == "" || k.raw["secrets_from"] != nil || k.raw["capture_secret"] != nil {
		return secrets
	}
	cure := "add the secret to the line, as {env.NAME} or {file./absolute/path}: " + p.SecretHint
	if delivers(p) {
		cure += "; or let the sender deliver it with `capture_secret <file>`"
	}
	d.Add("secret-missing", k.label(), k.place, "the route has no secret", cure)
	k.raw["secrets"] = []any{map[string]any{"secret": d.standIn(cli.StandIn(p, optionsOf(k))), "id": "none"}}
	return nil
}

// providerOf is the sender of a route; without a scheme, if it is described.
func (d *doctor) providerOf(k *doctorHook) verifiers.Provider {
	name, _ := k.raw["provider"].(string)
	custom := mapAt(mapAt(mapAt(d.raw, "apps"), "webhooks"), "providers")
	if p, ok := providers.Lookup(name); ok && custom[name] == nil && name != providers.HMAC.Name {
		return p
	}
	p := verifiers.Provider{Name: name, Title: name}
	var scheme *Scheme
	if verify := k.raw["verify"]; verify != nil {
		decodeInto(verify, &scheme)
	} else if described := mapAt(custom, name); described["verify"] != nil {
		decodeInto(described["verify"], &scheme)
	}
	if scheme != nil {
		p.Scheme, _ = scheme.build()
	}
	return p
}

// resolve returns the value of a secret. It reports false if there is none that
// could be one, which is then a finding. The value is "" for an environment variable
// of a process that is not this one.
func (d *doctor) resolve(k *doctorHook, p verifiers.Provider, text string, literal bool) (value string, ok bool) {
	where, place, label := k.label(), k.place, secretLabel(text)
	if err := checkSecretReference(text); err != nil {
		if !errors.Is(err, ErrLiteralSecret) || !literal {
			d.Add("secret-reference", where, place, err.Error())
			return "", false
		}
		d.Add("secret-literal", where, place, "a secret is written out")
		return text, d.CheckSecret(cli.DoctorSecret{Provider: p, Options: optionsOf(k), Label: "the secret", Where: where, Place: place, Public: k.public()}, text)
	}
	value, ok = d.value(text, where, place)
	if !ok || value == "" {
		return "", ok
	}
	return value, d.CheckSecret(cli.DoctorSecret{Provider: p, Options: optionsOf(k), Label: label, Where: where, Place: place, Public: k.public()}, value)
}

// optionsOf are the options of a route that are written out.
func optionsOf(k *doctorHook) map[string]string {
	options := make(map[string]string)
	for name, value := range mapAt(k.raw, "options") {
		if text, ok := value.(string); ok && !isPlaceholder(text) {
			options[name] = text
		}
	}
	return options
}

// value returns what a placeholder stands for, and notes if it is nothing, or if
// everybody can read it.
func (d *doctor) value(text, where, place string) (value string, ok bool) {
	name := strings.Trim(text, "{}")
	variable, ofVariable := strings.CutPrefix(name, "env.")
	if ofVariable && d.file == "" {
		return "", true // it runs, so that it is there
	}
	file, ofFile := strings.CutPrefix(name, "file.")
	var problem error
	if ofFile {
		_, problem = os.ReadFile(file) // Caddy would log it
	}
	if problem == nil {
		value, problem = caddy.NewReplacer().ReplaceOrErr(text, true, true)
	}
	if problem == nil && strings.TrimSpace(value) != "" {
		if ofFile && cli.ReadsSecret(file) {
			d.Add("secret-readable", where, place, "everybody can read "+file, "`chmod 600 "+file+"`, for the user that Caddy runs as")
		}
		return value, true
	}
	code, what, cure := "secret-missing", text+" has no value", ""
	switch {
	case ofVariable:
		if _, set := os.LookupEnv(variable); set {
			code, what = "secret-empty", "the environment variable "+variable+" is empty"
		} else {
			what, cure = "the environment variable "+variable+" is not set",
				"set it for Caddy, as with `Environment=` or `EnvironmentFile=` of systemd or `caddy run --envfile`; here, --env-file reads such a file"
		}
	case ofFile:
		switch {
		case errors.Is(problem, fs.ErrNotExist):
			what, cure = problem.Error(), "write the secret into it: `install -m 600 /dev/stdin "+file+"`, for the user that Caddy runs as"
		case problem != nil && !strings.Contains(problem.Error(), text): // not that it is empty
			what, cure = problem.Error(), "make it readable for the user that Caddy runs as, and for nobody else"
		default:
			code, what = "secret-empty", file+" is empty"
		}
	}
	if cure == "" {
		d.Add(code, where, place, what)
	} else {
		d.Add(code, where, place, what, cure)
	}
	return "", false
}

// standIn sets an environment variable of this process to the value, and returns
// its placeholder.
func (d *doctor) standIn(value string) string {
	d.names++
	name := fmt.Sprintf("CADDY_WEBHOOKS_STAND_IN_%d", d.names)
	_ = os.Setenv(name, value)
	return "{env." + name + "}"
}

// lookAtEnds looks at when the secrets of a route end.
func (d *doctor) lookAtEnds(k *doctorHook, secrets []map[string]any) {
	var last time.Time
	now := time.Now()
	for _, s := range secrets {
		text, _ := s["until"].(string)
		until, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return // one that does not end
		}
		if until.After(last) {
			last = until
		}
	}
	switch {
	case last.IsZero():
	case last.Before(now):
		d.Add("secret-ends", k.label(), k.place, "every secret has ended, the last on "+last.UTC().Format(time.DateOnly))
		secrets[0]["until"] = now.Add(time.Hour).Format(time.RFC3339) // so that the rest loads
	case last.Before(now.Add(endsSoon)):
		d.Add("secret-ends", k.label(), k.place, "its last secret ends on "+last.UTC().Format(time.DateOnly))
	}
}

// lookAtOptions looks at options that are secret.
func (d *doctor) lookAtOptions(k *doctorHook, p verifiers.Provider, literal bool) (fine int) {
	options := mapAt(k.raw, "options")
	for _, o := range p.Options {
		text, _ := options[o.Name].(string)
		if !o.Secret || text == "" {
			continue
		}
		where := k.label() + ", option " + o.Name
		if err := checkSecretReference(text); err != nil {
			if !errors.Is(err, ErrLiteralSecret) || !literal {
				d.Add("secret-reference", where, k.place, err.Error())
				options[o.Name] = d.standIn(cli.FreshSecret())
			}
			continue
		}
		value, ok := d.value(text, where, k.place)
		if ok && value != "" {
			ok = d.CheckSecret(cli.DoctorSecret{Provider: verifiers.Provider{Name: p.Name}, Label: text, Where: where, Place: k.place, Public: k.public()}, value)
		}
		if ok {
			fine++
		}
		if !ok || value == "" {
			options[o.Name] = d.standIn(cli.FreshSecret())
		}
	}
	return fine
}

// lookAtTenants looks at the directory of tenants' secrets.
func (d *doctor) lookAtTenants(k *doctorHook) {
	from := mapAt(k.raw, "secrets_from")
	root, _ := from["root"].(string)
	if from["store"] != "dir" || root == "" {
		return
	}
	root, err := resolveSetting(root)
	if err != nil {
		return // it does not load, and says so
	}
	files := 0
	err = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		files++
		if cli.ReadsSecret(path) {
			d.Add("secret-readable", k.label(), k.place, "everybody can read "+path, "`chmod 600 "+path+"`, for the user that Caddy runs as")
		}
		return nil
	})
	if err == nil && files == 0 {
		d.Add("tenants-empty", k.label(), k.place, "there is no file below "+root)
	}
}

// lookAtAppSecrets looks at those of the global block. Where one is missing the
// configuration cannot be loaded.
func (d *doctor) lookAtAppSecrets() (fine int) {
	app := mapAt(mapAt(d.raw, "apps"), "webhooks")
	place := d.places.global("webhooks")
	look := func(holder map[string]any, name, where, connection string) {
		text, _ := holder[name].(string)
		if text == "" {
			return
		}
		if err := checkSecretReference(text); err != nil {
			d.Add("secret-reference", where, place, err.Error())
			d.lacking = true
			return
		}
		value, ok := d.value(text, where, place)
		if ok && strings.TrimSpace(value) != value {
			d.Add("secret-padded", where, place, text+" begins or ends with white space")
			ok = false
		}
		switch {
		case ok && value != "":
			fine++
		case name == "attest":
			delete(holder, name)
		case name == "nkey":
			d.lacking = true
		default:
			holder[name] = d.standIn(cli.FreshSecret())
			d.blind[connection] = "it was not asked, because its " + name + " is not there"
		}
	}
	look(app, "attest", "attest", "")
	logins := func(holder map[string]any, connection string) {
		where := "connection " + connection
		for _, name := range []string{"password", "token", "nkey"} {
			look(holder, name, where, connection)
		}
		if file, _ := holder["credentials"].(string); file != "" {
			if file, err := resolveSetting(file); err == nil && cli.ReadsSecret(file) {
				d.Add("secret-readable", where, place, "everybody can read "+file, "`chmod 600 "+file+"`, for the user that Caddy runs as")
			}
		}
	}
	logins(mapAt(app, "nats"), firstBroker)
	connections := mapAt(app, "connections")
	for _, name := range slices.Sorted(maps.Keys(connections)) {
		connection := mapAt(connections, name)
		logins(mapAt(connection, "nats"), name)
	}
	return fine
}
