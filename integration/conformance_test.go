package integration

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
)

// planted are receivers with one flaw each, and which checks find it: exactly these.
var planted = []struct {
	flaw, family string
	finds        []string
	flags        []string
}{
	{flaw: "good-request", family: "stripe"},
	{flaw: "deadline", family: "stripe", flags: []string{"--deadline", "100ms"}},
	{flaw: "success-answer", family: "pagerduty"},
	{flaw: "unknown-type", family: "stripe"},
	{flaw: "unknown-field", family: "stripe"},
	{flaw: "old-event", family: "stripe"},

	{flaw: "signature-missing", family: "github"},
	{flaw: "signature-empty", family: "github"},
	{flaw: "signature-garbled", family: "stripe"},
	{flaw: "signature-truncated", family: "github"},
	{flaw: "signature-longer", family: "github"},
	{flaw: "signature-bit", family: "github"},
	{flaw: "wrong-key", family: "github"},
	{flaw: "empty-key", family: "github"},
	{flaw: "body-changed", family: "github"},
	{flaw: "body-trimmed", family: "stripe"},
	{flaw: "body-reserialised", family: "github"},
	{flaw: "signature-elsewhere", family: "github"},
	{flaw: "body-exact", family: "stripe"},
	{flaw: "rotation", family: "stripe"},
	{flaw: "rotation-versions", family: "standard-webhooks"},
	{flaw: "header-case", family: "stripe"},
	{flaw: "header-space", family: "stripe"},
	{flaw: "header-folded", family: "stripe"},
	{flaw: "signature-twice", family: "github"},
	{flaw: "prefix-missing", family: "github"},
	{flaw: "hex-case", family: "github"},
	{flaw: "many-signatures", family: "stripe"},

	{flaw: "algorithm-downgrade", family: "github"},
	{flaw: "algorithm-legacy", family: "github"},
	{flaw: "jwt-none", family: "netlify"},
	{flaw: "jwt-confusion", family: "plaid"},
	{flaw: "jwt-issuer", family: "netlify"},

	{flaw: "timestamp-missing", family: "stripe"},
	{flaw: "timestamp-stale", family: "stripe"},
	{flaw: "timestamp-future", family: "slack"},
	{flaw: "timestamp-window", family: "standard-webhooks"},
	{flaw: "timestamp-changed", family: "stripe"},
	{flaw: "timestamp-text", family: "slack"},
	{flaw: "timestamp-unit", family: "stripe"},

	{flaw: "duplicate", family: "github"},
	{flaw: "duplicate-once", family: "github"},
	{flaw: "concurrent", family: "github"},
	{flaw: "concurrent-once", family: "stripe"},
	{flaw: "same-id", family: "github"},
	{flaw: "processed", family: "github"},
	{flaw: "refused-unprocessed", family: "github"},

	{flaw: "content-type-charset", family: "github"},
	{flaw: "content-type-wrong", family: "github"},
	{flaw: "method-write", family: "github"},
	{flaw: "method-read", family: "github"},
	{flaw: "chunked", family: "stripe"},
	{flaw: "body-large", family: "stripe"},
	{flaw: "body-too-large", family: "stripe"},
	{flaw: "body-unlimited", family: "stripe"},
	{flaw: "slow-body", family: "stripe", flags: []string{"--deadline", "1s"}},
	{flaw: "slow-body-timeout", family: "stripe", flags: []string{"--heavy", "--slow-wait", "6s"}},
	{flaw: "keep-alive", family: "github"},
	{flaw: "gzip", family: "github"},
	{flaw: "gzip-signed-inside", family: "github"},
	{flaw: "gzip-bomb", family: "stripe", flags: []string{"--heavy"}},

	{flaw: "json-broken", family: "stripe"},
	{flaw: "json-deep", family: "stripe"},
	{flaw: "json-duplicates", family: "stripe"},
	{flaw: "json-bytes", family: "stripe"},
	{flaw: "json-numbers", family: "stripe"},
	{flaw: "json-prototype", family: "stripe"},
	{flaw: "body-empty", family: "github"},
	{flaw: "unsigned-garbage", family: "github"},

	{flaw: "url-query", family: "twilio"},
	{flaw: "url-forwarded", family: "twilio"},
	{flaw: "url-host", family: "twilio"},
	{flaw: "url-path", family: "github"},
	{flaw: "query-unsigned", family: "github"},

	{flaw: "handshake", family: "slack"},
	{flaw: "handshake-token", family: "meta"},
	{flaw: "handshake-unsigned", family: "slack"},
	{flaw: "handshake-script", family: "meta"},

	{flaw: "refusal-failure", family: "github"},
	{flaw: "refusal-redirect", family: "github"},
	{flaw: "refusal-signature", family: "github"},
	{flaw: "answer-secret", family: "github"},
	{flaw: "refusal-internals", family: "github"},
	{flaw: "retry-after", family: "github"},

	{flaw: "timing", family: "github", flags: []string{"--timing"}},
	{flaw: "smuggling-lengths", family: "stripe", flags: []string{"--smuggling", "--only", "smuggling"}},
	{flaw: "smuggling-both", family: "stripe", flags: []string{"--smuggling", "--only", "smuggling"}},
	{flaw: "smuggling-coding", family: "stripe", flags: []string{"--smuggling", "--only", "smuggling"}},

	// Flaws that people make, and that several checks see.
	{flaw: "accepts-unsigned", family: "github", finds: []string{"signature-empty", "signature-missing", "signature-twice"}},
	{flaw: "reserialises", family: "stripe", finds: []string{"body-exact", "body-reserialised", "body-trimmed"}},
	{flaw: "trims", family: "stripe", finds: []string{"body-exact", "body-trimmed"}},
	{flaw: "no-dedupe", family: "stripe", finds: []string{"concurrent-once", "duplicate-once"}},
}

// rightFamilies are the senders whose receivers there are, one for each kind of
// scheme.
var rightFamilies = []string{
	"github", "stripe", "slack", "standard-webhooks", "gitlab", "postmark", "netlify", "plaid", "twilio", "meta", "pagerduty",
	"hubspot-v1", "discord-webhook-events", "sendgrid", "postal",
}

// examined is what the command has found.
type examined struct {
	OK        bool   `json:"ok"`
	Diagnosis string `json:"diagnosis"`
	Passed    int    `json:"passed"`
	Requests  int    `json:"requests"`
	Millis    int    `json:"duration_ms"`
	Checks    []struct {
		Code, Severity, State, Note string
		Flaws                       []struct{ Sent, Got, Request string }
	} `json:"checks"`
}

func (e *examined) flawed() (codes []string) {
	for _, c := range e.Checks {
		if c.State == "flawed" {
			codes = append(codes, c.Code)
		}
	}
	slices.Sort(codes)
	return codes
}

// say is what was found, for a test that fails.
func (e *examined) say() string {
	var b strings.Builder
	b.WriteString(e.Diagnosis)
	for _, c := range e.Checks {
		if len(c.Flaws) > 0 {
			b.WriteString("\n" + c.Code + ": " + c.Flaws[0].Sent + ": " + c.Flaws[0].Got + "\n    " + c.Flaws[0].Request)
		}
	}
	return b.String()
}

// examine runs the command against a receiver.
func examine(t *testing.T, url, provider string, env []string, flags ...string) *examined {
	t.Helper()
	args := append([]string{"webhooks", "conformance", url, "--provider", provider, "--json"}, flags...)
	cmd := exec.Command("caddy", args...)
	cmd.Env = append(os.Environ(), env...)
	var out, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 1) {
		t.Fatalf("%v: %v: %s", args, err, &stderr)
	}
	var found examined
	if err := json.Unmarshal(out.Bytes(), &found); err != nil {
		t.Fatalf("%v: reading %q: %v: %s", args, out.String(), err, &stderr)
	}
	if (err == nil) != found.OK {
		t.Errorf("%v: the exit status and %q differ: %v", args, "ok", err)
	}
	return &found
}

// keyFor makes what the sender signs with: an environment, flags, and what the
// receiver has.
func (rc *receiver) keyFor(t *testing.T) (env, flags []string) {
	t.Helper()
	rc.secret = "correct-horse-battery-staple-2"
	var signer crypto.Signer
	var err error
	switch rc.family {
	case "standard-webhooks":
		rc.secret = "whsec_" + base64.StdEncoding.EncodeToString([]byte("correct-horse-battery-staple-2--"))
	case "postmark":
		rc.secret = "user:" + rc.secret
	case "meta":
		env = []string{"META_VERIFY_TOKEN=" + verifyToken}
	case "discord-webhook-events":
		_, signer, err = ed25519.GenerateKey(rand.Reader)
	case "sendgrid", "plaid":
		signer, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "postal":
		signer, err = rsa.GenerateKey(rand.Reader, 2048)
	}
	if err != nil {
		t.Fatal(err)
	}
	if signer == nil {
		return append(env, "CONFORMANCE_SECRET="+rc.secret), []string{"--secret-env", "CONFORMANCE_SECRET"}
	}
	rc.public = signer.Public()
	der, err := x509.MarshalPKCS8PrivateKey(signer)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(signer.Public())
	if err != nil {
		t.Fatal(err)
	}
	rc.secret = string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}))
	return nil, []string{"--secret-file", file}
}

// TestConformanceRight demands that receivers that are right have no flaws.
func TestConformanceRight(t *testing.T) {
	t.Parallel()
	for _, family := range rightFamilies {
		t.Run(family, func(t *testing.T) {
			t.Parallel()
			rc := &receiver{family: family}
			env, flags := rc.keyFor(t)
			url := rc.start(t)
			flags = append(flags, "--count-url", strings.TrimSuffix(url, "hook")+"count")
			found := examine(t, url, family, env, flags...)
			if found.Diagnosis != "" || found.flawed() != nil {
				t.Errorf("got flaws, want none: %s", found.say())
			}
			t.Logf("%d checks passed, %d requests in %d ms", found.Passed, found.Requests, found.Millis)
		})
	}
}

// observed are the flaws that only a count of processed events shows.
var observed = []string{"duplicate-once", "concurrent-once", "processed", "refused-unprocessed", "no-dedupe"}

// TestConformanceFlaws demands that each planted flaw is found, by the checks that
// are there for it and by no others; and that nothing is found if these are left out,
// so that each of them is needed.
func TestConformanceFlaws(t *testing.T) {
	t.Parallel()
	var found, needed atomic.Int64
	covered := map[string]bool{}
	t.Run("planted", func(t *testing.T) {
		for _, p := range planted {
			want := p.finds
			if want == nil {
				want = []string{p.flaw}
				covered[p.flaw] = true
			}
			t.Run(p.flaw, func(t *testing.T) {
				t.Parallel()
				rc := &receiver{family: p.family, flaw: p.flaw}
				env, flags := rc.keyFor(t)
				url := rc.start(t)
				flags = append(flags, p.flags...)
				if slices.Contains(observed, p.flaw) {
					flags = append(flags, "--count-url", strings.TrimSuffix(url, "hook")+"count")
				}
				first := examine(t, url, p.family, env, flags...)
				if got := first.flawed(); !slices.Equal(got, want) {
					t.Errorf("got %v, want %v: %s", got, want, first.say())
					return
				}
				found.Add(1)
				without := examine(t, url, p.family, env, append(flags, "--skip", strings.Join(want, ","))...)
				if got := without.flawed(); got != nil || !without.OK {
					t.Errorf("without %v: got %v, want nothing: %s", want, got, without.say())
					return
				}
				needed.Add(1)
			})
		}
	})
	t.Logf("found %d of %d planted flaws; %d of them are found by nothing else", found.Load(), len(planted), needed.Load())
	for _, c := range checkList(t) {
		if !covered[c.Code] {
			t.Errorf("no receiver has just the flaw that %s looks for", c.Code)
		}
	}
}

// checkList asks the command for its checks.
func checkList(t *testing.T) (list []struct{ Code, Group, Severity, Mode string }) {
	t.Helper()
	out, err := exec.Command("caddy", "webhooks", "conformance", "--list", "--json").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(out) {
		var c struct{ Code, Group, Severity, Mode string }
		if err := json.Unmarshal(line, &c); err != nil {
			t.Fatal(err)
		}
		list = append(list, c)
	}
	return list
}
