package caddymodule_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// verifyOnly is a route that needs no broker: it verifies and hands on.
const verifyOnly = `webhooks /github github {env.GITHUB_SECRET} {
		publish off
		pass_thru
	}
	respond /github "{webhooks.outcome} {webhooks.event_id} {webhooks.event_type} {webhooks.trust} {webhooks.key_id}" 200
	`

// TestUncoveredPath: Caddy answers a path that nobody handles with an empty 200,
// which a sender takes for success.
func TestUncoveredPath(t *testing.T) {
	const message = "no catch-all"
	for _, tt := range []struct {
		name, body string
		warn       bool
	}{
		{"nothing after it", "webhooks /github github {env.GITHUB_SECRET}", true},
		{"respond", "webhooks /github github {env.GITHUB_SECRET}\n\trespond 404", false},
		{"respond for another path", "webhooks /github github {env.GITHUB_SECRET}\n\trespond /health 200", true},
		{"reverse_proxy", "webhooks /github github {env.GITHUB_SECRET}\n\treverse_proxy 127.0.0.1:1", false},
		{"only middleware", "webhooks /github github {env.GITHUB_SECRET}\n\theader X-A b", true},
		{"no matcher", "webhooks github {env.GITHUB_SECRET}", false},
		{"in a handle with an answer", "handle /github {\n\t\twebhooks github {env.GITHUB_SECRET}\n\t}\n\thandle {\n\t\trespond 404\n\t}", false},
		{"in a handle of its own", "handle_path /in/* {\n\t\twebhooks /github github {env.GITHUB_SECRET}\n\t}", true},
		{"in a handle, answered after it", "handle_path /in/* {\n\t\twebhooks /github github {env.GITHUB_SECRET}\n\t}\n\trespond 404", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t)
			s.load("", tt.body)
			if got := len(s.logged(message)) > 0; got != tt.warn {
				t.Errorf("got a warning: %v, want %v", got, tt.warn)
			}
		})
	}
	t.Run("what it warns about", func(t *testing.T) {
		s := newSite(t)
		s.load("", "webhooks /github github {env.GITHUB_SECRET}")
		if got := s.post("/gitbub", "1", "{}", nil); got.status != 200 || got.body != "" {
			t.Errorf("got %d %q, want Caddy's empty 200", got.status, got.body)
		}
		s.load("", "webhooks /github github {env.GITHUB_SECRET}\n\trespond 404")
		if got := s.post("/gitbub", "1", "{}", nil); got.status != 404 {
			t.Errorf("got %d, want 404", got.status)
		}
	})
}

// TestSecretsDoNotLoad: `caddy validate` finds every secret that is none, and
// says where without showing one.
func TestSecretsDoNotLoad(t *testing.T) {
	s := newSite(t)
	t.Setenv("EMPTY", "")
	padded := filepath.Join(s.dir, "padded")
	if err := os.WriteFile(padded, []byte("hunter2\n\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, route, want string }{
		{"missing variable", "github {env.NOPE}", "{env.NOPE}"},
		{"empty variable", "github {env.EMPTY}", "{env.EMPTY}"},
		{"missing file", "github {file./nope/secret}", "{file./nope/secret}"},
		{"padded file", "github {file." + padded + "}", "white space"},
		{"no secret", "github", "add the secret"},
		{"second of two", "github {env.GITHUB_SECRET} {env.NOPE}", "{env.NOPE}"},
		{"wrong format", "standard-webhooks {env.GITHUB_SECRET}", "format"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := s.validate("", "webhooks /github "+tt.route+"\n\trespond 404")
			if err == nil {
				t.Fatal("got no error, want one")
			}
			for _, want := range []string{tt.want, "Caddyfile:14"} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want it to contain %q", err, want)
				}
			}
			for _, never := range []string{"hunter2", secret} {
				if strings.Contains(err.Error(), never) {
					t.Errorf("got %v, want no secret in it", err)
				}
			}
		})
	}
	if err := s.validate("", verifyOnly); err != nil {
		t.Errorf("got %v for a good configuration, want none", err)
	}
	if _, err := os.Stat(filepath.Join(s.dir, "caddy", "webhooks")); !os.IsNotExist(err) {
		t.Errorf("got a store directory (%v), want validation to start nothing", err)
	}
}

// described is a route with a sender of its own and this example, if any.
func described(example string) string {
	if example != "" {
		example = "example {\n" + example + "\n}\n"
	}
	return "webhooks /a hmac {env.GITHUB_SECRET} {\nverify hmac sha256 {\nsignature header X-Sig\nsigned \"{body}\"\n" + example + "}\n}"
}

func hexMAC(key, text string) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(text))
	return hex.EncodeToString(mac.Sum(nil))
}

// TestConfigErrors: mistakes that only provisioning can see.
func TestConfigErrors(t *testing.T) {
	s := newSite(t)
	noCertificate := filepath.Join(s.dir, "no-certificate.pem")
	if err := os.WriteFile(noCertificate, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, global, body, want string }{
		{"two providers under one source", "", "webhooks /a github {env.GITHUB_SECRET} {\n\t\tsource x\n\t}\n\twebhooks /b stripe {env.GITHUB_SECRET} {\n\t\tsource x\n\t}", "source <name>"},
		{"verify on a known provider", "", "webhooks /a github {env.GITHUB_SECRET} {\n\t\tverify basic\n\t}", "has its own scheme"},
		{"hmac without verify", "", "webhooks /a hmac {env.GITHUB_SECRET}", "needs verify"},
		{"generic without verify", "", "webhooks /a generic {env.GITHUB_SECRET}", "needs verify"},
		{"hmac of another kind", "", "webhooks /a hmac {env.GITHUB_SECRET} {\n\t\tverify basic\n\t}", "HMAC only"},
		{"secret and no verification", "", "webhooks /a github {env.GITHUB_SECRET} {\n\t\tinsecure_skip_verify\n\t}", "contradict"},
		{"publish off alone", "", "webhooks /a github {env.GITHUB_SECRET} {\n\t\tpublish off\n\t}", "pass_thru"},
		{"option that is not one", "", "webhooks /a github {env.GITHUB_SECRET} {\n\t\toption nope 1\n\t}", "no such option"},
		{"address", "", "webhooks /a github {env.GITHUB_SECRET} {\n\t\tallow_ips example.com\n\t}", "allow_ips"},
		{"method", "", "webhooks /a github {env.GITHUB_SECRET} {\n\t\tmethods post\n\t}", "Methods"},
		{"source name", "", "webhooks /a github {env.GITHUB_SECRET} {\n\t\tsource a.b\n\t}", "Source"},
		{"credential header", "", "webhooks /a github {env.GITHUB_SECRET} {\n\t\tpublish {\n\t\t\theaders Authorization\n\t\t}\n\t}", "Authorization"},
		{"schema directory", "", "webhooks /a github {env.GITHUB_SECRET} {\n\t\tschema {\n\t\t\tdir /nope\n\t\t}\n\t}", "/nope"},
		{"template", "", "webhooks /a hmac {env.GITHUB_SECRET} {\n\t\tverify hmac sha256 {\n\t\t\tsignature header X-Sig\n\t\t\tsigned \"{nonsense}\"\n\t\t}\n\t}", "nonsense"},
		{"no example", "", described(""), "example is missing"},
		{"example with another secret", "", described("secret other\n header X-Sig " + hexMAC("not-other", "x") + "\n body x"), "wrong_secret"},
		{"example with another hash", "", described("secret other\n header X-Sig 9cfdc1c8bd9e9bd01aa8ea2ec2a4ba4eb8a86d3c\n body x"), "malformed"},
		{"example with a newline", "", described("secret other\n header X-Sig " + hexMAC("other", "x") + "\n body_base64 eAo="), "a newline was added at the end"},
		{"example with the secret that is in use", "", described("secret \"" + secret + "\"\n header X-Sig " + hexMAC(secret, "x") + "\n body x"), "the one that is in use"},
		{"example with two bodies", "", described("secret other\n header X-Sig a\n body x\n body_base64 eA=="), "exclude each other"},
		{"example that is not base64", "", described("secret other\n header X-Sig a\n body_base64 x"), "not standard base64"},
		{"stream shorter than its window", "webhooks {\n\t\tstream {\n\t\t\tmax_age 1h\n\t\t\tduplicate_window 2h\n\t\t}\n\t}", verifyOnly, "duplicate_window"},
		{"replicas of an embedded server", "webhooks {\n\t\tstream {\n\t\t\treplicas 3\n\t\t}\n\t}", verifyOnly, "replicas"},
		{"only an expired secret", "", "webhooks /github github {\n\t\tsecret {env.GITHUB_SECRET} {\n\t\t\tuntil 2020-01-01T00:00:00Z\n\t\t}\n\t\tpublish off\n\t\tpass_thru\n\t}", "come to its end"},
		{"credentials", "webhooks {\n\t\tnats nats://nats-1:4222 {\n\t\t\tcredentials /nope\n\t\t}\n\t}", verifyOnly, "/nope"},
		{"two ways to log in", "webhooks {\n\t\tnats nats://nats-1:4222 {\n\t\t\ttoken {env.GITHUB_SECRET}\n\t\t\tuser a\n\t\t\tpassword {env.GITHUB_SECRET}\n\t\t}\n\t}", verifyOnly, "exclude"},
		{"user without password", "webhooks {\n\t\tnats nats://nats-1:4222 {\n\t\t\tuser a\n\t\t}\n\t}", verifyOnly, "belong together"},
		{"nkey", "webhooks {\n\t\tnats nats://nats-1:4222 {\n\t\t\tnkey {env.GITHUB_SECRET}\n\t\t}\n\t}", verifyOnly, "begins with SU"},
		{"certificate authority", "webhooks {\n\t\tnats tls://nats-1:4222 {\n\t\t\ttls {\n\t\t\t\tca " + noCertificate + "\n\t\t\t}\n\t\t}\n\t}", verifyOnly, "no certificate"},
		{"certificate without key", "webhooks {\n\t\tnats tls://nats-1:4222 {\n\t\t\ttls {\n\t\t\t\tcert " + noCertificate + "\n\t\t\t}\n\t\t}\n\t}", verifyOnly, "belong together"},
		{"certificate", "webhooks {\n\t\tnats tls://nats-1:4222 {\n\t\t\ttls {\n\t\t\t\tcert " + noCertificate + "\n\t\t\t\tkey " + noCertificate + "\n\t\t\t}\n\t\t}\n\t}", verifyOnly, "cert and key"},
		{"listen", "webhooks {\n\t\tnats embedded {\n\t\t\tlisten localhost\n\t\t}\n\t}", verifyOnly, "listen"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := s.validate(tt.global, tt.body+"\n\trespond 404")
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("got %v, want an error with %q", err, tt.want)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("got %v, want no secret in it", err)
			}
		})
	}
}

// TestCustomProviderInGlobalBlock: Caddy does not expand {header.X} there.
func TestCustomProviderInGlobalBlock(t *testing.T) {
	s := newSite(t)
	s.load(`webhooks {
		provider acme {
			verify hmac sha256 {
				signature {header.X-Hub-Signature-256} {
					prefix sha256=
				}
				example {
					secret example-secret
					header X-Hub-Signature-256 sha256=`+hexMAC("example-secret", "x")+`
					body x
				}
			}
			event_id {header.X-GitHub-Delivery}
			event_type {webhooks.json./event/type}
		}
	}`, strings.Replace(verifyOnly, " github {", " acme {", 1))
	got := s.post("/github", "delivery-1", `{"event":{"type":"invoice.paid"}}`, nil)
	if want := "accepted delivery-1 invoice.paid verified GITHUB_SECRET"; got.status != 200 || got.body != want {
		t.Errorf("got %d %q, want 200 %q", got.status, got.body, want)
	}
}

// TestSignedURL: what handle_path and uri change is not what the sender signed.
func TestSignedURL(t *testing.T) {
	const body = `{"x":1}`
	s := newSite(t)
	route := func(public string) string {
		return `handle_path /in/* {
		uri replace hook changed
		webhooks hmac {env.GITHUB_SECRET} {
			` + public + `
			verify hmac sha256 {
				signature header X-Hub-Signature-256 {
					prefix sha256=
				}
				signed "{url}{body}"
				example {
					secret example-secret
					url https://hooks.example.com/in
					header X-Hub-Signature-256 sha256=` + hexMAC("example-secret", "https://hooks.example.com/inx") + `
					body x
				}
			}
			publish off
			pass_thru
		}
		respond "ok"
	}`
	}
	for _, tt := range []struct{ name, public, url string }{
		{"as the request says", "", "http://" + s.addr + "/in/hook?a=%2F"},
		{"with a public URL", "public_url https://hooks.example.com/base", "https://hooks.example.com/base/in/hook?a=%2F"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := &site{T: t, addr: s.addr, dir: s.dir, log: s.log}
			s.load("", route(tt.public))
			sign := func(text string) func(*http.Request) {
				return func(r *http.Request) { r.Header.Set("X-Hub-Signature-256", githubSignature(text)) }
			}
			if got := s.post("/in/hook?a=%2F", "1", body, sign(tt.url+body)); got.status != 200 {
				t.Errorf("got %d %q, want 200", got.status, got.body)
			}
			if got := s.post("/in/hook?a=/", "1", body, sign(tt.url+body)); got.status != 401 {
				t.Errorf("another URL: got %d, want 401", got.status)
			}
		})
	}
}

// TestOuterBodyLimit: a smaller limit of the site is a 413 and never a cut body.
func TestOuterBodyLimit(t *testing.T) {
	s := newSite(t)
	s.load("", "request_body {\n\t\tmax_size 100\n\t}\n\t"+verifyOnly)
	for name, change := range map[string]func(*http.Request){
		"with its length": nil,
		"chunked":         func(r *http.Request) { r.ContentLength = -1 },
	} {
		body := `{"pad":"` + strings.Repeat("x", 200) + `"}`
		if got := s.post("/github", "1", body, change); got.status != 413 {
			t.Errorf("%s: got %d %q, want 413", name, got.status, got.body)
		}
	}
	if got := s.post("/github", "1", `{}`, nil); got.status != 200 {
		t.Errorf("got %d %q, want 200", got.status, got.body)
	}
}

// TestRepeatedHeaders: Header.Get would read the first and the next reader
// another.
func TestRepeatedHeaders(t *testing.T) {
	s := newSite(t)
	s.load("", verifyOnly)
	got := s.post("/github", "1", `{}`, func(r *http.Request) {
		r.Header.Add("X-Hub-Signature-256", githubSignature("{}"))
	})
	if got.status != 401 || !strings.HasPrefix(got.body, "unauthorized ") {
		t.Errorf("got %d %q, want 401", got.status, got.body)
	}
	lines := s.logged("webhook")
	if len(lines) != 1 || lines[0]["reason"] != "malformed" || lines[0]["level"] != "warn" {
		t.Errorf("got the log lines %v, want one with the reason", lines)
	}
}

// TestErrorRoutes: with handle_errors the site answers, and still says nothing.
func TestErrorRoutes(t *testing.T) {
	s := newSite(t)
	s.load("", verifyOnly+`
	handle_errors {
		respond "custom {webhooks.code} {webhooks.reason} {webhooks.outcome} {err.status_code} {err.message}" {err.status_code}
	}`)
	got := s.post("/github", "1", `{}`, func(r *http.Request) { r.Header.Set("X-Hub-Signature-256", githubSignature("x")) })
	if got.status != 401 || !strings.HasPrefix(got.body, "custom unauthorized mismatch rejected 401 unauthorized ") {
		t.Errorf("got %d %q, want the site's own page", got.status, got.body)
	}
	if got := s.post("/github", "1", `{}`, func(r *http.Request) { r.Method = http.MethodPut }); got.status != 405 || got.header.Get("Allow") != "POST" {
		t.Errorf("got %d, Allow %q, want 405 with the methods", got.status, got.header.Get("Allow"))
	}
}

// TestPassThru: the next handler gets the request as it came, and a retry of an
// event that it refused.
func TestPassThru(t *testing.T) {
	s := newSite(t)
	fail := true
	var bodies []string
	var header http.Header
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.ContentLength != int64(len(body)) {
			t.Errorf("got a length of %d for %d bytes (%v)", r.ContentLength, len(body), err)
		}
		bodies, header = append(bodies, string(body)), r.Header
		if fail {
			w.WriteHeader(http.StatusBadGateway)
		}
	}))
	defer upstream.Close()
	s.load("", `webhooks /github github {env.GITHUB_SECRET} {
		publish off
		pass_thru
	}
	reverse_proxy `+strings.TrimPrefix(upstream.URL, "http://"))
	const body = "{ \"a\":1,\r\n\t\"ü\":\"\\u00fc\" }\n"
	if got := s.post("/github", "1", body, nil); got.status != 502 {
		t.Errorf("first: got %d, want the next handler's 502", got.status)
	}
	fail = false
	chunked := func(r *http.Request) { r.ContentLength = -1 }
	if got := s.post("/github", "1", body, chunked); got.status != 200 {
		t.Errorf("retry: got %d, want 200", got.status)
	}
	if got := s.post("/github", "1", body, nil); got.status != 200 {
		t.Errorf("duplicate: got %d, want 200", got.status)
	}
	if len(bodies) != 2 || bodies[0] != body || bodies[1] != body {
		t.Errorf("got the bodies %q, want the first and its retry, as sent", bodies)
	}
	if header.Get("X-Hub-Signature-256") != githubSignature(body) {
		t.Error("got the signature header changed")
	}
	if got := s.post("/github", "2", body, func(r *http.Request) { r.Header.Del("X-Hub-Signature-256") }); got.status != 401 || len(bodies) != 2 {
		t.Errorf("unsigned: got %d and %d requests at the next handler, want 401 and 2", got.status, len(bodies))
	}
}
