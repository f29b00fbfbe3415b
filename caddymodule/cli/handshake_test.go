package cli

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/providers"
)

// TestChallenges makes the challenges of all providers: each is what it should be for
// a receiver, and differs from the one before wherever an answer repeats something.
func TestChallenges(t *testing.T) {
	t.Parallel()
	made := 0
	for _, p := range providers.All() {
		s := &sender{provider: p, options: &SendOptions{}, header: http.Header{}, signed: &url.URL{Scheme: "https", Host: "hooks.example.com", Path: "/x", RawQuery: "mine=1"}}
		s.config.Options = exampleOptions(p)
		for _, o := range p.Options {
			s.config.Options[o.Name] = "x"
		}
		for i := range p.Handshakes {
			h := &p.Handshakes[i]
			made++
			a, err := s.challenge(i, time.Now())
			if err != nil {
				t.Error(err)
				continue
			}
			b, err := s.challenge(i, time.Now())
			if err != nil {
				t.Error(err)
				continue
			}
			if a.URL.Query().Get("mine") != "1" {
				t.Errorf("%s, %s: the URL is %s", p.Name, h.Name, a.URL)
			}
			for _, source := range echoed(&h.Reply) {
				one, err := source.Lookup(a)
				two, _ := source.Lookup(b)
				if err != nil || one == "" || one == two && source.String() != "header X-Adobesign-Clientid" {
					t.Errorf("%s, %s: %s is %q and then %q, %v", p.Name, h.Name, source, one, two, err)
				}
			}
		}
	}
	if made < 60 {
		t.Errorf("only %d challenges", made)
	}
}

func TestDiffers(t *testing.T) {
	t.Parallel()
	echo := verifiers.Answer{Status: 200, Body: []byte("abc"), ContentType: "text/plain; charset=utf-8"}
	object := verifiers.Answer{Status: 200, Body: []byte(`{"a":1,"b":"c"}`), ContentType: "application/json"}
	header := verifiers.Answer{Status: 200, Header: map[string]string{"X-A": "b"}}
	for name, tc := range map[string]struct {
		want   verifiers.Answer
		status int
		header string
		body   string
		says   string
	}{
		"the same":            {echo, 200, "", "abc", ""},
		"another success":     {verifiers.Answer{Status: 200}, 204, "", "", ""},
		"a body nobody wants": {verifiers.Answer{Status: 200}, 200, "", "ok", ""},
		"JSON, written else":  {object, 200, "", "{ \"b\": \"c\",\n\"a\": 1 }", ""},
		"a header":            {header, 200, "b", "", ""},
		"refused":             {echo, 401, "", "abc", "the answer was 401, not 2xx"},
		"not just that":       {verifiers.Answer{Status: 204}, 200, "", "", "the answer was 200, not 204"},
		"quotes":              {echo, 200, "", "\"abc\"\n", "the answer is the right one with quotes or white space around it"},
		"empty":               {echo, 200, "", "", "the answer is empty: the challenge has to be in it"},
		"another":             {echo, 200, "", "abd", "the body of the answer is not the one that is asked for"},
		"other JSON":          {object, 200, "", `{"a":1}`, "the body of the answer is not the one that is asked for"},
		"no JSON":             {object, 200, "", `a`, "the body of the answer is not the one that is asked for"},
		"no header":           {header, 200, "", "", "the answer has no header X-A"},
		"another header":      {header, 200, "c", "", "the header X-A of the answer is not the one that is asked for"},
	} {
		a := answered{status: tc.status, header: http.Header{}, body: []byte(tc.body)}
		if tc.header != "" {
			a.header.Set("X-A", tc.header)
		}
		if got := differs(tc.want, a, http.MethodPost); got != tc.says {
			t.Errorf("%s: got %q, want %q", name, got, tc.says)
		}
	}
}

func TestEditor(t *testing.T) {
	t.Parallel()
	u := &url.URL{Scheme: "https", Host: "h", RawQuery: "q=1"}
	e := newEditor(&verifiers.Request{Method: "POST", URL: u, Header: http.Header{"X-A": {"b"}}, Body: []byte(`{"a":{"n":5},"l":[{"x":1}],"0":null}`)})
	first := verifiers.First(verifiers.JSON("/nothing"), verifiers.JSON("/l/0/x"))
	e.set(verifiers.JSON("/a/n"), "6")
	e.set(verifiers.JSON("/b~1c/d"), "text")
	e.set(first, "7")
	e.set(verifiers.Query("r"), "2")
	e.set(verifiers.Header("X-B").Trim("v="), "3")
	e.remove(verifiers.Query("q"))
	e.remove(verifiers.Header("X-A"))
	e.remove(verifiers.JSON("/0"))
	if err := e.encode(); err != nil {
		t.Fatal(err)
	}
	if got, want := string(e.req.Body), `{"a":{"n":6},"b/c":{"d":"text"},"l":[{"x":7}]}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if e.req.URL.RawQuery != "r=2" || e.req.Header.Get("X-B") != "v=3" || e.req.Header.Get("X-A") != "" || u.RawQuery != "q=1" {
		t.Errorf("got %s %v", e.req.URL, e.req.Header)
	}
	e.remove(verifiers.JSON("/l/0/x"))
	e.remove(verifiers.JSON("/l/0"))
	if e.has(first) || e.has(verifiers.JSON("/l/0")) || !e.has(verifiers.JSON("/a/n")) || e.has(verifiers.Form("f")) {
		t.Error("there is what was removed, or not what was not")
	}
	f := newEditor(&verifiers.Request{Method: "POST", URL: u, Header: http.Header{"Content-Type": {mediaForm}}, Body: []byte("a=1&b=2")})
	f.set(verifiers.Form("a"), "&")
	f.set(verifiers.Form("json").Inner("/x/y"), "z")
	f.set(verifiers.JSON("/no"), "where")
	f.remove(verifiers.Form("b"))
	if err := f.encode(); err != nil || string(f.req.Body) != "a=%26&json=%7B%22x%22%3A%7B%22y%22%3A%22z%22%7D%7D" {
		t.Errorf("got %s, %v", f.req.Body, err)
	}
}
