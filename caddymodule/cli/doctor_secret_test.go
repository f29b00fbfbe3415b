package cli

import (
	"strings"
	"testing"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/providers"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/verifiertest"
)

// TestStandIns: there is a value with which each provider's configuration loads, and
// nothing is found in a fresh secret of its form.
func TestStandIns(t *testing.T) {
	t.Parallel()
	n, ours := 0, 0
	for _, p := range providers.All() {
		if p.SecretHint == "" || p.Scheme == nil {
			continue
		}
		n++
		value := StandIn(p, nil)
		if value == "" {
			t.Errorf("%s: got no stand-in, want one: %s", p.Name, p.SecretHint)
		}
		if !chosenByUs(p) {
			continue
		}
		ours++
		r, err := NewDoctorReport(nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		if fresh := freshFor(p); !r.CheckSecret(DoctorSecret{Provider: p, Label: "it", Public: true}, fresh) || len(r.Findings) > 0 {
			t.Errorf("%s: got %+v for a fresh secret, want nothing", p.Name, r.Findings)
		}
	}
	if n < 300 || ours < 30 {
		t.Errorf("got %d secrets, %d of them ours to choose, want most of the catalogue", n, ours)
	}
	t.Logf("%d secrets, %d of them ours to choose", n, ours)
}

// TestSecretFormats: the secrets with which requests of the catalogue's vectors were
// signed are of their provider's form, and are not taken for other credentials.
func TestSecretFormats(t *testing.T) {
	t.Parallel()
	suites, err := verifiertest.Load(verifiertest.Vectors)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, s := range suites {
		p, ok := providers.Lookup(s.Provider)
		if !ok || p.Scheme == nil {
			continue
		}
		for _, v := range s.Tests {
			if v.Want.Result != "ok" || len(v.Keys) == 0 {
				continue
			}
			n++
			secret := v.Keys[0].Secret
			if !fitsProvider(p, v.Options, secret) {
				t.Errorf("%s: its secret is said not to be of the provider's form", p.Name)
			}
			if kind := wrongKind(p, secret); kind != "" && p.Name != "stripe" {
				t.Errorf("%s: its secret is taken for %s", p.Name, kind)
			}
		}
	}
	if n < 300 {
		t.Errorf("got %d vectors, want those of the catalogue", n)
	}
}

func TestWeakSecret(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ value, want string }{
		{"Kq7xV2m", "shorter"},
		{"whsec_Kq7xV2m", "shorter"},
		{"123456789012345", "shorter"},
		{"abcabcabcabcabcabcabc", "repeated"},
		{"abcdefghijklmnopqrstuvwxyz", "in their order"},
		{"98765432109876543210x", "in their order"},
		{"aabbaabbbababbabababbaab", "few different"},
		{"0d4f1b7e9a2c4c6f", ""},
		{"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLw", ""},
		{"9f86d081884c7d659a2feaa0c55ad015", ""},
		{"a-long-sentence-that-somebody-has-typed", ""},
		{"9b2f6a1c-3d4e-4f5a-8b6c-7d8e9f0a1b2c", ""},
	} {
		if got := weakSecret(tt.value); (tt.want == "") != (got == "") || !strings.Contains(got, tt.want) {
			t.Errorf("%s: got %q, want %q", tt.value, got, tt.want)
		}
	}
	for range 1000 {
		for _, value := range []string{FreshSecret(), FreshSecret()[:16], randomBase64(), "whsec_" + randomBase64()} {
			if got := weakSecret(value); got != "" {
				t.Fatalf("%s, which is random, %s", value, got)
			}
		}
	}
	for value, want := range map[string]bool{
		"changeme": true, "Change-Me!": true, "secretsecret": true, "your_webhook_secret": true, "<secret>": true, "It's a Secret to Everybody": true,
		"YOUR-SIGNING-SECRET-HERE": true, "8f742231b10e8888abcd99yyyzzz85a5": true, "0d4f1b7e9a2c4c6f8e0b3d5a7c9e1f20": false, "secretary": false,
	} {
		if got := isExampleSecret(value); got != want {
			t.Errorf("%s: got %v, want %v", value, got, want)
		}
	}
}

// TestDoctorReport: codes that are asked for, and those that are left out.
func TestDoctorReport(t *testing.T) {
	t.Parallel()
	if _, err := NewDoctorReport([]string{"nope"}, nil); err == nil {
		t.Error("got no error for a code that there is not")
	}
	r, err := NewDoctorReport(nil, []string{"secret-weak"})
	if err != nil {
		t.Fatal(err)
	}
	r.Add("secret-weak", "x", "", "y")
	r.Add("body-limit", "x", "", "y")
	r.Add("body-limit", "x", "", "y")
	if len(r.Findings) != 1 || r.Err(false) != nil || r.Err(true) == nil {
		t.Errorf("got %+v, %v", r.Findings, r.Err(true))
	}
	r.Add("secret-missing", "x\x1b[31m", "", "y\x1b[31m", "z")
	var b strings.Builder
	if err := r.Write(&b, Style{}); err != nil {
		t.Fatal(err)
	}
	if text := b.String(); strings.Contains(text, "\x1b") || !strings.HasPrefix(text, "problem  secret-missing") || !strings.Contains(text, "cure: z\n") {
		t.Errorf("got %q", text)
	}
	for _, c := range DoctorCodes {
		if c.Means == "" || c.Code != "stream-note" && (c.Why == "" || c.Cure == "") {
			t.Errorf("%s: it says nothing", c.Code)
		}
	}
}

// TestCoversProvider: described senders have no form that could be checked.
func TestCoversProvider(t *testing.T) {
	t.Parallel()
	if !fitsProvider(verifiers.Provider{Name: "mine"}, nil, "x") {
		t.Error("got no for a sender without a scheme")
	}
}
