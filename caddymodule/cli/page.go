package cli

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// ProviderPage writes what there is to know about a provider as a page of
// Markdown: what to click at the sender, the line for the Caddyfile, what is
// signed and what receivers get wrong. It reports false for an entry that
// describes no sender.
func ProviderPage(w io.Writer, p verifiers.Provider) (bool, error) {
	e := newEntry(p)
	if !e.documented() {
		return false, nil
	}
	pg := page{entry: &e}
	pg.head()
	pg.caddyfile()
	pg.authentication()
	pg.event()
	pg.handshakes()
	pg.delivery()
	pg.list("What receivers get wrong", e.Notes)
	pg.list("Sources", append([]string{e.Docs}, without(e.Sources, e.Docs)...))
	_, err := io.WriteString(w, pg.b.String())
	return true, err
}

func without(list []string, unwanted string) []string {
	var rest []string
	for _, s := range list {
		if s != unwanted {
			rest = append(rest, s)
		}
	}
	return rest
}

type page struct {
	*entry
	b strings.Builder
}

func (p *page) f(format string, args ...any) { fmt.Fprintf(&p.b, format, args...) }

func (p *page) list(title string, items []string) {
	if len(items) == 0 {
		return
	}
	p.f("\n## %s\n\n", title)
	for _, item := range items {
		p.f("- %s\n", item)
	}
}

func (p *page) head() {
	p.f("<!-- Written by go generate from verifiers/providers: change the entry there. -->\n\n# %s\n\n", p.Title)
	p.f("Provider `%s`", p.Name)
	if len(p.Aliases) > 0 {
		p.f(", also `%s`", strings.Join(p.Aliases, "`, `"))
	}
	p.f(". Confidence: %s.\n\n%s\n", p.Confidence, p.Setup)
	switch {
	case !p.Covers.Content():
		p.f("\n> **Weak.** Nothing binds the sender to the content: whoever sees one request can send others.\n" +
			"> Events are marked `ce-whtrust: authenticated`, not `verified`.\n")
	case !p.Covers.Body:
		p.f("\n> **Partial.** The signature covers only parts of the body; the rest may have been changed on the way.\n")
	}
}

// caddyfile writes the shortest configuration that loads.
func (p *page) caddyfile() {
	p.f("\n```caddyfile\nhooks.example.com {\n\twebhooks /%s %s", p.Name, p.Name)
	if p.SecretHint != "" {
		p.f(" {env.%s}", secretVariable(p.Name))
	}
	var options []string
	for _, o := range p.Options {
		// Without a secret, options are what tells the operator's events from others'.
		if o.Required || o.Example != "" && p.SecretHint == "" {
			value := exampleOption(p.Name, o)
			options = append(options, "\t\toption "+o.Name+" "+value+"\n")
		}
	}
	if len(options) > 0 {
		p.f(" {\n%s\t}", strings.Join(options, ""))
	}
	p.f("\n\trespond 404\n}\n```\n\n")
	if p.SecretHint != "" {
		p.f("The secret is %s.\n", strings.TrimSuffix(p.SecretHint, "."))
	} else {
		p.f("There is no secret: the key is the sender's.\n")
	}
	if len(p.Options) > 0 {
		p.f("\n| Option | Meaning |\n| --- | --- |\n")
		for _, o := range p.Options {
			doc := o.Doc
			if o.Required {
				doc += " Required."
			}
			p.f("| `%s` | %s |\n", o.Name, doc)
		}
	}
}

func secretVariable(name string) string {
	return strings.ToUpper(strings.ReplaceAll(name, "-", "_")) + "_SECRET"
}

// exampleOption is a value that shows what to write. One that must stay secret
// comes from the environment.
func exampleOption(provider string, o verifiers.Option) string {
	if o.Secret {
		return "{env." + strings.ToUpper(strings.ReplaceAll(provider, "-", "_")+"_"+o.Name) + "}"
	}
	return cmp.Or(o.Example, "<"+strings.ReplaceAll(o.Name, "_", "-")+">")
}

func (p *page) authentication() {
	p.f("\n## What is signed\n\n| | |\n| --- | --- |\n")
	p.row("Scheme", "`"+p.scheme()+"`")
	signed := signed(p.Scheme)
	switch {
	case p.Signs != "":
		p.row("Signed", p.Signs)
	case signed.Content != "" && signed.Custom == nil:
		p.row("Signed", "`"+signed.Content+"`")
	}
	p.row("Signature", p.signature(signed))
	if !p.places.Timestamp.IsZero() {
		p.row("Timestamp", place(p.places.Timestamp)+unit(p.places.Unit))
	}
	p.row("Covers", p.covers())
	p.row("Replay window", or(p.window(), "none: only the deduplication of ids stops a replay"))
}

func (p *page) row(name, value string) {
	if value != "" {
		p.f("| %s | %s |\n", name, strings.ReplaceAll(value, "|", "\\|"))
	}
}

// signature says where signatures are and how they are written.
func (p *page) signature(signed verifiers.Signed) string {
	s := p.places.Signature
	text := place(s)
	if signed.Content != "" {
		text += ", " + string(cmp.Or(signed.Encoding, verifiers.Hex))
	}
	if s.Prefix != "" {
		text += " after `" + s.Prefix + "`"
	}
	if s.Pair != "" {
		text += ", the items `" + s.Pair + "=` of a list"
	} else if s.Sep != "" {
		text += ", a list separated by `" + s.Sep + "`"
	}
	return text
}

func unit(u verifiers.TimeUnit) string {
	switch u {
	case verifiers.Milliseconds:
		return ", Unix time in milliseconds"
	case verifiers.Microseconds:
		return ", Unix time in microseconds"
	case verifiers.Nanoseconds:
		return ", Unix time in nanoseconds"
	case verifiers.RFC3339:
		return ", RFC 3339"
	case verifiers.HTTPDate:
		return ", as in the header Date"
	case verifiers.Seconds:
	}
	return ", Unix time in seconds"
}

func (p *page) event() {
	p.f("\n## What is in it\n\n| | |\n| --- | --- |\n")
	p.row("Event id", p.attribute(p.ID, "none: the gateway makes one, and retries cannot be recognised"))
	p.row("Event type", p.attribute(p.Type, "none"))
	p.row("Event time", p.attribute(p.Time, ""))
	p.row("`ce-type`", "`"+p.TypePrefix+".`…")
	if b := p.Batch; b != nil {
		where := "the body is an array"
		switch {
		case !b.In.IsZero():
			where = "an array in " + place(b.In)
		case b.Elements != "":
			where = "the array json " + strings.Join(slices.Concat([]string{b.Elements}, b.Or), " or ")
		}
		var text strings.Builder
		text.WriteString(where + "; each element becomes an event")
		for _, part := range []struct {
			name   string
			source verifiers.Source
		}{{"id", b.ID}, {"type", b.Type}, {"time", b.Time}} {
			if !part.source.IsZero() {
				text.WriteString(", its " + part.name + " being " + place(part.source))
			}
		}
		p.row("Batches", text.String())
	}
	if len(p.ContentTypes) > 0 {
		p.row("Content types", strings.Join(p.ContentTypes, ", "))
	}
	if len(p.Methods) > 0 {
		p.row("Methods", strings.Join(p.Methods, ", "))
	}
	p.row("Largest body", fmt.Sprintf("%d KiB", cmp.Or(p.MaxBody, 1<<20)>>10))
}

func (p *page) attribute(s verifiers.Source, none string) string {
	if s.IsZero() {
		return none
	}
	text := place(s)
	if !p.Covers.Covers(s) {
		text += " (not signed)"
	}
	return text
}

func (p *page) handshakes() {
	if len(p.Handshakes) == 0 {
		return
	}
	p.f("\n## Handshakes\n\nThey are answered and never published.\n\n")
	for i := range p.Handshakes {
		h := &p.Handshakes[i]
		p.f("- %s: %s", handshake(h), answer(h.Reply))
		if !h.Confirm.IsZero() {
			p.f(" The URL in %s is fetched", place(h.Confirm))
			if h.ConfirmOption != "" {
				p.f(" if the option `%s` is `on`", h.ConfirmOption)
			}
			p.f(".")
		}
		switch {
		case h.Code:
			p.f(" It delivers a code for you to type in at the sender, in %s: `capture_secret` keeps it.", place(h.Capture))
		case !h.Capture.IsZero():
			p.f(" It delivers the secret, in %s.", place(h.Capture))
		}
		p.f("\n")
	}
}

// answer describes a reply.
func answer(r verifiers.Reply) string {
	text := fmt.Sprint(cmp.Or(r.Status, 200))
	switch {
	case r.Body != "":
		text += " with the body `" + r.Body + "`"
	case !r.Echo.IsZero():
		text += " with the value of " + place(r.Echo)
	case r.Template != "":
		text += " with the body `" + strings.NewReplacer("{{", "{", "}}", "}").Replace(r.Template) + "`"
	case r.Custom != nil:
		text += " with a computed body"
	}
	if p := r.Proof; p != nil {
		kind := "HMAC-"
		if p.Plain {
			kind = ""
		}
		text += ", the proof being " + kind + strings.ToUpper(string(p.Hash)) + " of `" + p.Content + "` in " +
			string(cmp.Or(p.Encoding, verifiers.Hex))
	}
	return text + "."
}

func (p *page) delivery() {
	p.f("\n## Delivery\n\n| | |\n| --- | --- |\n")
	p.row("Retries", p.Retries)
	deadline := "not stated; 10s are assumed"
	if p.Deadline > 0 {
		deadline = short(p.Deadline)
	}
	p.row("Answer due", deadline)
	if p.RetrySpan > 0 {
		p.row("Deduplication window", "at least "+short(p.RetrySpan.Round(time.Second)))
	}
	p.row("Success", strings.TrimSuffix(answer(p.Success), "."))
	if len(p.Addresses) > 0 {
		urls := make([]string, len(p.Addresses))
		for i, l := range p.Addresses {
			urls[i] = "<" + l.URL + ">"
		}
		p.row("Addresses", "published at "+strings.Join(urls, " and ")+"; with [`allow_ips provider`](../limits.md#addresses) no others are taken")
	}
	if p.Final4xx {
		p.row("4xx", "final: the sender never repeats what was answered with a 4xx")
	}
	if p.NeverRetries {
		p.row("If it fails", "the event is lost unless somebody sends it again by hand")
	}
}
