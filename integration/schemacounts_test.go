package integration

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
)

// schemaStatus is what GET /webhooks/schemas says of a route.
type schemaStatus struct {
	Source  string        `json:"source"`
	Schemas []schemaCount `json:"schemas"`
	Shadow  struct {
		Results map[string]int64 `json:"results"`
		Schemas []schemaCount    `json:"schemas"`
	} `json:"shadow"`
}

type schemaCount struct {
	Schema string `json:"schema"`
	SHA256 string `json:"sha256"`
	Valid  int64  `json:"valid"`
}

func (g *gateway) schemas() []schemaStatus {
	g.t.Helper()
	var answer struct {
		Routes []schemaStatus `json:"routes"`
	}
	if err := json.Unmarshal(g.get("http://"+g.admin+"/webhooks/schemas"), &answer); err != nil {
		g.t.Fatal(err)
	}
	if len(answer.Routes) != 2 {
		g.t.Fatalf("%d routes have schemas, want 2", len(answer.Routes))
	}
	return answer.Routes
}

// valid is how many events a schema of /strict has accepted, or -1.
func (r *schemaRun) valid(schema string) int64 {
	r.t.Helper()
	for _, route := range r.schemas() {
		for _, s := range route.Schemas {
			if route.Source == "strict" && s.Schema == schema {
				return s.Valid
			}
		}
	}
	return -1
}

// shadowed returns an error until the candidate was asked about events of a type that
// it has a schema for, and of one that it has none for.
func (r *schemaRun) shadowed() error {
	r.t.Helper()
	for _, route := range r.schemas() {
		results := route.Shadow.Results
		if results["failed"] > 0 {
			r.t.Fatalf("%s: the candidate failed: %v", route.Source, results)
		}
		if results["would_reject"]+results["both_reject"] == 0 || results["no_schema"] == 0 {
			return fmt.Errorf("%s: the candidate says %v", route.Source, results)
		}
	}
	return nil
}

// checkCounts wants each answer to be counted at the schema that was never edited, and
// each event that reached the gateway to be answered.
func (r *schemaRun) checkCounts() {
	r.t.Helper()
	want, answered := make(map[string]int64), int64(0)
	for key, n := range r.answers.times {
		answered += n
		if id, source, _ := strings.Cut(key, " "); kindOf(id) == "issues" {
			want[source] += n
		}
	}
	for _, route := range r.schemas() {
		for _, s := range route.Schemas {
			if "schema:"+s.Schema == r.issues.schema && s.Valid != want[route.Source] {
				r.t.Errorf("%s: %d events of issues are counted, and %d were answered", route.Source, s.Valid, want[route.Source])
			}
		}
	}
	handled := int64(0)
	for line := range strings.Lines(r.caddy.log.String()) {
		if strings.Contains(line, `"msg":"webhook"`) && !strings.Contains(line, `"event_id":"first"`) {
			handled++
		}
	}
	if handled != answered {
		r.t.Errorf("the log has %d requests, and %d were answered 200", handled, answered)
	}
}

// checkCompiledOnce compares what it takes to load schemas that have not changed with
// what it takes to load others.
func (r *schemaRun) checkCompiledOnce() {
	r.t.Helper()
	r.accept(r.push[r.generation]) // whichever schema of status is there now
	start := r.allocated()
	for range 4 {
		r.accept(r.push[r.generation])
	}
	same := r.allocated() - start
	start = r.allocated()
	for range 4 {
		r.accept(r.files.edit())
	}
	edited := r.allocated() - start
	r.t.Logf("4 reloads of the same schemas allocate %.1f MB, of others %.1f MB", float64(same)/1e6, float64(edited)/1e6)
	if same > edited/2 {
		r.t.Errorf("4 reloads of the same schemas allocate %d bytes, of others %d: they are compiled again", same, edited)
	}
}

// checkCountsAnew wants what was counted to be forgotten with the schema.
func (r *schemaRun) checkCountsAnew() {
	r.t.Helper()
	push := judgement{schema: "schema:push.json", verdict: "valid"}
	write := func() {
		const text = `{"type": "object", "title": "it comes and goes"}`
		push.sha256 = digest([]byte(text))
		r.files.write(r.files.live, "push.json", text)
	}
	write()
	r.accept(push)
	r.probe("counted")
	if n := r.valid("push.json"); n < 1 {
		r.t.Errorf("%d events of push are counted", n)
	}
	// The configuration of before ends when its last request has.
	waitFor(r.t, patience, "counting begins anew", func() error {
		if err := os.Remove(filepath.Join(r.files.live, "push.json")); err != nil {
			r.t.Fatal(err)
		}
		r.accept(r.files.bundled)
		write()
		r.accept(push)
		if n := r.valid("push.json"); n != 0 {
			return fmt.Errorf("%d events of push are counted", n)
		}
		return nil
	})
}

// driftStatus is what GET /webhooks/drift says of a source.
type driftStatus struct {
	Source       string `json:"source"`
	Since        string `json:"since"`
	LearnedTypes int    `json:"learned_types"`
	TypesLearned bool   `json:"types_learned"`
	Findings     []struct {
		Kind  string `json:"kind"`
		Path  string `json:"path"`
		Count int    `json:"count"`
		ID    string `json:"event_id"`
	} `json:"findings"`
}

func (g *gateway) drifts() []driftStatus {
	g.t.Helper()
	var answer struct {
		Sources []driftStatus `json:"sources"`
	}
	if err := json.Unmarshal(g.get("http://"+g.admin+"/webhooks/drift"), &answer); err != nil {
		g.t.Fatal(err)
	}
	return answer.Sources
}

// learned returns an error until the payloads of both sources are learned.
func (r *schemaRun) learned() error {
	r.t.Helper()
	list := r.drifts()
	for _, s := range list {
		if s.LearnedTypes != 3 || !s.TypesLearned {
			return fmt.Errorf("%s: %d types are learned", s.Source, s.LearnedTypes)
		}
	}
	if len(list) != 2 {
		return fmt.Errorf("payloads of %d sources are learned", len(list))
	}
	return nil
}

// find sends an event with a member that was never there to /strict.
func (r *schemaRun) find(member, id string) {
	r.t.Helper()
	waitFor(r.t, patience, "the event is taken", func() error {
		if status := r.senders.post("/strict", id, eventOf(id, fmt.Sprintf("%q:[],", member))); status != http.StatusOK {
			return fmt.Errorf("%s: %d", id, status)
		}
		return nil
	})
}

// checkDrift wants what was learned before the first edit to be known after the last,
// and after a restart, with what was found in between: the last configuration writes
// it when it ends.
func (r *schemaRun) checkDrift() {
	r.t.Helper()
	check := func(when string, want ...string) (since string) {
		r.t.Helper()
		if err := r.learned(); err != nil {
			r.t.Errorf("%s: %v", when, err)
		}
		for _, s := range r.drifts() {
			var got []string
			for _, f := range s.Findings {
				got = append(got, fmt.Sprintf("%s %s %d %s", f.Kind, f.Path, f.Count, f.ID))
			}
			if s.Source != "strict" {
				if len(got) > 0 {
					r.t.Errorf("%s: %s: found %q, want nothing", when, s.Source, got)
				}
				continue
			}
			since = s.Since
			if strings.Join(got, "\n") != strings.Join(want, "\n") {
				r.t.Errorf("%s: found %q, want %q", when, got, want)
			}
		}
		return since
	}
	since := check("after the reloads", "field /topics 1 found")
	r.find("archived_at", "last")
	r.caddy.stop(r.t)
	r.start()
	if again := check("after a restart", "field /topics 1 found", "field /archived_at 1 last"); again != since {
		r.t.Errorf("learning began at %s, and after a restart at %s", since, again)
	}
}
