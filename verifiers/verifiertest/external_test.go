package verifiertest_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/providers"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/verifiertest"
)

// externalSuite is a file of vectors whose verdicts come from the vendors' own
// libraries.
type externalSuite struct {
	Provider string         `json:"provider"`
	Oracle   string         `json:"oracle"`
	Cases    []externalCase `json:"cases"`
}

type externalCase struct {
	Name string     `json:"name"`
	Now  *time.Time `json:"now"`
	Keys struct {
		Secrets         []string          `json:"secrets"`
		PublicKeyBase64 string            `json:"public_key_base64"`
		PublicKeyHex    string            `json:"public_key_hex"`
		PublicKeyPEM    string            `json:"public_key_pem"`
		Certs           map[string]string `json:"certs"`
		JWKS            json.RawMessage   `json:"jwks"`
		Params          map[string]string `json:"params"`
	} `json:"keys"`
	Request struct {
		Method     string              `json:"method"`
		URL        string              `json:"url"`
		Headers    map[string][]string `json:"headers"`
		BodyBase64 []byte              `json:"body_base64"`
	} `json:"request"`
	Expect string `json:"expect"`
	Why    string `json:"why"`
}

// externalNames are the names of suites that are not the catalogue's. Of
// several the first that the catalogue has and whose signature header the
// request carries is meant.
var externalNames = map[string][]string{
	"standardwebhooks":  {"standard-webhooks"},
	"gitlab-signed":     {"gitlab-signing-token"},
	"google-pubsub":     {"google-pubsub-push"},
	"lark":              {"feishu-lark"},
	"jira":              {"jira-cloud"},
	"qstash":            {"upstash-qstash"},
	"worldline-connect": {"worldline"},
	"cloudinary-sha256": {"cloudinary"},
	"shopify-events":    {"shopify"},
	"lemonsqueezy":      {"lemon-squeezy"},
	"buildkite":         {"buildkite-signature", "buildkite"},
	"twitch":            {"twitch-eventsub"},
	"discord":           {"discord-interactions"},
	"plivo":             {"plivo-v3", "plivo-v2"},
	"hubspot":           {"hubspot-v3", "hubspot-v2", "hubspot-v1"},
	"bitbucket":         {"bitbucket-cloud", "bitbucket-server"},
	"sinch":             {"sinch-conversation", "sinch-numbers", "sinch-voice"},
	"stripe-thin":       {"stripe"},
	"vonage-sms":        {"vonage-sms-legacy"},
	"mercadopago":       {"mercado-pago"},
	"dodopayments":      {"dodo-payments"},
	"polar-sh":          {"polar"},
	"fal-ai":            {"fal"},
	"wechat":            {"wechat-official"},
	"coinbase":          {"coinbase-commerce"},
	"supabase":          {"supabase-auth-hooks"},
	"autumn":            {"svix"},
	"replicateai":       {"replicate"},
	"falai":             {"fal"},
	"grafana":           {"grafana-alerting"},
	"dropboxsign":       {"dropbox-sign"},
	"facebook":          {"meta"},
	"apple":             {"apple-app-store"},
	"sns":               {"aws-sns"},
	"teams":             {"microsoft-teams-outgoing", "microsoft-teams-bot"},
	"bot-framework":     {"microsoft-teams-bot"},
	"botframework":      {"microsoft-teams-bot"},
	"travis":            {"travis-ci"},
	"trigger":           {"trigger-dev"},
	"triggerdev":        {"trigger-dev"},
	"discord-events":    {"discord-webhook-events"},
	"twilio-json":       {"twilio-body-sha256"},
}

// Cases without a clock say that time does not matter. They get one at which
// their certificates are valid, and a replay window that is no limit.
var externalNow = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

const timeless = 100 * 365 * 24 * time.Hour

// TestExternalVectors runs a directory of vectors in the format of
// externalSuite. The directory is that in $VECTORS_DIR, or shared/vectors beside
// the repository. A verdict that differs is a failure; a provider that the
// catalogue lacks is counted as unsupported. Use -v to see the table.
func TestExternalVectors(t *testing.T) {
	t.Parallel()
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "suite\taccept\treject\twrong\tunsupported")
	var sum tally
	for _, s := range externalSuites(t) {
		one := runExternal(t, s)
		sum.add(one)
		_, _ = fmt.Fprintf(w, "%s\t%s\n", s.Provider, one)
	}
	_, _ = fmt.Fprintf(w, "all\t%s\n", sum)
	_ = w.Flush()
	t.Log("\n" + table.String())
}

// externalSuites reads the directory, or skips the test where there is none.
func externalSuites(t *testing.T) []*externalSuite {
	t.Helper()
	dir := os.Getenv("VECTORS_DIR")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "vectors")
		if _, err := os.Stat(dir); err != nil {
			t.Skip("there are no external vectors: set VECTORS_DIR to a directory of them")
		}
	} else if _, err := os.Stat(dir); err != nil && !filepath.IsAbs(dir) {
		// Tests run in their package's directory, and whoever sets the variable
		// is in the repository's.
		dir = filepath.Join("..", "..", dir)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("there are no vectors in %s (%v)", dir, err)
	}
	suites := make([]*externalSuite, 0, len(files))
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var s externalSuite
		if err := json.Unmarshal(data, &s); err != nil {
			t.Fatalf("reading %s: %v", file, err)
		}
		suites = append(suites, &s)
	}
	return suites
}

type tally struct{ accept, reject, wrong, unsupported int }

func (t *tally) add(o tally) {
	t.accept += o.accept
	t.reject += o.reject
	t.wrong += o.wrong
	t.unsupported += o.unsupported
}

func (t tally) String() string {
	return fmt.Sprintf("%d\t%d\t%d\t%d", t.accept, t.reject, t.wrong, t.unsupported)
}

func runExternal(t *testing.T, s *externalSuite) (sum tally) {
	t.Helper()
	if len(s.Cases) == 0 {
		t.Errorf("%s: no cases", s.Provider)
	}
	for i := range s.Cases {
		c := &s.Cases[i]
		p, ok := externalProvider(s.Provider, c)
		if !ok {
			sum.unsupported++
			continue
		}
		err := c.verify(t.Context(), p)
		var typed *verifiers.Error
		switch {
		case c.Expect != "accept" && c.Expect != "reject":
			t.Errorf("%s %s: unknown verdict %q", s.Provider, c.Name, c.Expect)
			sum.wrong++
		case (err == nil) != (c.Expect == "accept"):
			t.Errorf("%s %s: got %v, want %s (%s): %s", s.Provider, c.Name, err, c.Expect, s.Oracle, c.Why)
			sum.wrong++
		case err == nil:
			sum.accept++
		case !errors.Is(err, errBuild) && (!errors.As(err, &typed) || verifiers.Reason(err) == "internal"):
			t.Errorf("%s %s: refused with the untyped error %v", s.Provider, c.Name, err)
			sum.wrong++
		default:
			sum.reject++
		}
	}
	return sum
}

func externalProvider(suite string, c *externalCase) (verifiers.Provider, bool) {
	names := externalNames[suite]
	if names == nil {
		names = []string{suite}
	}
	var found []verifiers.Provider
	for _, name := range names {
		p, ok := providers.Lookup(name)
		if !ok {
			continue
		}
		found = append(found, p)
		if slices.ContainsFunc(verifiertest.SignatureHeaders(p), func(h string) bool { return c.header()[h] != nil }) {
			return p, true
		}
	}
	if len(found) == 0 {
		return verifiers.Provider{}, false
	}
	return found[0], true
}

// header returns the headers as an HTTP server hands them over.
func (c *externalCase) header() http.Header {
	h := http.Header{}
	for name, values := range c.Request.Headers {
		for _, v := range values {
			h.Add(name, v)
		}
	}
	return h
}

// errBuild means that a case's keys do not make a verifier.
var errBuild = errors.New("building the verifier")

// verify returns nil if the case is accepted.
func (c *externalCase) verify(ctx context.Context, p verifiers.Provider) error {
	u, err := url.Parse(c.Request.URL)
	if err != nil {
		return fmt.Errorf("parsing the URL: %w", err)
	}
	v, _, err := c.build(p)
	if err != nil {
		return err
	}
	_, err = v.Verify(ctx, &verifiers.Request{
		Method: c.Request.Method, URL: u, Header: c.header(), Body: c.Request.BodyBase64,
	})
	return err
}

// build makes the case's verifier. Public keys are given in several forms, of
// which a scheme takes those that it knows.
func (c *externalCase) build(p verifiers.Provider) (verifiers.Verifier, verifiers.Config, error) {
	cfg := verifiers.Config{
		Options:   c.options(p),
		Time:      verifiertest.Clock(externalNow),
		Tolerance: timeless,
		Fetcher:   c.documents(),
	}
	if c.Now != nil {
		cfg.Time, cfg.Tolerance = verifiertest.Clock(*c.Now), 0
	}
	var v verifiers.Verifier
	var err error
	for _, keys := range c.keys() {
		if cfg.Keys, err = newKeys(keys); err != nil {
			continue
		}
		if v, err = p.New(cfg); err == nil {
			return v, cfg, nil
		}
	}
	return nil, cfg, fmt.Errorf("%w: %w", errBuild, err)
}

// keys returns the lists of keys to try to build a verifier with.
func (c *externalCase) keys() [][]string {
	var lists [][]string
	for _, k := range []string{c.Keys.PublicKeyBase64, c.Keys.PublicKeyHex, c.Keys.PublicKeyPEM} {
		if k != "" {
			lists = append(lists, []string{strings.TrimSpace(k)})
		}
	}
	if user, ok := c.Keys.Params["username"]; ok {
		lists = append(lists, []string{user + ":" + c.Keys.Params["password"]})
	}
	if private, ok := c.Keys.Params["private_key"]; ok {
		lists = append(lists, []string{private})
	}
	if len(c.Keys.Secrets) > 0 || len(lists) == 0 {
		lists = append(lists, c.Keys.Secrets)
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if json.Unmarshal(c.Keys.JWKS, &set) == nil && len(set.Keys) > 0 {
		texts := make([]string, len(set.Keys))
		for i, key := range set.Keys {
			texts[i] = string(key)
		}
		lists = append(lists, texts)
	}
	return lists
}

func newKeys(secrets []string) (verifiers.Keys, error) {
	keys := make(verifiers.Keys, 0, len(secrets))
	for i, s := range secrets {
		k, err := verifiers.NewKey(fmt.Sprint(i), []byte(s))
		if err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	return keys, nil
}

// options takes the options that the provider has from the case's parameters.
// The suites say nothing about options that the vendors' libraries do not have,
// such as which topics of SNS are ours: the request's own is taken for them, so
// that its signature decides. Tokens of handshakes are needed by no case.
func (c *externalCase) options(p verifiers.Provider) map[string]string {
	options := map[string]string{}
	for _, o := range p.Options {
		value, ok := c.parameter(o.Name)
		switch {
		case ok:
			options[o.Name] = value
		case o.Name == "root_ca" && c.Keys.Certs["root"] != "":
			options[o.Name] = c.Keys.Certs["root"]
		case (o.Name == "app_keys" || o.Name == "key_ids") && len(c.Keys.Params) == len(c.Keys.Secrets):
			options[o.Name] = strings.Join(c.names(c.Keys.Secrets), " ")
		case o.Name == "timestamp_header" && c.header()[o.Example] != nil:
			options[o.Name] = o.Example
		case o.Required:
			options[o.Name] = cmp.Or(c.own(p.Name+" "+o.Name), o.Example, "unused")
		}
	}
	return options
}

// parameter returns the one of this name, however its words are joined.
func (c *externalCase) parameter(name string) (string, bool) {
	plain := func(s string) string { return strings.ToLower(strings.NewReplacer("_", "", "-", "").Replace(s)) }
	for key, value := range c.Keys.Params {
		if plain(key) == plain(name) {
			return value, true
		}
	}
	return "", false
}

// externalOwn is where a request says whom it is for.
var externalOwn = map[string]verifiers.Source{
	"aws-sns topic_arn":                  verifiers.JSON("/TopicArn"),
	"fal user_id":                        verifiers.Header("X-Fal-Webhook-User-Id"),
	"alexa skill_id":                     verifiers.JSON("/context/System/application/applicationId"),
	"google-pubsub-push service_account": verifiers.Header("Authorization").Trim("Bearer ").Claim("/email"),
	"google-play-rtdn service_account":   verifiers.Header("Authorization").Trim("Bearer ").Claim("/email"),
	"microsoft-teams-bot app_id":         verifiers.Header("Authorization").Trim("Bearer ").Claim("/aud"),
	"connectwise-psa key_url":            verifiers.JSON("/Metadata/key_url"),
	"rapyd access_key":                   verifiers.Header("Access_key"),
	"livekit api_key":                    verifiers.Header("Authorization").Claim("/iss"),
	"zoho-desk audience":                 verifiers.Header("X-Zdesk-Jwt").Claim("/aud"),
	"zoho-desk org_id":                   verifiers.JSON("/0/orgId"),
}

func (c *externalCase) own(option string) string {
	source, ok := externalOwn[option]
	if !ok {
		return ""
	}
	value, err := source.Lookup(&verifiers.Request{Method: c.Request.Method, Header: c.header(), Body: c.Request.BodyBase64})
	if err != nil {
		return ""
	}
	return value
}

// names returns the parameters that have these values, in the order of the
// values.
func (c *externalCase) names(values []string) []string {
	names := make([]string, len(values))
	for i, value := range values {
		for _, name := range slices.Sorted(maps.Keys(c.Keys.Params)) {
			if c.Keys.Params[name] == value {
				names[i] = name
			}
		}
	}
	return names
}

// documents serves the case's certificates by URL, and its key set at any other.
func (c *externalCase) documents() verifiers.Fetcher {
	if len(c.Keys.JWKS) == 0 {
		return verifiertest.Documents(c.Keys.Certs)
	}
	return keySet(c.Keys.JWKS)
}

// keySet is a document that is served at every URL.
type keySet []byte

func (k keySet) Fetch(_ context.Context, pin verifiers.Pin, rawURL string) ([]byte, error) {
	return k, pin.Check(rawURL)
}
