package conformance

import (
	"bytes"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

func answerChecks() []Check {
	const little = "answer with a fixed text, and write what you know into your own log"
	checks := []Check{
		{Code: "refusal-failure", Severity: Must, Sends: "events that must be refused, in about ten ways", Wants: "4xx, and never 5xx", Why: "5xx says that the receiver is broken: monitors cry, and senders repeat what is forged", Cure: "catch what verifying throws: a comparison of different lengths, a header that is not there", run: refusalFailure},
		{Code: "refusal-redirect", Severity: Must, Sends: "events that must be refused, in about ten ways", Wants: "4xx, and never 3xx", Why: "no sender follows to a page of login, and some count 3xx as success", Cure: "take the webhook's path out of what asks for a login", run: refusalRedirect},
		{Code: "refusal-signature", Severity: Must, Sends: "events that must be refused, in about ten ways", Wants: "an answer without the right signature", Why: "who is told the right signature can send anything", Cure: little, run: refusalSignature},
		{Code: "answer-secret", Severity: Must, Sends: "all that was sent", Wants: "no answer with the secret", Why: "it is the key to everything", Cure: little, run: answerSecret},
		{Code: "refusal-internals", Severity: Should, Sends: "events that must be refused, and broken ones", Wants: "an answer without a stack trace, a path of the file system or a statement of SQL", Why: "they tell what to attack", Cure: little, run: refusalInternals},
		{Code: "retry-after", Severity: Should, last: true, Sends: "all that was sent", Wants: "429 and 503 with Retry-After", Why: "without it senders guess, and come back too early or too late", Cure: "say when to come back", Rule: "RFC 9110 section 10.2.3", run: retryAfter},
	}
	for i := range checks {
		checks[i].Group = "answers"
	}
	return checks
}

// forgery is what must be refused.
type forgery struct {
	sent  string
	event *event
}

// forgeries makes one of each kind that every receiver has to refuse, as far as
// the sender signs what they change.
func (t *trial) forgeries() []forgery {
	var list []forgery
	add := func(sent string, make func(e *event) (*event, bool)) {
		e, ok := t.event()
		if !ok {
			return
		}
		if bad, ok := make(e); ok && bad != nil && t.verdict(t.ctx, bad) != nil {
			list = append(list, forgery{sent, bad})
		}
	}
	other := func(f func(string) string) func(*event) (*event, bool) {
		return func(e *event) (*event, bool) { return t.otherwise(e, f) }
	}
	add("an event without a signature", func(e *event) (*event, bool) { bad := without(e, t.places.Signature); return bad, true })
	add("an event whose signature is empty", other(func(string) string { return "" }))
	add("an event whose signature is one letter", other(func(string) string { return "x" }))
	add("an event whose signature does not decode", other(func(s string) string { return "%%" + s[2:] }))
	add("an event with half of its signature", other(raw(func(b []byte) []byte { return b[:len(b)/2] })))
	add("an event whose signature differs in one bit", other(raw(flipped)))
	add("an event whose signature is very long", other(func(s string) string { return strings.Repeat(s, 40) }))
	add("an event that was changed", func(e *event) (*event, bool) {
		e.req.Body = append(e.req.Body, ' ')
		return e, true
	})
	if h := leaf(t.places.Signature).Header; h != "" {
		add("an event whose header "+h+" is nonsense", func(e *event) (*event, bool) {
			e.req.Header.Set(h, "nonsense")
			return e, true
		})
	}
	if w := t.places.Tolerance; w > 0 && !t.places.Timestamp.IsZero() {
		add("an event of yesterday", func(*event) (*event, bool) { return t.eventAt(time.Now().Add(-w - 24*time.Hour)) })
	}
	return list
}

// refusals sends what must be refused and looks at the answers to it.
func (t *trial) refusals(look func(f forgery, a answer)) {
	forged := t.forgeries()
	if len(forged) == 0 {
		t.skip("nothing can be forged")
	}
	for _, f := range forged {
		a := t.patient(t.ctx, f.event)
		if a.err == nil {
			t.probes++
			look(f, a)
		}
	}
}

func refusalFailure(t *trial) {
	t.refusals(func(f forgery, a answer) {
		if a.status/100 == 5 {
			t.flaw(f.sent, f.event, a, "%s", got(a, t.runner))
		}
	})
}

func refusalRedirect(t *trial) {
	t.refusals(func(f forgery, a answer) {
		if a.status/100 == 3 {
			t.flaw(f.sent, f.event, a, "%s, to %q", got(a, t.runner), a.header.Get("Location"))
		}
	})
}

func refusalSignature(t *trial) {
	if t.places.Secret && !t.isJWT() {
		t.skip("%s signs nothing: the secret is looked for by answer-secret", t.target.Provider.Name)
		return
	}
	t.refusals(func(f forgery, a answer) {
		// What was sent may come back: that is another thing.
		text := f.event.good
		if sent, ok := t.signature(f.event.req); text == "" || ok && sent == text && !strings.Contains(f.sent, "changed") {
			return
		}
		right := t.right(f.event)
		for _, text := range []string{text, right} {
			if len(text) >= 16 && !t.wrote(f.event, text) && holds(a, text) {
				t.flaw(f.sent, f.event, a, "the answer holds the right signature: %s", got(a, t.runner))
				return
			}
		}
	})
}

// right is the signature that would be right for what was sent, where that can be
// computed.
func (t *trial) right(e *event) string {
	req := copied(e.req)
	req.Header.Del(leaf(t.places.Signature).Header)
	again, err := t.signed(req, t.target.Provider, t.target.Config, time.Now())
	if err != nil {
		return ""
	}
	return again.good
}

// wrote reports whether the request has the text itself.
func (t *trial) wrote(e *event, text string) bool {
	head, body := t.render(e)
	return bytes.Contains(head, []byte(text)) || bytes.Contains(body, []byte(text))
}

func holds(a answer, text string) bool {
	if bytes.Contains(bytes.ToLower(a.body), bytes.ToLower([]byte(text))) {
		return true
	}
	for _, values := range a.header {
		for _, v := range values {
			if strings.Contains(v, text) {
				return true
			}
		}
	}
	return false
}

func answerSecret(t *trial) {
	secrets := slices.DeleteFunc(slices.Clone(t.target.Secrets), func(s string) bool { return len(s) < 8 })
	if len(secrets) == 0 {
		t.skip("the secret is not known, or too short to be looked for")
		return
	}
	if t.repeats(secrets) {
		t.skip("%s wants it in the answer", t.target.Provider.Name)
		return
	}
	look := func(sent string, e *event, a answer) {
		t.probes++
		if a.err == nil && slices.ContainsFunc(secrets, func(s string) bool { return holds(a, s) }) {
			t.flaw(sent, e, a, "the answer holds the secret: %s", got(a, t.runner))
		}
	}
	for _, f := range t.forgeries() {
		look(f.sent, f.event, t.patient(t.ctx, f.event))
	}
	if e, ok := t.event(withBody("{")); ok {
		look("a signed event that is no JSON", e, t.patient(t.ctx, e))
	}
	if e, ok := t.event(); ok {
		look("a correctly signed event", e, t.patient(t.ctx, e))
		e.req = copied(e.req)
		e.req.Method, e.req.Body = http.MethodGet, nil
		look("a request with GET", e, t.patient(t.ctx, e))
	}
}

// repeats reports whether the sender itself asks for an answer with a secret in it:
// it is a name that it calls a secret, or proves that the receiver knows it.
func (t *trial) repeats(secrets []string) bool {
	e, ok := t.event()
	if !ok {
		return false
	}
	want, err := t.target.Provider.Success.Render(t.ctx, copied(e.req), t.target.Config)
	if err != nil {
		return false
	}
	a := answer{body: want.Body, header: http.Header{}}
	for name, value := range want.Header {
		a.header.Set(name, value)
	}
	return slices.ContainsFunc(secrets, func(s string) bool { return holds(a, s) })
}

// internals are what stack traces, file systems and databases look like.
var internals = []*regexp.Regexp{
	regexp.MustCompile(`goroutine \d+ \[`),
	regexp.MustCompile(`Traceback \(most recent call last\)`),
	regexp.MustCompile(`(?m)^\s*at .+\(.+:\d+(:\d+)?\)`),
	regexp.MustCompile(`(?m)^\s*File ".+", line \d+`),
	regexp.MustCompile(`/(usr|home|var|app|srv|opt|root|node_modules|site-packages|vendor)/[^\s"'<>]+\.(js|ts|py|rb|php|go|java|cs|rs)\b`),
	regexp.MustCompile(`[A-Z]:\\[^\s"'<>]+\.(cs|vb|php|js|py)\b`),
	regexp.MustCompile(`\b(SELECT .+ FROM|INSERT INTO|UPDATE .+ SET) `),
	regexp.MustCompile(`\b[a-z]+(\.[a-z]+)+\.[A-Z]\w+(Exception|Error)\b`),
}

func refusalInternals(t *trial) {
	look := func(sent string, e *event, a answer) {
		t.probes++
		for _, re := range internals {
			if m := re.Find(a.body); m != nil {
				t.flaw(sent, e, a, "the answer tells of the inside: %q", m)
				return
			}
		}
	}
	for _, f := range t.forgeries() {
		look(f.sent, f.event, t.patient(t.ctx, f.event))
	}
	for _, body := range []string{"{", "[]", "\xff"} {
		if e, ok := t.event(withBody(body)); ok {
			look("a signed event whose body is broken", e, t.patient(t.ctx, e))
		}
	}
}

func retryAfter(t *trial) {
	t.mu.Lock()
	seen, impatient := t.unavailable, t.impatient
	t.mu.Unlock()
	if seen == 0 {
		t.skip("no answer was 429 or 503")
		return
	}
	t.probes++
	if len(impatient) > 0 {
		t.flaw(fmt.Sprintf("%d requests", t.requests.Load()), nil, impatient[0],
			"%d of %d answers 429 or 503 have no Retry-After: %s", len(impatient), seen, got(impatient[0], t.runner))
	}
}
