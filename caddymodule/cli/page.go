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
	_, err := io.WriteString(w, markdown(e.page()))
	return true, err
}

// A section is a part of a page: text, then a block, a table and a list, as far as
// there are any. Text is Markdown.
type section struct {
	title string // "" for what comes before the first title
	text  []string
	code  string
	after string // text after the block
	head  [2]string
	rows  [][2]string
	items []string
}

func (s *section) row(name, value string) {
	if value != "" {
		s.rows = append(s.rows, [2]string{name, value})
	}
}

// page is all that is known about a sender.
func (e *entry) page() (title string, list []section) {
	list = []section{e.head(), e.configuration(), e.authentication(), e.event(), e.handshakes(), e.delivery()}
	list = append(list,
		section{title: "What receivers get wrong", items: e.Notes},
		section{title: "Sources", items: append([]string{e.Docs}, without(e.Sources, e.Docs)...)})
	return e.Title, slices.DeleteFunc(list, func(s section) bool {
		return s.title != "" && s.code == "" && len(s.text)+len(s.rows)+len(s.items) == 0
	})
}

// markdown writes a page for docs/providers.
func markdown(title string, list []section) string {
	var b strings.Builder
	fmt.Fprintf(&b, "<!-- Written by go generate from verifiers/providers: change the entry there. -->\n\n# %s\n", title)
	for _, s := range list {
		if s.title != "" {
			fmt.Fprintf(&b, "\n## %s\n", s.title)
		}
		for _, text := range s.text {
			fmt.Fprintf(&b, "\n%s\n", text)
		}
		if s.code != "" {
			fmt.Fprintf(&b, "\n```caddyfile\n%s```\n", s.code)
		}
		if s.after != "" {
			fmt.Fprintf(&b, "\n%s\n", s.after)
		}
		if len(s.rows) > 0 {
			fmt.Fprintf(&b, "\n|%s|%s|\n| --- | --- |\n", cell(s.head[0]), cell(s.head[1]))
		}
		for _, row := range s.rows {
			fmt.Fprintf(&b, "| %s | %s |\n", row[0], strings.ReplaceAll(row[1], "|", "\\|"))
		}
		if len(s.items) > 0 {
			b.WriteString("\n")
		}
		for _, item := range s.items {
			fmt.Fprintf(&b, "- %s\n", item)
		}
	}
	return b.String()
}

func cell(text string) string {
	if text == "" {
		return " "
	}
	return " " + text + " "
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

func (e *entry) head() section {
	name := "Provider `" + e.Name + "`"
	if len(e.Aliases) > 0 {
		name += ", also `" + strings.Join(e.Aliases, "`, `") + "`"
	}
	s := section{text: []string{fmt.Sprintf("%s. Confidence: %s.", name, e.Confidence), e.Setup}}
	switch {
	case !e.Covers.Content():
		s.text = append(s.text, "> **Weak.** Nothing binds the sender to the content: whoever sees one request can send others.\n"+
			"> Events are marked `ce-whtrust: authenticated`, not `verified`.")
	case !e.Covers.Body:
		s.text = append(s.text, "> **Partial.** The signature covers only parts of the body; the rest may have been changed on the way.")
	}
	return s
}

// directive is the shortest line of a Caddyfile that loads, with its block.
func (e *entry) directive() string {
	line := "webhooks /" + e.Name + " " + e.Name
	if e.SecretHint != "" {
		line += " {env." + secretVariable(e.Name) + "}"
	}
	var options strings.Builder
	for _, o := range e.Options {
		// Without a secret, options are what tells the operator's events from others'.
		if o.Required || o.Example != "" && e.SecretHint == "" {
			options.WriteString("\toption " + o.Name + " " + exampleOption(e.Name, o) + "\n")
		}
	}
	if options.Len() > 0 {
		line += " {\n" + options.String() + "}"
	}
	return line + "\n"
}

// configuration is what goes into the Caddyfile.
func (e *entry) configuration() section {
	s := section{head: [2]string{"Option", "Meaning"}}
	s.code = "hooks.example.com {\n\t" + strings.ReplaceAll(e.directive(), "\n", "\n\t") + "respond 404\n}\n"
	if e.SecretHint != "" {
		s.after = "The secret is " + strings.TrimSuffix(e.SecretHint, ".") + "."
	} else {
		s.after = "There is no secret: the key is the sender's."
	}
	for _, o := range e.Options {
		doc := o.Doc
		if o.Required {
			doc += " Required."
		}
		s.row("`"+o.Name+"`", doc)
	}
	return s
}

// secretVariable is the environment variable in which pages have a secret.
func secretVariable(name string) string {
	return variable(name) + "_SECRET"
}

// exampleOption is a value that shows what to write. One that must stay secret
// comes from the environment.
func exampleOption(provider string, o verifiers.Option) string {
	if o.Secret {
		return "{env." + strings.ToUpper(strings.ReplaceAll(provider, "-", "_")+"_"+o.Name) + "}"
	}
	return cmp.Or(o.Example, "<"+strings.ReplaceAll(o.Name, "_", "-")+">")
}

func (e *entry) authentication() section {
	s := section{title: "What is signed"}
	s.row("Scheme", "`"+e.scheme()+"`")
	signed := signed(e.Scheme)
	switch {
	case e.Signs != "":
		s.row("Signed", e.Signs)
	case signed.Content != "" && signed.Custom == nil:
		s.row("Signed", "`"+signed.Content+"`")
	}
	s.row("Signature", e.signature(signed))
	if !e.places.Timestamp.IsZero() {
		s.row("Timestamp", place(e.places.Timestamp)+unit(e.places.Unit))
	}
	s.row("Covers", e.covers())
	s.row("Replay window", or(e.window(), "none: only the deduplication of ids stops a replay"))
	return s
}

// signature says where signatures are and how they are written.
func (e *entry) signature(signed verifiers.Signed) string {
	s := e.places.Signature
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

func (e *entry) event() section {
	s := section{title: "What is in it"}
	s.row("Event id", e.attribute(e.ID, "none: the gateway makes one, and retries cannot be recognised"))
	s.row("Event type", e.attribute(e.Type, "none"))
	s.row("Event time", e.attribute(e.Time, ""))
	s.row("`ce-type`", "`"+e.TypePrefix+".`…")
	if b := e.Batch; b != nil {
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
		s.row("Batches", text.String())
	}
	if len(e.ContentTypes) > 0 {
		s.row("Content types", strings.Join(e.ContentTypes, ", "))
	}
	if len(e.Methods) > 0 {
		s.row("Methods", strings.Join(e.Methods, ", "))
	}
	s.row("Largest body", fmt.Sprintf("%d KiB", cmp.Or(e.MaxBody, 1<<20)>>10))
	if e.SignsUncompressed {
		s.row("Compression", "the signature is over what was compressed; gzip is taken with `limits { decompressed }`")
	}
	return s
}

func (e *entry) attribute(s verifiers.Source, none string) string {
	if s.IsZero() {
		return none
	}
	text := place(s)
	if !e.Covers.Covers(s) {
		text += " (not signed)"
	}
	return text
}

func (e *entry) handshakes() section {
	s := section{title: "Handshakes"}
	if len(e.Handshakes) > 0 {
		s.text = []string{"They are answered and never published."}
	}
	for i := range e.Handshakes {
		h := &e.Handshakes[i]
		text := handshake(h) + ": " + answer(h.Reply)
		if !h.Confirm.IsZero() {
			text += " The URL in " + place(h.Confirm) + " is fetched"
			if h.ConfirmOption != "" {
				text += " if the option `" + h.ConfirmOption + "` is `on`"
			}
			text += "."
		}
		switch {
		case h.Code:
			text += " It delivers a code for you to type in at the sender, in " + place(h.Capture) + ": `capture_secret` keeps it."
		case !h.Capture.IsZero():
			text += " It delivers the secret, in " + place(h.Capture) + "."
		}
		s.items = append(s.items, text)
	}
	return s
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

func (e *entry) delivery() section {
	s := section{title: "Delivery"}
	s.row("Retries", e.Retries)
	deadline := "not stated; 10s are assumed"
	if e.Deadline > 0 {
		deadline = short(e.Deadline)
	}
	s.row("Answer due", deadline)
	if e.RetrySpan > 0 {
		s.row("Deduplication window", "at least "+short(e.RetrySpan.Round(time.Second)))
	}
	s.row("Success", strings.TrimSuffix(answer(e.Success), "."))
	if len(e.Addresses) > 0 {
		urls := make([]string, len(e.Addresses))
		for i, l := range e.Addresses {
			urls[i] = "<" + l.URL + ">"
		}
		s.row("Addresses", "published at "+strings.Join(urls, " and ")+"; with [`allow_ips provider`](../limits.md#addresses) no others are taken")
	}
	if e.Final4xx {
		s.row("4xx", "final: the sender never repeats what was answered with a 4xx")
	}
	if e.NeverRetries {
		s.row("If it fails", "the event is lost unless somebody sends it again by hand")
	}
	return s
}
