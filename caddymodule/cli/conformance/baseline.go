package conformance

import (
	"bufio"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

func baselineChecks() []Check {
	return []Check{
		{
			Code: "good-request", Group: "baseline", Severity: Must,
			Sends: "three correctly signed events, each with an id of its own, on one connection",
			Wants: "2xx for each", Why: "senders keep connections open; everything but 2xx is a failed delivery, which is repeated and then lost",
			Cure: "answer 2xx once the event is stored; keep nothing of one request for the next one", run: goodRequest,
		},
		{
			Code: "deadline", Group: "baseline", Severity: Must, alone: true,
			Sends: "correctly signed events", Wants: "an answer within the time that the sender waits",
			Why:  "after it the sender counts the delivery as failed and repeats it, although it was received",
			Cure: "store the event, answer, and process it afterwards", run: deadline,
		},
		{
			Code: "success-answer", Group: "baseline", Severity: Should,
			Sends: "a correctly signed event of a sender that asks for a certain answer",
			Wants: "that status and body", Why: "the sender takes another answer for a failure, or for a message",
			Cure: "answer as the sender's documentation says", run: successAnswer,
		},
		{
			Code: "unknown-type", Group: "baseline", Severity: Must,
			Sends: "an event of a type that nobody has heard of", Wants: "2xx",
			Why:  "senders add types; to refuse one has it repeated for days, and some senders then turn the webhook off",
			Cure: "acknowledge and ignore what you do not handle", run: unknownType,
		},
		{
			Code: "unknown-field", Group: "baseline", Severity: Must,
			Sends: "an event with one more member", Wants: "2xx",
			Why:  "senders add members without notice",
			Cure: "ignore members that you do not know: no additionalProperties: false, no strict decoding", run: unknownField,
		},
		{
			Code: "old-event", Group: "baseline", Severity: Should,
			Sends: "an event that happened three days ago, signed now", Wants: "2xx",
			Why:  "retries and redeliveries come days later, and out of order; the signature's time is that of the attempt",
			Cure: "judge freshness by the signed timestamp only, and order by the event's own time or version", run: oldEvent,
		},
	}
}

func goodRequest(t *trial) {
	conn, err := t.dial(t.ctx)
	if err != nil {
		t.skip("%v", err)
		return
	}
	defer conn.Close()
	in := bufio.NewReader(conn)
	for i, sent := range []string{"a correctly signed event", "a second one on the same connection", "a third one on the same connection"} {
		e, ok := t.event()
		if !ok {
			return
		}
		a := t.on(t.ctx, conn, in, e)
		t.see(a)
		switch {
		case a.err != nil && i > 0:
			return // it was closed, which a receiver may do at any time
		case a.status == http.StatusTooManyRequests, a.status == http.StatusServiceUnavailable:
			continue
		}
		if t.probes++; !a.ok() {
			t.flaw(sent, e, a, "%s", got(a, t.runner))
			return
		}
		if strings.EqualFold(a.header.Get("Connection"), "close") {
			return
		}
	}
}

func deadline(t *trial) {
	var slowest time.Duration
	for range 5 {
		e, ok := t.event()
		if !ok {
			return
		}
		t.probes++
		// The receiver's patience with us is no part of its time to answer.
		a := t.exchange(t.ctx, e)
		t.see(a)
		switch {
		case a.took > t.deadline:
			t.flaw("a correctly signed event", e, a, "the answer took %s, and %s waits %s",
				a.took.Round(time.Millisecond), t.target.Provider.Title, t.deadline)
			return
		case a.err != nil:
			t.flaw("a correctly signed event", e, a, "%s", got(a, t.runner))
			return
		}
		slowest = max(slowest, a.took)
	}
	t.result.Note = fmt.Sprintf("the slowest of 5 took %s of %s", slowest.Round(10*time.Microsecond), t.deadline)
}

func successAnswer(t *trial) {
	want := t.target.Provider.Success
	if want.IsZero() || !want.Fixed() && want.Custom != nil {
		return
	}
	e, ok := t.event()
	if !ok {
		return
	}
	rendered, err := want.Render(t.ctx, copied(e.req), t.target.Config)
	if err != nil {
		t.skip("its answer cannot be told: %v", err)
		return
	}
	a, ok := t.accept("a correctly signed event", e)
	if !ok {
		return
	}
	if a.status != rendered.Status {
		t.flaw("a correctly signed event", e, a, "status %d, want %d", a.status, rendered.Status)
	}
	if body := strings.TrimSpace(string(rendered.Body)); body != "" && strings.TrimSpace(string(a.body)) != body && !strings.HasPrefix(body, "{") && !strings.HasPrefix(body, "<") {
		t.flaw("a correctly signed event", e, a, "the body is %q, want %q", string(a.body), body)
	}
}

func unknownType(t *trial) {
	source := t.target.Provider.Type
	e, err := t.makeAs("", "conformance_never_heard_of", time.Now())
	if err != nil {
		t.skip("its type cannot be chosen: %v", err)
		return
	}
	if kind, err := source.Lookup(copied(e.req)); err != nil || !strings.Contains(kind, "never_heard_of") {
		t.skip("its type cannot be chosen")
		return
	}
	t.accept("an event of a type that nobody has heard of", e)
}

func unknownField(t *trial) {
	added := false
	e, ok := t.event(func(req *verifiers.Request) {
		added = withMember("conformance_new_member", "new")(req)
	})
	switch {
	case !ok:
	case !added:
		t.skip("the body is neither a JSON object nor a form")
	default:
		t.accept("an event with one more member", e)
	}
}

func oldEvent(t *trial) {
	p := t.target.Provider
	if p.Time.IsZero() || p.Time.Const != "" || p.Time.String() == t.places.Timestamp.String() {
		t.skip("%s says nothing of an event's time besides that of the signature", p.Name)
		return
	}
	at := time.Now()
	req, err := t.target.Sample("", "", at.Add(-3*24*time.Hour))
	if err != nil {
		t.skip("%v", err)
		return
	}
	e, err := t.signed(req, p, t.target.Config, at)
	if err != nil {
		t.skip("such a request of %s cannot be made: %v", p.Name, err)
		return
	}
	t.accept("an event of three days ago that is signed now", e)
}

// methods are those that the sender uses for anything.
func (r *runner) methods() []string {
	p := r.target.Provider
	list := append([]string(nil), p.Methods...)
	if len(list) == 0 {
		list = append(list, http.MethodPost)
	}
	for i := range p.Handshakes {
		list = append(list, or(p.Handshakes[i].Method, http.MethodPost))
	}
	return list
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
