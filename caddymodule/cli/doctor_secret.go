package cli

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"maps"
	"math"
	"os"
	"regexp"
	"strings"
	"sync"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

const (
	// shortestSecret is the fewest characters that are not called weak, and
	// fewestBits what they have to say at least, by how often each occurs: 16
	// random hexadecimal digits say about 50, and hardly ever less than 35.
	shortestSecret = 16
	fewestBits     = 28
)

// ReadsSecret reports whether everybody on this machine can read the file.
func ReadsSecret(file string) bool {
	info, err := os.Stat(file)
	return err == nil && info.Mode().Perm()&0o004 != 0
}

// A DoctorSecret is a secret that is looked at.
type DoctorSecret struct {
	// Provider is whose it is, and Options are those of the route.
	Provider verifiers.Provider
	Options  map[string]string
	// Label names it in findings, which are about Where and Place.
	Label, Where, Place string
	// Public means that the route is on the internet.
	Public bool
}

// CheckSecret looks at the value of a secret as it was found, and notes in the report
// what is wrong with it. Neither it nor its length is ever shown. It reports whether
// the value can be one.
func (r *DoctorReport) CheckSecret(s DoctorSecret, value string) bool {
	p, label, where, place := s.Provider, s.Label, s.Where, s.Place
	if trimmed := strings.TrimSpace(value); trimmed != value {
		r.Add("secret-padded", where, place, label+" begins or ends with white space")
		return false
	}
	for _, quote := range []string{`"`, "'", "`", "“”", "‘’"} {
		first, last := quote, quote
		if len(quote) > 1 {
			runes := []rune(quote)
			first, last = string(runes[0]), string(runes[1])
		}
		if len(value) > 2 && strings.HasPrefix(value, first) && strings.HasSuffix(value, last) {
			r.Add("secret-quoted", where, place, label+" begins and ends with a quotation mark")
			return false
		}
	}
	if kind := wrongKind(p, value); kind != "" {
		r.Add("secret-wrong-kind", where, place, label+" is "+kind, "use "+or(p.SecretHint, "the secret of the webhook"))
		return true // nothing else is to be said about it
	}
	if !fitsProvider(p, s.Options, value) {
		r.Add("secret-format", where, place, label+" is not what "+p.Name+" has", "use "+or(p.SecretHint, "the provider's format"))
		return false
	}
	if keyTypeOf(p).public() || IsPublicKeyText(value) {
		return true // there is nothing secret about it
	}
	if _, ok := p.Scheme.(verifiers.Basic); ok {
		_, value, _ = strings.Cut(value, ":")
	}
	switch what := weakSecret(value); {
	case isExampleSecret(value):
		r.Add("secret-example", where, place, label+" is one that stands in documentation")
	case what != "":
		r.Add("secret-weak", where, place, label+" "+what)
	}
	if s.Public && testSecret.MatchString(value) {
		r.Add("secret-test-mode", where, place, label+" begins as those of a test mode do")
	}
	return true
}

// IsPublicKeyText reports whether the value is a public key, or a certificate, in PEM
// or in base64, which everybody may know.
func IsPublicKeyText(value string) bool {
	if strings.Contains(value, "-----BEGIN PUBLIC KEY") || strings.Contains(value, "-----BEGIN RSA PUBLIC KEY") || strings.Contains(value, "-----BEGIN CERTIFICATE") {
		return true
	}
	der, err := base64.StdEncoding.DecodeString(value)
	if err != nil {
		return false
	}
	_, err = x509.ParsePKIXPublicKey(der)
	return err == nil
}

var testSecret = regexp.MustCompile(`^(sk_test_|rk_test_|test_|TEST-|FLWSECK_TEST|sandbox_|sandbox-|whsec_test_)`)

// otherCredentials are how credentials begin that are no secret of a webhook, by provider.
var otherCredentials = map[string]map[string]string{
	"github":               {"ghp_": "a personal access token", "github_pat_": "a personal access token", "gho_": "an OAuth token", "ghs_": "an installation's token", "ghu_": "a user's token"},
	"gitlab":               {"glpat-": "a personal access token"},
	"gitlab-signing-token": {"glpat-": "a personal access token"},
	"slack":                {"xoxb-": "a bot's token", "xoxp-": "a user's token", "xapp-": "an app-level token", "xoxe": "a token that is refreshed"},
	"shopify":              {"shpat_": "an access token", "shpca_": "an access token", "shppa_": "a password of the Admin API"},
	"linear":               {"lin_api_": "an API key", "lin_oauth_": "an OAuth token"},
	"stripe":               {"sk_live_": "an API key", "sk_test_": "an API key", "rk_live_": "a restricted API key", "rk_test_": "a restricted API key", "pk_": "a publishable key"},
	"sendgrid":             {"SG.": "an API key"},
}

// wrongKind says what the value is instead, "" if it may be what is wanted.
func wrongKind(p verifiers.Provider, value string) string {
	for prefix, kind := range otherCredentials[p.Name] {
		if strings.HasPrefix(value, prefix) {
			return kind + " (" + prefix + "...)"
		}
	}
	switch {
	case p.Name == "stripe" && !strings.HasPrefix(value, "whsec_"):
		return "no signing secret: those begin with whsec_"
	case strings.HasPrefix(value, "Bearer ") && strings.HasPrefix(signaturePrefix(p), "Bearer"):
		return "a header with its word Bearer"
	case strings.HasPrefix(value, "AKIA") && len(value) == 20:
		return "the id of an access key of AWS"
	}
	return ""
}

// signaturePrefix is what stands before the secret, or the signature, in a request.
func signaturePrefix(p verifiers.Provider) string {
	if placer, ok := p.Scheme.(verifiers.Placer); ok {
		return placer.Places().Signature.Prefix
	}
	return ""
}

// fitsProvider reports whether the scheme takes the value as a key. What else it may
// lack is not the value's fault.
func fitsProvider(p verifiers.Provider, set map[string]string, value string) bool {
	if p.Scheme == nil {
		return true
	}
	key, err := verifiers.NewKey("secret", []byte(value))
	if err != nil {
		return false
	}
	options := make(map[string]string)
	for _, o := range p.Options {
		if o.Example != "" {
			options[o.Name] = o.Example
		}
	}
	maps.Copy(options, set)
	_, err = p.Scheme.Build(p.Name, verifiers.Config{Keys: verifiers.Keys{key}, Options: options, Fetcher: noFetcher{}})
	return !errors.Is(err, verifiers.ErrKeyFormat)
}

// noFetcher is for schemes that are built and never used.
type noFetcher struct{}

// Fetch implements [verifiers.Fetcher].
func (noFetcher) Fetch(context.Context, verifiers.Pin, string) ([]byte, error) {
	return nil, verifiers.ErrUnavailable
}

// weakSecret says why a value can be guessed, "" if it cannot.
func weakSecret(value string) string {
	rest := secretPrefix.ReplaceAllString(value, "")
	switch {
	case len(rest) < shortestSecret:
		return "is shorter than 16 characters"
	case repeated(rest) != "":
		return "is a short text that is repeated"
	case stepwise(rest):
		return "is a row of characters in their order"
	case saidBits(rest) < fewestBits:
		return "is made of few different characters"
	}
	return ""
}

// secretPrefix is what providers write before a secret, such as whsec_.
var secretPrefix = regexp.MustCompile(`^(v1,)?[A-Za-z]{2,10}(_[a-z]{2,8})?[_-]`)

// saidBits is what the text says, by how often each of its characters occurs.
func saidBits(text string) float64 {
	count := make(map[rune]float64)
	n := 0.0
	for _, c := range text {
		count[c]++
		n++
	}
	sum := 0.0
	for _, times := range count {
		sum -= times * math.Log2(times/n)
	}
	return sum
}

// repeated returns the text of which the whole is made by repeating it, "" if there
// is none of at most half the length.
func repeated(text string) string {
	for n := 1; n <= len(text)/2; n++ {
		if len(text)%n == 0 && strings.Repeat(text[:n], len(text)/n) == text {
			return text[:n]
		}
	}
	return ""
}

// stepwise reports whether nearly each character is the one after, or before, that
// in front of it.
func stepwise(text string) bool {
	steps := 0
	for i := 1; i < len(text); i++ {
		if d := int(text[i]) - int(text[i-1]); d == 1 || d == -1 {
			steps++
		}
	}
	return steps*5 >= (len(text)-1)*4
}

// exampleSecrets are secrets of documentation, in lower case and without what is
// neither a letter nor a digit.
var exampleSecrets = map[string]bool{
	"changeme": true, "changethis": true, "changeit": true, "secret": true, "mysecret": true, "yoursecret": true, "topsecret": true, "supersecret": true,
	"password": true, "passw0rd": true, "test": true, "testing": true, "example": true, "letmein": true, "hunter2": true, "foobar": true, "default": true,
	"webhooksecret": true, "yourwebhooksecret": true, "mywebhooksecret": true, "verysecret": true, "replaceme": true, "placeholder": true, "insecure": true,
	"thisisasecret": true, "shhh": true, "signingsecret": true, "yoursigningsecret": true, "supersecretpassword": true, "none": true, "null": true, "undefined": true,
	"itsasecrettoeverybody":                true, // GitHub
	"8f742231b10e8888abcd99yyyzzz85a5":     true, // Slack
	"whsecmfkq9r8gkyqrtwjupd8ilpzio2lalaw": true, // Standard Webhooks
	"whsecc2vjcmv0":                        true,
	"12345":                                true,
	"123456":                               true,
	"key3ax6xnjp29jd6fds4gc373sgvjxteol0":  true, // Mailgun
	"44782def547aaa06c910c43932b1eb0c71fc68d9d0c057550c48ec2acf6ba056": true, // Adyen
	"correcthorsebatterystaple":                                        true,
}

var exampleWords = regexp.MustCompile(`(?i)(change[-_ ]?me|replace[-_ ]?me|your[-_ ](webhook|signing|api|app|client|own)?[-_ ]?(secret|token|key)|^<.*>$|^\.\.\.$|insert[-_ ].*here|placeholder)`)

func isExampleSecret(value string) bool {
	plain := strings.Map(func(c rune) rune {
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
			return c
		case c >= 'A' && c <= 'Z':
			return c + 'a' - 'A'
		}
		return -1
	}, value)
	if exampleSecrets[plain] || exampleWords.MatchString(value) {
		return true
	}
	word := repeated(plain)
	return word != "" && exampleSecrets[word]
}

// FreshSecret returns a secret that nobody has: 256 bits in hexadecimal digits.
func FreshSecret() string {
	raw := make([]byte, 32)
	_, _ = rand.Read(raw) // it never fails
	return hex.EncodeToString(raw)
}

// StandIn returns a value of the form of the provider's secret that is of no use
// for anything but to load a configuration whose secret is not there. It is "" if
// no such value is known. The options are those of the route.
func StandIn(p verifiers.Provider, options map[string]string) string {
	for _, make := range standIns {
		if value := make(); value != "" && fitsProvider(p, options, value) {
			return value
		}
	}
	return ""
}

// standIns make values of the forms that secrets and public keys have.
var standIns = []func() string{
	FreshSecret,
	func() string { return "user:" + FreshSecret() },
	func() string { return "whsec_" + randomBase64() },
	randomBase64,
	func() string { return publicTexts()["ed25519 hex"] },
	func() string { return publicTexts()["ed25519 base64"] },
	func() string { return publicTexts()["ed25519 whpk"] },
	func() string { return publicTexts()["ed25519 pem"] },
	func() string { return publicTexts()["ecdsa pem"] },
	func() string { return publicTexts()["ecdsa base64"] },
	func() string { return publicTexts()["rsa pem"] },
	func() string { return publicTexts()["rsa base64"] },
}

func randomBase64() string {
	raw := make([]byte, 32)
	_, _ = rand.Read(raw)
	return base64.StdEncoding.EncodeToString(raw)
}

// publicTexts are public keys, in the ways in which they are written.
var publicTexts = sync.OnceValue(func() map[string]string {
	texts := make(map[string]string)
	add := func(kind string, public any, err error) {
		if err != nil {
			return
		}
		der, err := x509.MarshalPKIXPublicKey(public)
		if err != nil {
			return
		}
		texts[kind+" pem"] = strings.TrimSpace(string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})))
		texts[kind+" base64"] = base64.StdEncoding.EncodeToString(der)
	}
	edKey, _, err := ed25519.GenerateKey(rand.Reader)
	add("ed25519", edKey, err)
	texts["ed25519 hex"] = hex.EncodeToString(edKey)
	texts["ed25519 whpk"] = "whpk_" + base64.StdEncoding.EncodeToString(edKey)
	if ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err == nil {
		add("ecdsa", ecKey.Public(), nil)
	}
	if rsaKey, err := rsa.GenerateKey(rand.Reader, 2048); err == nil {
		add("rsa", rsaKey.Public(), nil)
	}
	return texts
})
