package caddymodule_test

import (
	"net/http"
	"os"
	"strings"
	"testing"
)

// TestHandedOnIsLoggedAsAnswered: the line about a request that was handed on
// says what the sender got, and when nobody takes it the log still does not hold
// a token that is in a header of the sender's own.
func TestHandedOnIsLoggedAsAnswered(t *testing.T) {
	s := newSite(t)
	s.Setenv("GITLAB_TOKEN", "glpat-which-must-not-be-logged")
	nobody := freeAddr(t)
	s.load("", `webhooks /gitlab gitlab {env.GITLAB_TOKEN} {
		publish off
		pass_thru
	}
	webhooks /github github {env.GITHUB_SECRET} {
		publish off
		pass_thru
	}
	handle /gitlab {
		reverse_proxy `+nobody+`
	}
	respond /github 404`)
	got := s.post("/gitlab", "1", `{"object_kind":"push"}`, func(r *http.Request) {
		r.Header.Set("X-Gitlab-Token", "glpat-which-must-not-be-logged")
		r.Header.Set("X-Gitlab-Event", "Push Hook")
	})
	if got.status != http.StatusBadGateway {
		t.Errorf("got %d %q, want 502 where nobody takes it", got.status, got.body)
	}
	if got := s.post("/github", "1", "{}", nil); got.status != http.StatusNotFound {
		t.Errorf("got %d, want the next handler's 404", got.status)
	}
	text, err := os.ReadFile(s.log)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		// On the level debug Caddy's own proxy logs what it sends.
		if strings.Contains(line, "glpat-which") && !strings.Contains(line, `"level":"debug"`) {
			t.Errorf("the log holds the token: %s", line)
		}
	}
	for _, want := range []string{`"status":502,"tenant":"default","source":"gitlab"`, `"status":404,"tenant":"default","source":"github"`} {
		if strings.Count(string(text), want) != 1 {
			t.Errorf("got %d lines with %s, want 1:\n%s", strings.Count(string(text), want), want, text)
		}
	}
}

// TestBatchIsHandedOnWhole: each of its events is stored, and the next handler
// gets the request as it came, once.
func TestBatchIsHandedOnWhole(t *testing.T) {
	s := newSite(t)
	s.load(`webhooks {
		provider acme {
			verify token {
				token header X-Acme-Token
			}
			event_id header X-Acme-Delivery
			batch /list {
				id json /id
			}
			varies /attempt
		}
	}`, `webhooks /acme acme {env.GITHUB_SECRET} {
		pass_thru
		drop unwanted
		event_type json /type
	}
	respond /acme "{http.request.body}" 201`)
	post := func(id, body string) response {
		return s.post("/acme", "", body, func(r *http.Request) {
			r.Header.Set("X-Acme-Token", secret)
			r.Header.Set("X-Acme-Delivery", id)
		})
	}
	const body = `{"list":[ {"id":"a","type":"t"}, {"id":"b","type":"unwanted"} ]}`
	for i, tt := range []struct {
		id, body string
		status   int
	}{
		{"d-1", body, 201},
		{"d-1", body, 200}, // handed on before
		{"d-5", `{"list":[{"id":"e","type":"t","attempt":1}]}`, 201},
		{"d-5", `{"list":[{"id":"e","type":"t","attempt":2}]}`, 200},
		{"d-6", `{"list":[{"id":"f","type":"t","attempt":1},{"id":"g","type":"t"}]}`, 201},
		{"d-6", `{"list":[{"id":"f","type":"t","attempt":2}]}`, 201}, // not the same
		{"d-2", `{"list":[]}`, 201},
		{"d-3", `{"list":[{"id":"c","type":"unwanted"}]}`, 200},
		{"d-4", `{"none":[]}`, 200}, // one event, without the type that is asked for: quarantine
	} {
		got := post(tt.id, tt.body)
		want := ""
		if tt.status == 201 {
			want = tt.body
		}
		if got.status != tt.status || got.body != want {
			t.Errorf("%d: got %d %q, want %d %q", i, got.status, got.body, tt.status, want)
		}
	}
}
