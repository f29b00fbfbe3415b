// Package peers compares the verifiers with the libraries of the vendors
// themselves: the same requests, side by side in one run. It is a module of its
// own, so that nobody else needs those libraries.
package peers

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/bwmarrin/discordgo"
	"github.com/google/go-github/v88/github"
	"github.com/sendgrid/sendgrid-go/helpers/eventwebhook"
	"github.com/slack-go/slack"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stripe/stripe-go/v85/webhook"
	svix "github.com/svix/svix-webhooks/go"
	twilio "github.com/twilio/twilio-go/client"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/providers"
)

// A peer is a vendor's library.
type peer struct {
	provider, library, secret string
	private                   crypto.Signer // in place of a secret
	sizes                     []int         // of bodies
	// new returns a function that verifies like a receiver that has the key and
	// keeps whatever the library lets it keep between requests.
	new func(t testing.TB, p *peer) func(r *verifiers.Request) error
}

const (
	text  = "a secret of some length, as dashboards show them"
	whsec = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
)

var (
	sizes = []int{1 << 10, 8 << 10, 64 << 10}
	forms = []int{1 << 10, 8 << 10} // no message has more
	// Of the private keys only the public halves verify.
	edwards = ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	curve   = func() *ecdsa.PrivateKey {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			panic(err)
		}
		return key
	}()
)

var peers = []peer{
	{"github", "google/go-github", text, nil, sizes, func(_ testing.TB, p *peer) func(*verifiers.Request) error {
		key := []byte(p.secret)
		return func(r *verifiers.Request) error {
			return github.ValidateSignature(r.Header.Get("X-Hub-Signature-256"), r.Body, key)
		}
	}},
	{"stripe", "stripe/stripe-go", text, nil, sizes, func(_ testing.TB, p *peer) func(*verifiers.Request) error {
		return func(r *verifiers.Request) error {
			return webhook.ValidatePayload(r.Body, r.Header.Get("Stripe-Signature"), p.secret)
		}
	}},
	{"standard-webhooks", "standard-webhooks", whsec, nil, sizes, func(t testing.TB, p *peer) func(*verifiers.Request) error {
		wh, err := standardwebhooks.NewWebhook(p.secret)
		if err != nil {
			t.Fatal(err)
		}
		return func(r *verifiers.Request) error { return wh.Verify(r.Body, r.Header) }
	}},
	{"svix", "svix/svix-webhooks", whsec, nil, sizes, func(t testing.TB, p *peer) func(*verifiers.Request) error {
		wh, err := svix.NewWebhook(p.secret)
		if err != nil {
			t.Fatal(err)
		}
		return func(r *verifiers.Request) error { return wh.Verify(r.Body, r.Header) }
	}},
	{"slack", "slack-go/slack", text, nil, sizes, func(_ testing.TB, p *peer) func(*verifiers.Request) error {
		return func(r *verifiers.Request) error {
			v, err := slack.NewSecretsVerifier(r.Header, p.secret)
			if err != nil {
				return err
			}
			if _, err := v.Write(r.Body); err != nil {
				return err
			}
			return v.Ensure()
		}
	}},
	{"twilio", "twilio/twilio-go", text, nil, forms, func(_ testing.TB, p *peer) func(*verifiers.Request) error {
		v := twilio.NewRequestValidator(p.secret)
		return func(r *verifiers.Request) error {
			form, err := url.ParseQuery(string(r.Body))
			if err != nil {
				return err
			}
			params := make(map[string]string, len(form))
			for name := range form {
				params[name] = form.Get(name)
			}
			return unless(v.Validate(r.URL.String(), params, r.Header.Get("X-Twilio-Signature")))
		}
	}},
	{"discord-interactions", "bwmarrin/discordgo", "", edwards, sizes, func(_ testing.TB, p *peer) func(*verifiers.Request) error {
		public := edwards.Public().(ed25519.PublicKey) //nolint:forcetypeassert // it is one
		return func(r *verifiers.Request) error {
			// The library takes the server's request and reads its body.
			in := http.Request{Method: r.Method, URL: r.URL, Header: r.Header, Body: io.NopCloser(bytes.NewReader(r.Body))}
			return unless(discordgo.VerifyInteraction(&in, public))
		}
	}},
	{"sendgrid", "sendgrid/sendgrid-go", "", curve, sizes, func(_ testing.TB, p *peer) func(*verifiers.Request) error {
		return func(r *verifiers.Request) error {
			ok, err := eventwebhook.VerifySignature(&curve.PublicKey, r.Body,
				r.Header.Get(eventwebhook.VerificationHTTPHeader), r.Header.Get(eventwebhook.TimestampHTTPHeader))
			return errors.Join(err, unless(ok))
		}
	}},
}

var errInvalid = errors.New("not valid")

func unless(ok bool) error {
	if ok {
		return nil
	}
	return errInvalid
}

// signed is a request as the sender signs it now, and our verifier of it. The
// verifier is asked what it costs a receiver, a request of its own each time: what
// one request keeps for its later readers must not help the next.
func (p *peer) signed(t testing.TB, size int) (verifiers.Verifier, *verifiers.Request) {
	t.Helper()
	provider, ok := providers.Lookup(p.provider)
	if !ok {
		t.Fatalf("there is no provider %s", p.provider)
	}
	key, err := verifiers.NewKey("a", []byte(p.secret))
	if p.private != nil {
		key, err = verifiers.NewPrivateKey("a", p.private)
	}
	if err != nil {
		t.Fatal(err)
	}
	cfg := verifiers.Config{Keys: verifiers.Keys{key}, Time: time.Now}
	v, err := provider.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse("https://hooks.example.com/" + p.provider)
	if err != nil {
		t.Fatal(err)
	}
	r := &verifiers.Request{Method: http.MethodPost, URL: u, Header: http.Header{}}
	if p.provider == "twilio" {
		form := url.Values{"MessageSid": {"SM00000000000000000000000000000001"}, "From": {"+15551230001"}, "To": {"+15551230002"}}
		for i := 0; len(form.Encode()) < size; i++ {
			form.Set(fmt.Sprintf("Field%03d", i), strings.Repeat("v", 40))
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Body = []byte(form.Encode())
	} else {
		r.Header.Set("Content-Type", "application/json")
		r.Body = []byte(`{"id":"evt_1","type":"payment.created","text":"` + strings.Repeat("x", max(size-50, 0)) + `"}`)
	}
	switch p.provider { // the id is signed
	case "standard-webhooks":
		r.Header.Set("Webhook-Id", "msg_2mQk7dA1")
	case "svix":
		r.Header.Set("Svix-Id", "msg_2mQk7dA1")
	}
	if err := provider.Sign(r, cfg, time.Now()); err != nil {
		t.Fatal(err)
	}
	return v, r
}

func again(r *verifiers.Request) verifiers.Request {
	return verifiers.Request{Method: r.Method, URL: r.URL, Header: r.Header, Body: r.Body}
}

// TestAgree: the vendors' libraries accept what we sign, and both refuse it with
// another body, so that what is measured is the same work.
func TestAgree(t *testing.T) {
	for _, p := range peers {
		t.Run(p.provider, func(t *testing.T) {
			v, r := p.signed(t, 1<<10)
			theirs := p.new(t, &p)
			if _, err := v.Verify(t.Context(), r); err != nil {
				t.Errorf("ours: %v", err)
			}
			if err := theirs(r); err != nil {
				t.Errorf("theirs: %v", err)
			}
			other := again(r)
			other.Body = bytes.Replace(r.Body, []byte("1"), []byte("2"), 1)
			if _, err := v.Verify(t.Context(), &other); err == nil {
				t.Error("ours accepts another body")
			}
			if err := theirs(&other); err == nil {
				t.Error("theirs accepts another body")
			}
		})
	}
}

const (
	rounds = 21
	// slower is how much slower than a peer we may be found: room for a noisy
	// machine, and no more.
	slower = 1.25
)

// TestTable measures ours and theirs in turns and writes the medians down.
func TestTable(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes some seconds")
	}
	ctx := t.Context()
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintln(w, "provider\tbody\tours ns/op\tallocs\ttheirs ns/op\tallocs\tours / theirs\t")
	for _, p := range peers {
		for _, size := range p.sizes {
			v, r := p.signed(t, size)
			verify := p.new(t, &p)
			fresh := &verifiers.Request{}
			ours := func() error {
				*fresh = again(r)
				_, err := v.Verify(ctx, fresh)
				return err
			}
			theirs := func() error { return verify(r) }
			n := calls(t, theirs)
			var a, b, ratios []float64
			for range rounds {
				x, y := nanoseconds(t, n, ours), nanoseconds(t, n, theirs)
				a, b, ratios = append(a, x), append(b, y), append(ratios, x/y)
			}
			ratio := median(ratios)
			_, _ = fmt.Fprintf(w, "%s\t%d KiB\t%.0f\t%.0f\t%.0f\t%.0f\t%.2f\t\n",
				p.provider, size>>10, median(a), allocations(t, ours), median(b), allocations(t, theirs), ratio)
			if ratio > slower {
				t.Errorf("%s, %d KiB: %.2f times what %s needs", p.provider, size>>10, ratio, p.library)
			}
		}
	}
	_ = w.Flush()
	t.Logf("medians of %d rounds, in turns\n%s", rounds, table.String())
}

// calls is how many of f take some milliseconds.
func calls(t *testing.T, f func() error) int {
	t.Helper()
	n := 16
	for nanoseconds(t, n, f)*float64(n) < 4e6 {
		n *= 2
	}
	return n
}

func nanoseconds(t *testing.T, n int, f func() error) float64 {
	t.Helper()
	start := time.Now()
	for range n {
		if err := f(); err != nil {
			t.Fatal(err)
		}
	}
	return float64(time.Since(start).Nanoseconds()) / float64(n)
}

func allocations(t *testing.T, f func() error) float64 {
	t.Helper()
	return testing.AllocsPerRun(100, func() {
		if err := f(); err != nil {
			t.Fatal(err)
		}
	})
}

func median(list []float64) float64 {
	sorted := slices.Sorted(slices.Values(list))
	return sorted[len(sorted)/2]
}
