package conformance

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

func handshakeChecks() []Check {
	checks := []Check{
		{Code: "handshake", Severity: Must, Sends: "each handshake of the sender that can be played", Wants: "the answer that the sender's documentation asks for", Why: "without it the sender does not turn the webhook on", Cure: "answer it as the sender's documentation says", run: handshake},
		{Code: "handshake-token", Severity: Must, Sends: "a handshake with another verify token, and with none", Wants: "4xx, without the challenge", Why: "whoever knows the URL can subscribe it to an application of his own", Cure: "compare the token with your own, in constant time, before you answer", run: handshakeToken},
		{Code: "handshake-unsigned", Severity: Must, Sends: "a handshake of a sender that signs them, without a signature and with a wrong one", Wants: "4xx, without the challenge", Why: "who answers what is not signed answers anybody; some handshakes also deliver secrets", Cure: "verify handshakes like events", run: handshakeUnsigned},
		{Code: "handshake-script", Severity: Must, Sends: "a handshake whose challenge is a script", Wants: "4xx, or an answer that no browser takes for HTML", Why: "an echo as HTML is a script that runs in your name (cross-site scripting)", Cure: "answer as text/plain with X-Content-Type-Options: nosniff, and refuse challenges that are no plain words", Rule: "OWASP: reflected cross-site scripting", run: handshakeScript},
	}
	for i := range checks {
		checks[i].Group = "handshake"
	}
	return checks
}

// errHandshake means that a handshake cannot be played.
var errHandshake = errors.New("it cannot be played")

// greet makes a handshake with this challenge, and with this token where it has
// one; "" leaves the token out. It is signed where the sender does that.
func (t *trial) greet(h *verifiers.Handshake, challenge, token string) (*event, error) {
	switch {
	case !h.Confirm.IsZero():
		return nil, fmt.Errorf("%w: it has the receiver fetch a URL of the sender", errHandshake)
	case !h.Capture.IsZero():
		return nil, fmt.Errorf("%w: it would give the receiver another secret", errHandshake)
	}
	req := &verifiers.Request{Method: or(h.Method, http.MethodPost), URL: t.public(), Header: http.Header{}}
	req = copied(req)
	if req.Method != http.MethodGet && req.Method != http.MethodHead && req.Method != http.MethodOptions {
		req.Header.Set("Content-Type", "application/json")
		if types := t.target.Provider.ContentTypes; len(types) > 0 {
			req.Header.Set("Content-Type", types[0])
		}
		if !isForm(req) {
			req.Body = []byte("{}")
		}
	}
	places := []struct {
		source verifiers.Source
		value  string
	}{{h.Token, token}, {h.Reply.Echo, challenge}}
	for _, m := range h.When {
		value := m.Equals
		switch {
		case m.Absent:
			continue
		case value == "" && m.Like != "":
			return nil, fmt.Errorf("%w: it is known by a pattern", errHandshake)
		case value == "":
			value = challenge
		}
		places = append(places, struct {
			source verifiers.Source
			value  string
		}{m.Source, value})
	}
	for _, p := range places {
		if p.source.IsZero() || p.value == "" {
			continue
		}
		if p.source.Form != "" && !isForm(req) {
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			req.Body = nil
		}
		if err := put(req, p.source, p.value); err != nil {
			return nil, fmt.Errorf("%w: %w", errHandshake, err)
		}
	}
	if !h.Matches(copied(req)) {
		return nil, fmt.Errorf("%w: what it is known by cannot be written", errHandshake)
	}
	e := &event{req: req}
	if h.Signed {
		signed, err := t.signed(req, t.target.Provider, t.target.Config, time.Now())
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errHandshake, err)
		}
		e = signed
	}
	return e, nil
}

// challenge is a word that nothing else is.
func challenge() string { return "conformance" + rand.Text() }

// each plays each handshake that pick picks.
func (t *trial) each(pick func(h *verifiers.Handshake) bool, play func(h *verifiers.Handshake)) {
	p := t.target.Provider
	if len(p.Handshakes) == 0 {
		t.skip("%s has no handshake", p.Name)
	}
	for i := range p.Handshakes {
		if pick(&p.Handshakes[i]) {
			play(&p.Handshakes[i])
		}
	}
}

// greeting is greet, with the option's token; it notes why it cannot be done.
func (t *trial) greeting(h *verifiers.Handshake, challenge string) (*event, bool) {
	e, err := t.greet(h, challenge, t.target.Config.Options[h.TokenOption])
	if err != nil {
		t.skip("%s: %v", h.Name, err)
	}
	return e, err == nil
}

func handshake(t *trial) {
	t.each(func(*verifiers.Handshake) bool { return true }, func(h *verifiers.Handshake) {
		if h.TokenOption != "" && t.target.Config.Options[h.TokenOption] == "" {
			t.skip("%s: --option %s is not given", h.Name, h.TokenOption)
			return
		}
		e, ok := t.greeting(h, challenge())
		if !ok {
			return
		}
		want, err := h.Answer(t.ctx, copied(e.req), t.target.Config)
		if err != nil {
			t.skip("%s: %v", h.Name, err)
			return
		}
		t.probes++
		a := t.patient(t.ctx, e)
		sent := "the handshake " + h.Name
		switch {
		case a.err != nil || a.status != want.Status && (a.status/100 != 2 || want.Status/100 != 2):
			t.flaw(sent, e, a, "%s, want status %d", got(a, t.runner), want.Status)
		case h.Reply.Custom == nil && len(want.Body) > 0 && !bytes.Contains(a.body, word(want.Body)):
			t.flaw(sent, e, a, "%s, want the body %q", got(a, t.runner), want.Body)
		default:
			for name, value := range want.Header {
				if h.Reply.Custom == nil && a.header.Get(name) != value {
					t.flaw(sent, e, a, "the header %s is %q, want %q", name, a.header.Get(name), value)
				}
			}
		}
	})
}

// word is what has to be in the answer: senders that read JSON do not mind spaces.
func word(body []byte) []byte {
	if i := bytes.Index(body, []byte("conformance")); i >= 0 {
		rest := body[i:]
		if end := bytes.IndexAny(rest, `"<& `); end > 0 {
			return rest[:end]
		}
		return rest
	}
	return bytes.TrimSpace(body)
}

// unwelcome sends a handshake that must be refused.
func (t *trial) unwelcome(sent string, e *event, challenge string) {
	t.probes++
	a := t.patient(t.ctx, e)
	switch {
	case a.err != nil:
		t.flaw(sent, e, a, "%s", got(a, t.runner))
	case bytes.Contains(a.body, []byte(challenge)):
		t.flaw(sent, e, a, "the challenge was answered: %s", got(a, t.runner))
	case a.ok():
		t.flaw(sent, e, a, "it was accepted: %s", got(a, t.runner))
	}
}

func handshakeToken(t *trial) {
	t.each(func(h *verifiers.Handshake) bool { return h.TokenOption != "" }, func(h *verifiers.Handshake) {
		for what, token := range map[string]string{"another token": "another", "no token": ""} {
			word := challenge()
			if token == t.target.Config.Options[h.TokenOption] {
				continue
			}
			e, err := t.greet(h, word, token)
			if err != nil {
				t.skip("%s: %v", h.Name, err)
				return
			}
			if _, err := h.Answer(t.ctx, copied(e.req), t.target.Config); err == nil {
				continue
			}
			t.unwelcome("the handshake "+h.Name+" with "+what, e, word)
		}
	})
}

func handshakeUnsigned(t *trial) {
	t.each(func(h *verifiers.Handshake) bool { return h.Signed }, func(h *verifiers.Handshake) {
		word := challenge()
		e, ok := t.greeting(h, word)
		if !ok {
			return
		}
		const sent = "the handshake "
		if bad := without(e, t.places.Signature); bad != nil && t.verdict(t.ctx, bad) != nil {
			t.unwelcome(sent+h.Name+" without a signature", bad, word)
		}
		if bad, ok := t.otherwise(e, raw(flipped)); ok && t.verdict(t.ctx, bad) != nil {
			t.unwelcome(sent+h.Name+" with a wrong signature", bad, word)
		}
	})
}

func handshakeScript(t *trial) {
	echoes := func(h *verifiers.Handshake) bool { return !h.Reply.Echo.IsZero() || h.Reply.Template != "" }
	t.each(echoes, func(h *verifiers.Handshake) {
		script := "<script>alert('" + challenge() + "')</script>"
		e, ok := t.greeting(h, script)
		if !ok {
			return
		}
		t.probes++
		a := t.patient(t.ctx, e)
		if a.err == nil && bytes.Contains(a.body, []byte("<script>")) && isMarkup(a.header) {
			t.flaw("the handshake "+h.Name+" with a script as the challenge", e, a,
				"the script came back as %q: %s", a.header.Get("Content-Type"), got(a, t.runner))
		}
	})
}

// isMarkup reports whether a browser runs scripts in the answer.
func isMarkup(h http.Header) bool {
	media, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil {
		return true // a browser looks at what it is
	}
	switch media {
	case "text/html", "application/xhtml+xml", "text/xml", "application/xml", "image/svg+xml":
		return true
	}
	return false
}
