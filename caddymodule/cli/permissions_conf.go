package cli

import (
	"fmt"
	"strings"
)

// conf is a part of a configuration of nats-server.
func (o *PermissionsOptions) conf(c *ContractConnection, users []PermittedUser) string {
	w := &confWriter{}
	w.line("# What the webhooks gateway, and those who read its events, may do on the connection %s.", c.Name)
	w.line("# A user without permissions may do everything: give every user of the account some.")
	if o.NKey == "" {
		w.line("# Passwords are read from the environment of nats-server; a hash made by")
		w.line("# `nats server passwd` can stand in their place.")
	}
	if o.Account == "" {
		w.open("authorization {")
		w.users(users)
		w.close()
		return w.b.String()
	}
	var inside, outside []PermittedUser
	for _, u := range users {
		if u.Role == RoleConsumer && o.ConsumerAccount != "" {
			outside = append(outside, u)
		} else {
			inside = append(inside, u)
		}
	}
	w.open("accounts {")
	w.open(o.Account + " {")
	w.line("jetstream: enabled")
	w.users(inside)
	for i := range outside {
		w.exports(&outside[i], func(subject string) string { return o.exported(c, subject) })
	}
	w.close()
	if len(outside) > 0 {
		w.open(o.ConsumerAccount + " {")
		w.users(outside)
		for i := range outside {
			w.imports(&outside[i], o.Account, func(subject string) string { return o.exported(c, subject) })
		}
		w.close()
	}
	w.close()
	return w.b.String()
}

// confWriter writes lines with their indentation.
type confWriter struct {
	b     strings.Builder
	depth int
}

func (w *confWriter) line(format string, args ...any) {
	w.b.WriteString(strings.Repeat("  ", w.depth))
	fmt.Fprintf(&w.b, format+"\n", args...)
}

func (w *confWriter) open(text string) {
	w.line("%s", text)
	w.depth++
}

func (w *confWriter) close() { w.end("}") }

func (w *confWriter) end(text string) {
	w.depth--
	w.line("%s", text)
}

func (w *confWriter) users(users []PermittedUser) {
	w.open("users: [")
	for i := range users {
		u := &users[i]
		for _, note := range u.Notes {
			w.line("# %s", note)
		}
		w.open("{")
		if u.NKey != "" {
			w.line("nkey: %s", u.NKey)
		} else {
			w.line("user: %s", confText(u.Name))
			w.line("password: $%s", u.password())
		}
		w.open("permissions {")
		w.subjects("publish", u.Publish)
		w.subjects("subscribe", u.Subscribe)
		w.close()
		w.close()
	}
	w.end("]")
}

// confText quotes a name that the server would take for a number or a boolean.
func confText(name string) string { return `"` + name + `"` }

// password is the variable with the user's password.
func (u *PermittedUser) password() string {
	return strings.ToUpper(strings.ReplaceAll(u.Name, "-", "_")) + "_PASSWORD"
}

func (w *confWriter) subjects(name string, list []Grant) {
	w.open(name + ": [")
	said := ""
	for _, g := range list {
		what := g.For
		if g.OnlyOnFailure {
			what += " (only when something has failed)"
		}
		if what != said {
			w.line("# %s", what)
			said = what
		}
		w.line("%q", g.Subject)
	}
	w.end("]")
}

// exports are what a consumer in another account uses.
func (w *confWriter) exports(u *PermittedUser, exported func(string) string) {
	w.line("# For %s in another account.", u.Name)
	w.open("exports: [")
	for _, g := range u.Publish {
		kind := ""
		if strings.Contains(g.Subject, ".CONSUMER.MSG.NEXT.") {
			kind = ", response_type: stream"
		}
		w.line("{ service: %q%s }", exported(g.Subject), kind)
	}
	w.end("]")
}

func (w *confWriter) imports(u *PermittedUser, from string, exported func(string) string) {
	w.open("imports: [")
	for _, g := range u.Publish {
		to := ""
		if exported(g.Subject) != g.Subject {
			to = fmt.Sprintf(", to: %q", g.Subject)
		}
		w.line("{ service: { account: %s, subject: %q }%s }", from, exported(g.Subject), to)
	}
	w.end("]")
}

// nsc are commands that make the users.
func (o *PermissionsOptions) nsc(c *ContractConnection, users []PermittedUser) string {
	var b strings.Builder
	for i := range users {
		u := &users[i]
		for _, note := range u.Notes {
			b.WriteString("# " + note + "\n")
		}
		account := u.Account
		if u.Role == RoleConsumer && o.ConsumerAccount != "" {
			b.WriteString("# The account with the streams exports, and that of the consumer imports:\n")
			for _, g := range u.Publish {
				kind := ""
				if strings.Contains(g.Subject, ".CONSUMER.MSG.NEXT.") {
					kind = " --response-type Stream"
				}
				fmt.Fprintf(&b, "nsc add export --account %s --service --subject '%s'%s\n", o.Account, o.exported(c, g.Subject), kind)
			}
			for _, g := range u.Publish {
				fmt.Fprintf(&b, "nsc add import --account %s --service --src-account %s --remote-subject '%s' --local-subject '%s'\n", o.ConsumerAccount, o.Account, o.exported(c, g.Subject), g.Subject)
			}
			account = o.ConsumerAccount
		}
		b.WriteString("nsc add user --name " + u.Name)
		if account != "" {
			b.WriteString(" --account " + account)
		}
		if u.NKey != "" {
			b.WriteString(" --public-key " + u.NKey)
		}
		for _, list := range []struct {
			flag   string
			grants []Grant
		}{{"--allow-pub", u.Publish}, {"--allow-sub", u.Subscribe}} {
			for _, g := range list.grants {
				fmt.Fprintf(&b, " \\\n  %s '%s'", list.flag, g.Subject)
			}
		}
		b.WriteString("\n")
	}
	return b.String()
}
