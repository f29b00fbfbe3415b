package conformance

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

func duplicateChecks() []Check {
	const atomic = "record the id and the event in one atomic step, such as a unique key that is inserted with it"
	checks := []Check{
		{Code: "duplicate", Severity: Must, Sends: "the same request three times", Wants: "2xx each time", Why: "senders repeat what they are not sure of; a duplicate that is refused is repeated again, and may end in the webhook being turned off", Cure: "acknowledge what you have already", run: duplicate},
		{Code: "duplicate-once", Severity: Must, Mode: Observed, alone: true, Sends: "the same event three times", Wants: "it is processed once", Why: "delivery is at least once: customers are charged twice", Cure: atomic, run: duplicateOnce},
		{Code: "concurrent", Severity: Must, alone: true, Sends: "the same request 20 times at once, and once more afterwards", Wants: "2xx, or 409, 425, 429 or 503 for those that come while the first is under way; no failure afterwards", Why: "retries overlap; two of them that meet in the database are no failure", Cure: "let the one that loses the race answer as for a duplicate", run: concurrent},
		{Code: "concurrent-once", Severity: Must, Mode: Observed, alone: true, Sends: "the same event 20 times at once", Wants: "it is processed once", Why: "who looks first and inserts then is too late when two do so at once", Cure: atomic, run: concurrentOnce},
		{Code: "same-id", Severity: Should, Sends: "an event with the id of another one and other content", Wants: "2xx or 4xx", Why: "a sender that reuses ids must not bring the receiver down", Cure: "compare the content, and keep the second one for somebody to look at", run: sameID},
		{Code: "processed", Severity: Must, Mode: Observed, alone: true, Sends: "three events", Wants: "three more are processed", Why: "a 2xx for what is lost is never repeated", Cure: "answer 2xx only after the event is stored", run: processed},
		{Code: "refused-unprocessed", Severity: Must, Mode: Observed, alone: true, Sends: "events that must be refused", Wants: "none of them is processed", Why: "an answer of 401 does not undo what was done before it", Cure: "verify before anything else", run: refusedUnprocessed},
	}
	for i := range checks {
		checks[i].Group = "duplicates"
	}
	return checks
}

func duplicate(t *trial) {
	e, ok := t.event()
	if !ok {
		return
	}
	for i, sent := range []string{"an event", "the same event again", "the same event for the third time"} {
		if _, ok := t.accept(sent, e); !ok {
			if i == 0 {
				t.skip("it is refused the first time already")
			}
			return
		}
	}
}

const crowd = 20

// crowded sends the same request many times at once.
func (t *trial) crowded(e *event) []answer {
	answers := make([]answer, crowd)
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range answers {
		wg.Go(func() {
			<-start
			answers[i] = t.exchange(t.ctx, e)
		})
	}
	close(start)
	wg.Wait()
	for _, a := range answers {
		t.see(a)
	}
	return answers
}

func concurrent(t *trial) {
	e, ok := t.event()
	if !ok {
		return
	}
	t.probes++
	sent := fmt.Sprintf("the same event %d times at once", crowd)
	for _, a := range t.crowded(e) {
		switch {
		case a.ok():
		case a.err == nil && (a.status == http.StatusConflict || a.status == http.StatusTooEarly ||
			a.status == http.StatusTooManyRequests || a.status == http.StatusServiceUnavailable):
		default:
			t.flaw(sent, e, a, "one of the answers is %s", got(a, t.runner))
			return
		}
	}
	// That a duplicate is refused is another flaw.
	if a := t.patient(t.ctx, e); !a.ok() && (a.err != nil || a.status/100 == 5) {
		t.flaw("the same event once more, afterwards", e, a, "%s", got(a, t.runner))
	}
}

func sameID(t *trial) {
	if t.target.Provider.ID.IsZero() {
		t.skip("its events have no id")
		return
	}
	e, ok := t.event()
	if !ok {
		return
	}
	id, err := t.target.Provider.ID.Lookup(copied(e.req))
	if err != nil {
		t.skip("its id cannot be chosen")
		return
	}
	if _, ok := t.accept("an event", e); !ok {
		return
	}
	other, err := t.makeAs(id, "", time.Now(), func(req *verifiers.Request) { withMember("conformance_other", "content")(req) })
	if err != nil {
		t.skip("%v", err)
		return
	}
	if again, err := t.target.Provider.ID.Lookup(copied(other.req)); err != nil || again != id {
		t.skip("its id cannot be chosen")
		return
	}
	t.survive("an event with the same id and other content", other)
}

// count reads the count until it is at least want, or for so long.
func (t *trial) count(want int64) (int64, bool) {
	deadline := time.Now().Add(max(t.deadline, 5*time.Second))
	for {
		ctx, cancel := context.WithTimeout(t.ctx, t.timeout)
		n, err := t.target.Observe(ctx)
		cancel()
		if err != nil {
			t.result.Flaws, t.probes = nil, 0
			t.skip("the count could not be had: %v", err)
			return 0, false
		}
		if n >= want || time.Now().After(deadline) || t.ctx.Err() != nil {
			return n, true
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// settled reads the count until it has stayed the same for a while.
func (t *trial) settled() (int64, bool) {
	const quiet = 400 * time.Millisecond
	n, ok := t.count(0)
	for since := time.Now(); ok && time.Since(since) < quiet && t.ctx.Err() == nil; {
		time.Sleep(50 * time.Millisecond)
		var again int64
		if again, ok = t.count(0); again != n {
			n, since = again, time.Now()
		}
	}
	return n, ok
}

// counted does something and returns by how much the count has grown.
func (t *trial) counted(expected int64, do func()) (int64, bool) {
	before, ok := t.settled()
	if !ok {
		return 0, false
	}
	do()
	if _, ok = t.count(before + expected); !ok {
		return 0, false
	}
	after, ok := t.settled()
	return after - before, ok
}

// another makes an event that is none of those before, also where nothing but its
// content tells it from others.
func (t *trial) another() (*event, bool) {
	first, ok1 := t.event()
	second, ok2 := t.event()
	if !ok1 || !ok2 {
		return nil, false
	}
	id := t.target.Provider.ID
	a, err1 := id.Lookup(copied(first.req))
	b, err2 := id.Lookup(copied(second.req))
	if err1 == nil && err2 == nil && a != b || !bytes.Equal(first.req.Body, second.req.Body) {
		return second, true
	}
	return t.event(func(req *verifiers.Request) { withMember("conformance_event", rand.Text())(req) })
}

func (t *trial) once(sent string, send func(e *event)) {
	if t.target.Provider.ID.IsZero() {
		t.skip("its events have no id: no receiver can tell a duplicate from another event")
		return
	}
	e, ok := t.another()
	if !ok {
		return
	}
	n, ok := t.counted(1, func() { send(e) })
	if !ok {
		return
	}
	if t.probes++; n > 1 {
		t.flaw(sent, e, answer{}, "it was processed %d times", n)
	}
}

func duplicateOnce(t *trial) {
	t.once("the same event three times", func(e *event) {
		for range 3 {
			t.patient(t.ctx, e)
		}
	})
}

func concurrentOnce(t *trial) {
	t.once(fmt.Sprintf("the same event %d times at once", crowd), func(e *event) { t.crowded(e) })
}

func processed(t *trial) {
	const events = 3
	var last *event
	n, ok := t.counted(events, func() {
		for range events {
			if e, ok := t.another(); ok {
				t.patient(t.ctx, e)
				last = e
			}
		}
	})
	if !ok {
		return
	}
	if t.probes++; n < events {
		t.flaw("three events that were accepted", last, answer{}, "%d of them were processed", n)
	}
}

func refusedUnprocessed(t *trial) {
	forged := t.forgeries()
	if len(forged) == 0 {
		t.skip("nothing can be forged")
		return
	}
	var refused, accepted int64
	n, ok := t.counted(0, func() {
		for _, f := range forged {
			if a := t.patient(t.ctx, f.event); a.ok() {
				accepted++ // that is another flaw
			} else {
				refused++
			}
		}
	})
	if !ok {
		return
	}
	if t.probes++; n > accepted {
		t.flaw(fmt.Sprintf("%d events that were refused", refused), forged[0].event, answer{}, "%d of them were processed", n-accepted)
	}
}
