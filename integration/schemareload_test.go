package integration

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// answers is what senders were told of each event, by its key: id and source.
type answers struct {
	mu     sync.Mutex
	first  map[string]int   // generation of the configuration that first answered 200
	cut    map[string]bool  // a request had no answer, and which generation had it is unknown
	times  map[string]int64 // requests that were answered 200
	others int              // answers that were not 200
}

func newAnswers() *answers {
	return &answers{first: make(map[string]int), cut: make(map[string]bool), times: make(map[string]int64)}
}

// saw implements senders.saw.
func (a *answers) saw(route, id string, res *http.Response) {
	a.mu.Lock()
	defer a.mu.Unlock()
	key := id + " " + sourceOf(route)
	switch {
	case res == nil:
		a.cut[key] = true
	case res.StatusCode != http.StatusOK:
		a.others++
	default:
		a.times[key]++
		if _, known := a.first[key]; !known {
			a.first[key], _ = strconv.Atoi(res.Header.Get("X-Generation")) // 0 is none that is asked for
		}
	}
}

// sourceOf is the source of a route of gateways.
func sourceOf(route string) string { return strings.TrimPrefix(route, "/") }

// send makes new senders of events of three types.
func (a *answers) send(g *gateway, prefix string) *senders {
	s := newSenders("http://" + g.addr)
	s.prefix, s.saw, s.kind = prefix, a.saw, kindOf
	s.body = func(id string) []byte { return eventOf(id, "") }
	return s
}

// kindOf is the type of an event; push unless the id ends in a number.
func kindOf(id string) string {
	n, err := strconv.Atoi(id[strings.LastIndexByte(id, '-')+1:])
	if err != nil {
		return "push"
	}
	return []string{"push", "issues", "status"}[n%3]
}

// comesTwice reports whether senders send the event again after it is acknowledged.
func comesTwice(id string) bool {
	n, err := strconv.Atoi(id[strings.LastIndexByte(id, '-')+1:])
	return err == nil && n%10 == 9
}

func eventOf(id, members string) []byte {
	if kindOf(id) == "issues" {
		members += `"action":"opened",`
	}
	return fmt.Appendf(nil, fullEvent, id, members)
}

// schemaRun is a gateway whose schemas are edited while senders send.
type schemaRun struct {
	*gateway
	files      *schemaFiles
	answers    *answers
	senders    *senders
	generation int
	push       map[int]judgement // by generation
	known      map[string]judgement
	issues     judgement
	refused    int // configurations that did not load
}

func newSchemaRun(t *testing.T) *schemaRun {
	t.Helper()
	r := &schemaRun{files: newSchemaFiles(t), answers: newAnswers(), push: make(map[int]judgement), known: make(map[string]judgement)}
	r.files.write(r.files.live, "status.json", statusTexts[0])
	first := r.files.edit()
	r.gateway = newGateway(t, false, r.files.settings())
	r.senders = r.answers.send(r.gateway, "r")
	for i, verdict := range []string{"valid", "invalid"} {
		sum := digest([]byte(statusTexts[i]))
		r.known[sum] = judgement{"schema:status.json", sum, verdict}
	}
	r.issues = judgement{schema: "schema:bundled/github/issues.json", verdict: "valid"}
	for _, s := range r.schemas()[0].Schemas {
		switch "schema:" + s.Schema {
		case r.issues.schema:
			r.issues.sha256 = s.SHA256
		case "schema:bundled/github/push.json":
			r.files.bundled = judgement{"schema:" + s.Schema, s.SHA256, "valid"}
		}
	}
	if r.issues.sha256 == "" || r.files.bundled.sha256 == "" {
		t.Fatalf("the bundled schemas of issues and push are not listed: %+v", r.schemas())
	}
	r.known[r.issues.sha256] = r.issues
	r.push[0] = first // what the gateway was started with
	r.accept(first)
	return r
}

// accept loads what is written. It says what the schema of push says from now on.
func (r *schemaRun) accept(push judgement) {
	r.t.Helper()
	r.generation++
	r.push[r.generation], r.known[push.sha256] = push, push
	r.reload(r.generation)
}

// refuse loads what does not compile. Caddy has to say why.
func (r *schemaRun) refuse(says string) {
	r.t.Helper()
	r.refused++
	status, text := r.load(1_000_000 + r.refused) // a generation that must never answer
	if status == http.StatusOK {
		r.t.Fatalf("a broken schema is loaded, want %q", says)
	}
	if !strings.Contains(text, says) {
		r.t.Errorf("a broken schema: Caddy says %q, want something with %q", text, says)
	}
}

// probe sends an event to each route until the last generation that was loaded
// answers.
func (r *schemaRun) probe(what string) {
	r.t.Helper()
	for _, route := range []string{"/strict", "/kept"} {
		tries := 0
		waitFor(r.t, patience, "the configuration answers", func() error {
			tries++
			id := fmt.Sprintf("%s-%d-%d-event", what, r.files.edits, tries)
			switch status := r.senders.post(route, id, eventOf(id, "")); status {
			case http.StatusOK:
			case 0: // as senders have it in the moment of a reload
				return fmt.Errorf("there is no answer")
			default:
				r.t.Fatalf("%s: %d", id, status)
			}
			r.answers.mu.Lock()
			defer r.answers.mu.Unlock()
			if got := r.answers.first[id+" "+sourceOf(route)]; got != r.generation {
				return fmt.Errorf("generation %d answers, want %d", got, r.generation)
			}
			return nil
		})
	}
}

// listed wants the schemas in force, and the candidate, to be listed.
func (r *schemaRun) listed(candidate string) {
	r.t.Helper()
	push := r.push[r.generation]
	for _, route := range r.schemas() {
		own, next := "", ""
		for _, s := range route.Schemas {
			if s.Schema == "push.json" {
				own = s.SHA256
			}
		}
		for _, s := range route.Shadow.Schemas {
			if s.Schema == "push.json" {
				next = s.SHA256
			}
		}
		if push == r.files.bundled && own != "" || push != r.files.bundled && own != push.sha256 || next != candidate {
			r.t.Errorf("%s: the schema of push is %q with the candidate %q, want %+v with %q", route.Source, own, next, push, candidate)
		}
	}
}

// TestSchemaReloads edits schemas and loads the configuration again and again while
// events come in. None is lost, doubled or refused; each was judged by the schemas of
// the configuration that answered, as the message says; and what does not compile
// changes nothing. SCHEMA_RELOAD_ROUNDS is how many.
func TestSchemaReloads(t *testing.T) {
	t.Parallel()
	r := newSchemaRun(t)
	f := r.files
	stopFlips := f.flip()
	warm := r.answers.send(r.gateway, "w")
	warm.start(8)
	r.accept(r.push[1])
	waitFor(t, patience, "payloads are learned", r.learned)
	warm.stop()
	r.find("topics", "found")
	before := r.usage()

	r.senders.start(8)
	n := rounds(t, "SCHEMA_RELOAD_ROUNDS", 16)
	for i := range n {
		acknowledged, candidate := r.senders.acknowledged.Load(), f.candidate
		next := f.edit()
		r.probe("before")
		if i%2 == 1 {
			says, undo := f.spoil(i / 2)
			r.refuse(says)
			undo()
			r.probe("refused")
			r.listed(candidate)
		}
		r.accept(next)
		r.probe("after")
		r.listed(f.candidate)
		waitFor(t, patience, "events are acknowledged after a reload", func() error { return some(r.senders, acknowledged+30) })
	}
	waitFor(t, patience, "the candidate is asked", r.shadowed)
	r.senders.stop()
	stopFlips()
	after := r.rest(before)

	stored, aside := r.checkJudged()
	if gaveUp := warm.gaveUp.Load() + r.senders.gaveUp.Load(); gaveUp > 0 || r.answers.others > 0 {
		t.Errorf("%d requests were answered with something else than 200, %d senders gave up", r.answers.others, gaveUp)
	}
	r.checkCounts()
	t.Logf("%d reloads and %d that were refused: %d deliveries, %d events acknowledged: %d stored and %d in quarantine, %d requests answered with something else than 200, %d without an answer, %d schemas",
		r.generation, r.refused, warm.deliveries.Load()+r.senders.deliveries.Load(), len(r.answers.first), stored, aside, r.answers.others, warm.cut.Load()+r.senders.cut.Load(), len(r.known))
	t.Logf("before: %v", before)
	t.Logf("after:  %v", after)
	r.checkCompiledOnce()
	r.checkCountsAnew()
	r.checkDrift()
}

// checkJudged looks for what was acknowledged in the stream and in quarantine, and at
// what is said of the schemas there.
func (r *schemaRun) checkJudged() (stored, aside int) {
	t := r.t
	t.Helper()
	nc, err := dialNATS(r.nats)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	c := &cluster{conn: nc, js: js}
	found := map[string]map[string]int{"WEBHOOKS": {}, "WEBHOOKS_QUARANTINE": {}}
	events := make(map[string]int)       // by digest
	status := make(map[string]judgement) // by generation and source
	for stream, keys := range found {
		c.each(t, stream, func(h nats.Header, _ uint64) {
			id, source := h["ce-id"][0], h["ce-whsource"][0]
			if id == "first" {
				return
			}
			key := id + " " + source
			keys[key]++
			for _, name := range []string{"ce-dataschema", "ce-whschemahash", "ce-whschema"} {
				if len(h[name]) != 1 {
					t.Errorf("%s has %d headers %s", key, len(h[name]), name)
					return
				}
			}
			got := judgement{h["ce-dataschema"][0], h["ce-whschemahash"][0], h["ce-whschema"][0]}
			events[got.sha256]++
			if want, ok := r.known[got.sha256]; !ok || got != want {
				t.Errorf("%s in %s was judged by %+v, and the schema of that digest is %+v", key, stream, got, want)
			}
			if aside := got.verdict == "invalid" && kindOf(id) == "status"; aside != (stream == "WEBHOOKS_QUARANTINE") {
				t.Errorf("%s is %s, and is in %s", key, got.verdict, stream)
			}
			generation, answered := r.answers.first[key]
			switch want := r.push[generation]; {
			case r.answers.cut[key]:
			case !answered:
				t.Errorf("%s is in %s, and nobody sent it", key, stream)
			case kindOf(id) == "push" && got != want:
				t.Errorf("%s was judged by %+v, and generation %d has %+v", key, got, generation, want)
			case kindOf(id) == "issues" && got != r.issues:
				t.Errorf("%s was judged by %+v, want %+v", key, got, r.issues)
			case kindOf(id) == "status" && !comesTwice(id):
				// Which of the two was loaded is chance, but it was one.
				of := fmt.Sprint(generation, source)
				if want, ok := status[of]; ok && got != want {
					t.Errorf("%s was judged by %+v, and others of generation %d by %+v", key, got, generation, want)
				}
				status[of] = got
			}
		})
	}
	for sum, want := range r.known {
		if events[sum] == 0 && want.schema != "schema:status.json" {
			t.Errorf("no event was judged by %+v", want)
		}
	}
	for stream, keys := range found {
		for key, n := range keys {
			if n > 1 {
				t.Errorf("%s is %d times in %s", key, n, stream)
			}
		}
	}
	for key := range r.answers.first {
		in, out := found["WEBHOOKS"][key], found["WEBHOOKS_QUARANTINE"][key]
		stored, aside = stored+in, aside+out
		// What comes again may find another schema.
		id, _, _ := strings.Cut(key, " ")
		if in+out == 0 {
			t.Errorf("%s is lost", key)
		} else if in+out > 1 && !comesTwice(id) && !r.answers.cut[key] {
			t.Errorf("%s is stored and in quarantine", key)
		}
	}
	return stored, aside
}
