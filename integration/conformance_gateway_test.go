package integration

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/cli"
	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/cli/conformance"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/providers"
)

// gatewayTime is how long the senders that are not in rightFamilies may take
// together. CONFORMANCE_ALL in the environment lifts it.
const gatewayTime = 60 * time.Second

// playable is a sender with a key of our own.
type playable struct {
	provider verifiers.Provider
	key      *verifiers.Key
	secret   string           // what the gateway has: the secret, or the public key
	public   crypto.PublicKey // nil for a secret
	private  []byte           // the private key in PEM; nil for a secret
	options  map[string]string
}

// players makes a key for each sender of the catalogue that can be played: that its
// verifier takes, and with which what is signed verifies.
func players(t *testing.T) []playable {
	t.Helper()
	_, ed, err1 := ed25519.GenerateKey(rand.Reader)
	p256, err2 := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	p521, err3 := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	rs, err4 := rsa.GenerateKey(rand.Reader, 2048)
	for _, err := range []error{err1, err2, err3, err4} {
		if err != nil {
			t.Fatal(err)
		}
	}
	var keys []playable
	for _, signer := range []crypto.Signer{ed, p256, p521, rs} {
		der, err1 := x509.MarshalPKCS8PrivateKey(signer)
		public, err2 := x509.MarshalPKIXPublicKey(signer.Public())
		key, err3 := verifiers.NewPrivateKey("test", signer)
		if err1 != nil || err2 != nil || err3 != nil {
			t.Fatal(err1, err2, err3)
		}
		texts := []string{string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})), base64.StdEncoding.EncodeToString(public)}
		if raw, ok := signer.Public().(ed25519.PublicKey); ok {
			texts = append(texts, hex.EncodeToString(raw), "whpk_"+base64.StdEncoding.EncodeToString(raw))
		}
		for _, text := range texts {
			keys = append(keys, playable{
				key: key, public: signer.Public(), secret: strings.TrimSpace(text),
				private: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}),
			})
		}
	}
	for _, secret := range []string{strings.Repeat("6f0c4ed2b8a1937d", 4), "hooks:" + strings.Repeat("6f0c4ed2b8a1937d", 4)} {
		key, err := verifiers.NewKey("test", []byte(secret))
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, playable{key: key, secret: secret})
	}
	var list []playable
	for _, p := range providers.All() {
		if _, ok := p.Scheme.(verifiers.Signer); !ok || p.Name == providers.HMAC.Name {
			continue
		}
		for _, k := range keys {
			k.provider, k.options = p, cli.SampleOptions(p.Name)
			if k.fits(t.Context()) {
				list = append(list, k)
				break
			}
		}
	}
	return list
}

// fits reports whether the sender can be played with the key.
func (k *playable) fits(ctx context.Context) bool {
	cfg := verifiers.Config{Keys: verifiers.Keys{k.key}, Options: k.options}
	receiving, err := verifiers.NewKey("test", []byte(k.secret))
	if err != nil {
		return false
	}
	v, err := k.provider.New(verifiers.Config{Keys: verifiers.Keys{receiving}, Options: k.options})
	if err != nil {
		return false
	}
	u := &url.URL{Scheme: "https", Host: "hooks.example.com", Path: "/" + k.provider.Name}
	req, err := cli.Draft(k.provider, cli.DraftOptions{URL: u})
	if err != nil || k.provider.Sign(req, cfg, time.Now()) != nil {
		return false
	}
	_, err = v.Verify(ctx, &verifiers.Request{Method: req.Method, URL: req.URL, Header: req.Header, Body: req.Body})
	return err == nil
}

// gatewayFor starts a gateway with a route for each sender, and returns its URL.
func gatewayFor(t *testing.T, list []playable) (site, dir string) {
	t.Helper()
	dir = t.TempDir()
	addr := freeAddr(t)
	site = "http://" + addr
	var routes strings.Builder
	for i, p := range list {
		name := p.provider.Name
		file := filepath.Join(dir, "secret-"+strconv.Itoa(i))
		if err := os.WriteFile(file, []byte(p.secret), 0o600); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&routes, "\twebhooks /%s %s {file.%s} {\n\t\tspool off\n", name, name, file)
		for _, option := range slices.Sorted(maps.Keys(p.options)) {
			value := p.options[option]
			if i := slices.IndexFunc(p.provider.Options, func(o verifiers.Option) bool { return o.Name == option }); i >= 0 && p.provider.Options[i].Secret {
				if err := os.WriteFile(file+option, []byte(value), 0o600); err != nil {
					t.Fatal(err)
				}
				value = "{file." + file + option + "}"
			}
			fmt.Fprintf(&routes, "\t\toption %s %q\n", option, value)
		}
		routes.WriteString("\t}\n")
	}
	_, port, _ := strings.Cut(addr, ":")
	caddyfile := filepath.Join(dir, "Caddyfile")
	config := "{\n\tadmin off\n\tpersist_config off\n\twebhooks {\n\t\tpublic_url " + site + "\n\t\tnats embedded {\n\t\t\tstore_dir " +
		filepath.Join(dir, "store") + "\n\t\t}\n\t}\n}\n:" + port + " {\n" + routes.String() + "\thandle /metrics {\n\t\tmetrics\n\t}\n\trespond 404\n}\n"
	if err := os.WriteFile(caddyfile, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	startCaddy(t, dir, caddyfile)
	waitFor(t, patience, "the gateway", func() error {
		res, err := http.Get(site + "/metrics")
		if err == nil {
			res.Body.Close()
		}
		return err
	})
	return site, dir
}

// TestConformanceGateway examines the gateway, with NATS inside Caddy: each kind of
// scheme with the command, and a count of stored events; and as many of the other
// senders of the catalogue as time allows.
func TestConformanceGateway(t *testing.T) {
	t.Parallel()
	var kinds, others []playable
	for _, p := range players(t) {
		if slices.Contains(rightFamilies, p.provider.Name) {
			kinds = append(kinds, p)
		} else {
			others = append(others, p)
		}
	}
	if len(kinds) != len(rightFamilies) || len(others) < 300 {
		t.Fatalf("only %d kinds of schemes and %d other senders can be played", len(kinds), len(others))
	}
	t.Run("kinds", func(t *testing.T) {
		site, dir := gatewayFor(t, kinds)
		t.Run("command", func(t *testing.T) {
			for _, p := range kinds {
				t.Run(p.provider.Name, func(t *testing.T) {
					t.Parallel()
					p.byCommand(t, dir, site)
				})
			}
		})
	})
	t.Run("catalogue", func(t *testing.T) {
		site, _ := gatewayFor(t, others)
		allowed := gatewayTime
		if os.Getenv("EXHAUSTIVE") == "" {
			allowed /= 10
		}
		begun, tried, done, requests := time.Now(), 0, 0, int64(0)
		// Every day begins with another sender.
		start := time.Now().YearDay() * 17 % len(others)
		for i := range others {
			if os.Getenv("CONFORMANCE_ALL") == "" && time.Since(begun) > allowed {
				break
			}
			tried++
			if n, ok := others[(start+i)%len(others)].examine(t, site); ok {
				done, requests = done+1, requests+n
			}
		}
		t.Logf("%d kinds of schemes with the command; %d of %d other senders in %s with %d requests, and no flaws in %d of them",
			len(kinds), tried, len(others), time.Since(begun).Round(time.Second), requests, done)
	})
}

// byCommand runs the command with a count.
func (k *playable) byCommand(t *testing.T, dir, site string) {
	t.Helper()
	name := k.provider.Name
	env, flags := []string{"CONFORMANCE_SECRET=" + k.secret}, []string{"--secret-env", "CONFORMANCE_SECRET"}
	if k.private != nil {
		file := filepath.Join(dir, "key-"+name)
		if err := os.WriteFile(file, k.private, 0o600); err != nil {
			t.Fatal(err)
		}
		env, flags = nil, []string{"--secret-file", file}
	}
	for option, value := range k.options {
		env = append(env, "CONFORMANCE_"+strings.ToUpper(option)+"="+value)
		flags = append(flags, "--option-env", option+"=CONFORMANCE_"+strings.ToUpper(option))
	}
	flags = append(flags, "--count-url", site+"/metrics",
		"--count-match", `caddy_webhooks_requests_total\{outcome="accepted",reason="stored",source="`+name+`"\} (\S+)`)
	found := examine(t, site+"/"+name, name, env, flags...)
	if found.Diagnosis != "" || found.flawed() != nil {
		t.Errorf("got flaws, want none: %s", found.say())
	}
}

// examine runs the checks in this process, without a count.
func (k *playable) examine(t *testing.T, site string) (requests int64, ok bool) {
	t.Helper()
	p := k.provider
	u, err := url.Parse(site + "/" + p.Name)
	if err != nil {
		t.Fatal(err)
	}
	target := conformance.Target{
		Provider: p, Config: verifiers.Config{Keys: verifiers.Keys{k.key}, Options: k.options}, PublicKey: k.public, Secrets: []string{k.secret}, URL: u,
		Sample: func(id, kind string, at time.Time) (*verifiers.Request, error) {
			return cli.Draft(p, cli.DraftOptions{URL: u, ID: id, Type: kind, At: at})
		},
	}
	report, err := conformance.Run(t.Context(), target, conformance.Options{})
	if err != nil {
		t.Errorf("%s: %v", p.Name, err)
		return 0, false
	}
	ok = report.Diagnosis == ""
	if !ok {
		t.Errorf("%s: %s", p.Name, report.Diagnosis)
	}
	for _, res := range report.Results {
		for _, f := range res.Flaws {
			ok = false
			t.Errorf("%s: %s: %s: %s\n    %s", p.Name, res.Code, f.Sent, f.Got, f.Request)
		}
	}
	return report.Requests, ok
}
