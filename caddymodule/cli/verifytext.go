package cli

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
	"unicode/utf8"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

const (
	// maxTexts is how many texts are shown of a request in which several are signed.
	maxTexts = 4
	// A part of a signed text that is longer than longText is shown as its beginning
	// and its end.
	longText  = 600
	longStart = 300
	longEnd   = 200
)

// signedText is a text that a signature is over, with the secret taken out.
type signedText struct {
	Scheme string `json:"scheme"`
	// Signature is where the signature was looked for.
	Signature string     `json:"signature"`
	Parts     []textPart `json:"parts"`
	// Sorted means that the parts are put together in the order of their values.
	Sorted bool `json:"sorted,omitempty"`
	// Claims are those of a JSON Web Token, and Header is its header.
	Header string `json:"jwt_header,omitempty"`
	Claims string `json:"jwt_claims,omitempty"`
}

// textPart is a piece of it: a literal, or what a token stands for.
type textPart struct {
	Token string `json:"token,omitempty"`
	// Text is it, or its beginning and its end with "…" between them, or base64.
	Text   string `json:"text"`
	Base64 bool   `json:"base64,omitempty"`
	Bytes  int    `json:"bytes"`
	// SHA256 is that of the whole, if it is not all there.
	SHA256 string `json:"sha256,omitempty"`

	start, end string // of one that is not all there
}

// texts keeps what was traced, each text once.
func (v *verdict) texts(j *judge, traced []verifiers.Text) {
	var seen []string
	for _, t := range traced {
		all := string(t.Bytes(secretMark))
		if slices.Contains(seen, all) || len(seen) == maxTexts {
			continue
		}
		seen = append(seen, all)
		text := signedText{Scheme: t.Scheme, Signature: t.Signature, Sorted: t.Sorted}
		for _, p := range t.Parts {
			text.Parts = append(text.Parts, j.part(p))
		}
		if strings.HasPrefix(t.Scheme, "jwt-") && len(t.Parts) == 1 {
			head, claims, _ := strings.Cut(string(t.Parts[0].Value), ".")
			text.Header, text.Claims = j.segment(head), j.segment(claims)
		}
		v.Texts = append(v.Texts, text)
	}
}

func (j *judge) segment(text string) string {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || !utf8.Valid(raw) {
		return ""
	}
	return j.plain.text(string(raw))
}

func (j *judge) part(p verifiers.TextPart) textPart {
	if p.Secret {
		return textPart{Token: p.Token, Text: secretMark}
	}
	value := j.plain.bytes(p.Value)
	part := textPart{Token: p.Token, Bytes: len(value), Base64: !utf8.Valid(value)}
	show := func(b []byte) string {
		if part.Base64 {
			return base64.StdEncoding.EncodeToString(b)
		}
		return string(b)
	}
	if j.options.Full || len(value) <= longText {
		part.Text = show(value)
		return part
	}
	sum := sha256.Sum256(value)
	part.SHA256 = hex.EncodeToString(sum[:])
	start, end := longStart, len(value)-longEnd
	for !part.Base64 && start > 0 && !utf8.RuneStart(value[start]) {
		start--
	}
	for !part.Base64 && end < len(value) && !utf8.RuneStart(value[end]) {
		end++
	}
	part.start, part.end = show(value[:start]), show(value[end:])
	part.Text = part.start + "…" + part.end
	return part
}

// write writes the verdict for a program or for a person.
func (v *verdict) write(w io.Writer, o *VerifyOptions) error {
	if o.JSON {
		return printJSON(w, v)
	}
	style := StyleOf(w)
	var b strings.Builder
	word := style.Bad("not verified")
	if v.Verified {
		word = style.Good("verified")
	}
	if v.Reason == verifiers.ErrUnavailable.Error() {
		word = style.Warn("no verdict")
	}
	name := style.Strong(v.Provider)
	if v.Entry != "" {
		name += ", " + visible(v.Entry, false)
	}
	fmt.Fprintf(&b, "%s: %s\n", name, word)
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(t, "  %s\t%s\n", name, visible(value, false))
		}
	}
	row("request", v.Method+" "+v.URL)
	row("reason", v.Explanation)
	switch {
	case v.Verified && v.Key != "":
		row("key", v.Key+" ("+v.Scheme+")")
	case v.Verified:
		row("scheme", v.Scheme)
	default:
		row("keys", strings.Join(v.Keys, ", "))
	}
	row("signed", v.signedWhen())
	row("id", or(v.ID, "none in the request: the gateway gives it one"))
	row("type", v.Type)
	if v.Time != nil {
		row("time", v.Time.Format(time.RFC3339Nano))
	}
	if v.Events > 0 {
		row("batch", fmt.Sprintf("%d events, each with an id and a type of its own", v.Events))
	}
	e := v.entry
	if v.Covers != nil {
		e.Covers, e.Unsigned = v.Covers, v.Unsigned
		row("covers", strings.ReplaceAll(e.covers(), "**", ""))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	v.writeCauses(&b, style)
	v.writeTexts(&b, style)
	_, err := io.WriteString(w, b.String())
	return err
}

// signedWhen says when it was signed, and what that means.
func (v *verdict) signedWhen() string {
	if v.SignedAt == nil {
		return ""
	}
	text := v.SignedAt.Format(time.RFC3339)
	window := time.Duration(v.Window * float64(time.Second))
	if age := v.now.Sub(*v.SignedAt).Round(time.Second); age >= 0 {
		text += ", " + span(age) + " ago"
	} else {
		text += ", " + span(-age) + " ahead of this clock"
	}
	if window > 0 {
		text += "; the window is " + short(window)
	}
	switch {
	case v.JudgedAt != nil && v.JudgedAt.Equal(*v.SignedAt):
		text += "; judged as of then"
	case v.JudgedAt != nil:
		text += "; judged as of " + v.JudgedAt.Format(time.RFC3339)
	}
	switch {
	case v.Verified && v.AcceptedNow:
		text += ", and it would be accepted now"
	case v.Verified:
		text += ", and it would be refused now: too old"
		if v.now.Before(*v.SignedAt) {
			text = strings.TrimSuffix(text, "too old") + "in the future"
		}
	}
	return text
}

// span writes a duration that may be years as a person would.
func span(d time.Duration) string {
	const day = 24 * time.Hour
	if d < 2*day {
		return short(d.Round(time.Second))
	}
	return fmt.Sprintf("%d days", d/day)
}

func (v *verdict) writeCauses(b *strings.Builder, style Style) {
	if len(v.Causes) > 0 {
		fmt.Fprintf(b, "\n%s\n", style.Strong("It would be verified, but for this:"))
	}
	for _, c := range v.Causes {
		fmt.Fprintf(b, "  - %s: %s\n    %s\n", c.Kind, style.Warn(visible(c.Cause, false)), visible(c.Cure, false))
	}
	if len(v.Hints) > 0 {
		fmt.Fprintf(b, "\n%s\n", style.Strong("Look at this, too:"))
	}
	for _, hint := range v.Hints {
		fmt.Fprintf(b, "  - %s\n", visible(hint, false))
	}
}

func (v *verdict) writeTexts(b *strings.Builder, style Style) {
	for i, t := range v.Texts {
		size := 0
		for _, p := range t.Parts {
			size += p.Bytes
		}
		which := ""
		if len(v.Texts) > 1 {
			which = fmt.Sprintf(" %d of %d", i+1, len(v.Texts))
		}
		fmt.Fprintf(b, "\n%s\n", style.Strong(fmt.Sprintf("What is signed%s (%s, %d bytes; the signature is in %s):", which, t.Scheme, size, t.Signature)))
		if t.Sorted {
			b.WriteString("  (the parts are sorted by their values before they are put together)\n")
		}
		var line strings.Builder
		for _, p := range t.Parts {
			switch {
			case p.Base64 && p.SHA256 == "":
				line.WriteString("(base64)" + p.Text)
			case p.SHA256 != "":
				coded := map[bool]string{true: "(base64)"}[p.Base64]
				line.WriteString(coded + p.start + " … (" + fmt.Sprint(p.Bytes) + " bytes, sha256 " + p.SHA256 + "; --full shows all) … " + p.end)
			default:
				line.WriteString(p.Text)
			}
		}
		for l := range strings.SplitAfterSeq(line.String(), "\n") {
			end := ""
			for _, mark := range []struct{ char, shown string }{{"\n", `\n`}, {"\r", `\r`}} {
				if text, ok := strings.CutSuffix(l, mark.char); ok {
					l, end = text, mark.shown+end
				}
			}
			if l+end != "" {
				fmt.Fprintf(b, "  %s%s\n", visible(l, false), style.Faint(end))
			}
		}
		if t.Claims != "" {
			fmt.Fprintf(b, "  header %s\n  claims %s\n", visible(t.Header, false), visible(t.Claims, false))
		}
	}
}
