package cli

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// chosen are words of secrets that whoever sets the webhook up makes up.
var chosen = regexp.MustCompile(`you (typed|type|chose|gave to|gave when|wrote|write|entered|enter|added|subscribed|give|send)|that you gave|as entered|was chosen|typed (when|into)|of your choice|\?token=`)

// chosenByUs reports whether the secret of the provider is one that we make up, and
// not one that the provider shows.
func chosenByUs(p verifiers.Provider) bool {
	return chosen.MatchString(p.SecretHint) && !keyTypeOf(p).public()
}

// freshFor returns a secret of the provider's form that nobody has, "" if that is not
// known.
func freshFor(p verifiers.Provider) string {
	value, err := freshSecret(p)
	if err != nil {
		return ""
	}
	return value
}

// secretInURL is the parameter of the URL in which the provider sends its secret, ""
// if it sends it elsewhere.
func secretInURL(p verifiers.Provider) string {
	if placer, ok := p.Scheme.(verifiers.Placer); ok {
		if at := placer.Places(); at.Secret {
			return at.Signature.Query
		}
	}
	return ""
}

// delivers reports whether the provider sends its secret when a webhook is set up.
func delivers(p verifiers.Provider) bool {
	for i := range p.Handshakes {
		if h := &p.Handshakes[i]; !h.Capture.IsZero() && !h.Code {
			return true
		}
	}
	return false
}

// envFile writes the variables, with fresh values for what we choose.
func envFile(routes []initRoute) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# Secrets of webhooks, for EnvironmentFile= of systemd or `caddy run --envfile`.\n# Readable for Caddy alone. What is empty the provider shows.\n")
	for i := range routes {
		for _, v := range routes[i].Variables {
			fmt.Fprintf(&b, "\n# %s: %s.\n%s=%s\n", routes[i].Title, strings.TrimSuffix(v.Is, "."), v.Name, v.value)
		}
	}
	return b.Bytes()
}

// writeSteps says what to do now.
func (o *InitOptions) writeSteps(w io.Writer, routes []initRoute) error {
	style := StyleOf(w)
	var b strings.Builder
	if o.Out != "-" {
		fmt.Fprintf(&b, "%s is written.\n\n", o.Out)
	}
	fmt.Fprintf(&b, "%s\n", style.Strong("1. Set these secrets"))
	if o.EnvFile != "" {
		fmt.Fprintf(&b, "   In %s, which is written; what we choose has a fresh value there.\n", o.EnvFile)
	} else {
		fmt.Fprint(&b, "   In the environment of Caddy; --env-file writes a file for that, with fresh values for what we choose.\n")
	}
	none := true
	for i := range routes {
		for _, v := range routes[i].Variables {
			none = false
			from := "shown by " + routes[i].Title
			if v.Ours {
				from = "chosen by you, as with `openssl rand -hex 32`"
				if o.EnvFile != "" {
					from = "chosen by you: a fresh value is there"
				}
			}
			fmt.Fprintf(&b, "   %s=\n      %s; %s\n", v.Name, strings.TrimSuffix(v.Is, "."), from)
		}
	}
	if none {
		fmt.Fprint(&b, "   None: the keys are the senders'.\n")
	}
	fmt.Fprintf(&b, "\n%s\n", style.Strong("2. Set the webhooks up"))
	for i := range routes {
		r := &routes[i]
		fmt.Fprintf(&b, "   %s: %s\n      %s\n", r.Title, r.URL, or(r.Setup, "See its documentation."))
		if r.Docs != "" {
			fmt.Fprintf(&b, "      %s\n", style.Faint(r.Docs))
		}
	}
	envFlag, runFlag := "", ""
	if o.EnvFile != "" {
		envFlag, runFlag = " --env-file "+o.EnvFile, " --envfile "+o.EnvFile
	}
	file := o.Out
	if file == "-" {
		file = "Caddyfile"
	}
	fmt.Fprintf(&b, "\n%s\n   caddy webhooks doctor --config %s%s\n   caddy run --config %s%s\n", style.Strong("3. Look, and run"), file, envFlag, file, runFlag)
	_, err := io.WriteString(w, b.String())
	return err
}
