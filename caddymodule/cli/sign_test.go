package cli

import (
	"bufio"
	"bytes"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os/exec"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

func someMessage(body string) *message {
	u := &url.URL{Scheme: "https", Host: "hooks.example.com", Path: "/a b", RawQuery: "x=1&y=%27"}
	return &message{target: u, req: &verifiers.Request{
		Method: http.MethodPost, URL: u, Body: []byte(body),
		Header: http.Header{"X-One": {"it's"}, "X-Empty": {""}, "X-Two": {"a", "b"}, "Host": {"other.example.com"}},
	}}
}

// TestRawRequest reads what is printed as a server would.
func TestRawRequest(t *testing.T) {
	t.Parallel()
	m := someMessage("{\"a\":1}\n")
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(rawRequest(m))))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil || string(body) != string(m.req.Body) {
		t.Errorf("got the body %q, %v", body, err)
	}
	if r.Host != "other.example.com" || r.RequestURI != "/a%20b?x=1&y=%27" || r.Header.Get("X-One") != "it's" || len(r.Header["X-Two"]) != 2 {
		t.Errorf("got %s %s %v", r.Host, r.RequestURI, r.Header)
	}
	m.req.Header.Set("X-One", "a\r\nInjected: 1")
	if r, err = http.ReadRequest(bufio.NewReader(bytes.NewReader(rawRequest(m)))); err != nil || r.Header.Get("Injected") != "" {
		t.Errorf("a header was added: %v, %v", r, err)
	}
}

// TestQuoted gives texts to a shell and reads what it makes of them.
func TestQuoted(t *testing.T) {
	t.Parallel()
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Fatalf("bash is needed, to try what is printed for it: %v", err)
	}
	texts := []string{"", "'", "a'b", `\`, `\'`, "$HOME `id` $(id) !!", "a\nb\tc\r", "\x01\x7f1", "☃\u202e\u200b", "@file", "-x", "é\u0301"}
	for range 200 {
		var b strings.Builder
		for range rand.IntN(12) {
			b.WriteRune(rune(1 + rand.IntN(0x2fff)))
		}
		if s := b.String(); utf8.ValidString(s) {
			texts = append(texts, s)
		}
	}
	var script strings.Builder
	for _, text := range texts {
		script.WriteString("printf '%s\\0' " + shellQuoted(text) + "\n")
	}
	cmd := exec.Command(bash, "-c", script.String())
	cmd.Env = []string{"LC_ALL=C.UTF-8"}
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Split(string(out), "\x00")
	for i, text := range texts {
		if got[i] != text {
			t.Errorf("%q became %q, by way of %s", text, got[i], shellQuoted(text))
		}
	}
	for _, text := range texts {
		if q := shellQuoted(text); visible(q, false) != q {
			t.Errorf("%q is not visible", q)
		}
	}
}

// TestCurl runs the command line with a curl that says what it was called with.
func TestCurl(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		method, body string
		want         []string
	}{
		"text":   {"POST", "@it's", []string{"https://hooks.example.com/a%20b?x=1&y=%27", "--header", "Host: other.example.com", "--header", "X-Empty;", "--header", "X-One: it's", "--header", "X-Two: a", "--header", "X-Two: b", "--data-raw", "@it's"}},
		"binary": {"POST", "\x00\xff", []string{"https://hooks.example.com/a%20b?x=1&y=%27", "--header", "Host: other.example.com", "--header", "X-Empty;", "--header", "X-One: it's", "--header", "X-Two: a", "--header", "X-Two: b", "--data-binary", "@-", "<\x00\xff"}},
		"none":   {"GET", "", []string{"https://hooks.example.com/a%20b?x=1&y=%27", "--header", "Host: other.example.com", "--header", "X-Empty;", "--header", "X-One: it's", "--header", "X-Two: a", "--header", "X-Two: b"}},
		"head":   {"HEAD", "", []string{"--head", "https://hooks.example.com/a%20b?x=1&y=%27", "--header", "Host: other.example.com", "--header", "X-Empty;", "--header", "X-One: it's", "--header", "X-Two: a", "--header", "X-Two: b"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := someMessage(tc.body)
			m.req.Method = tc.method
			const fake = `curl() { for a; do printf '%s\n' "$a"; case $a in @-) printf '<'; cat;; esac; done; }` + "\n"
			out, err := exec.Command("bash", "-c", fake+string(curl(m))).Output()
			if err != nil {
				t.Fatalf("%v\n%s", err, curl(m))
			}
			if got, want := strings.TrimSuffix(string(out), "\n"), strings.Join(tc.want, "\n"); got != want {
				t.Errorf("got\n%q, want\n%q", got, want)
			}
		})
	}
}

func TestPlain(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{"a\r\nb\n": true, "☃": true, "\x1b[2J": false, "a\rb": false, "\xff": false, "\x00": false} {
		if got := plain([]byte(text)); got != want {
			t.Errorf("%q: got %v, want %v", text, got, want)
		}
	}
}
