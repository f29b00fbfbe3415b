package providers

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Travis signs the decoded field payload of a form with RSA and SHA-1; the key
// is published by the API server. One build sends several notifications, which
// the state tells apart.
var TravisCI = add(verifiers.Provider{
	Name:       "travis-ci",
	Title:      "Travis CI",
	Docs:       "https://docs.travis-ci.com/user/notifications/#verifying-webhook-requests",
	Scheme:     travisScheme{},
	ID:         verifiers.Join(".", verifiers.Form("payload").Inner("/id"), verifiers.Form("payload").Inner("/state")),
	Type:       verifiers.Join(".", verifiers.Form("payload").Inner("/type"), verifiers.Form("payload").Inner("/state")),
	Time:       verifiers.Form("payload").Inner("/finished_at"),
	TypePrefix: "com.travis-ci",
	Options: []verifiers.Option{{
		Name: travisAPI, Example: "api.travis-ci.com",
		Doc: "The host of the API server, where it is not api.travis-ci.com.",
	}},
	ContentTypes: []string{"application/x-www-form-urlencoded"},
	MaxBody:      8 << 20,
	Headers:      []string{"Travis-Repo-Slug"},

	Category: "dev",
	Setup:    "Name the URL under notifications.webhooks in .travis.yml.",
	Signs:    "The field payload, with RSA-SHA1",
	Retries:  "Not documented.",
	Notes: []string{
		"The field is signed as it is after decoding: plus signs are spaces.",
		"The signature does not say for whom it is: compare the header Travis-Repo-Slug, which is not signed, or the repository in the payload, with yours.",
		"The published payload is the form.",
	},
	Sources: []string{
		"https://docs.travis-ci.com/user/notifications/#verifying-webhook-requests",
	},
	Confidence: verifiers.High,
})

const travisAPI = "api_host"

var travisSigned = verifiers.RSA{Hash: verifiers.SHA1, Signed: verifiers.Signed{
	Signature: verifiers.Header("Signature"),
	Encoding:  verifiers.Base64,
	Content:   "{form:payload}",
	Key:       verifiers.KeyPEM,
}}

// travisScheme is an RSA signature whose key is in the configuration that the API
// server publishes.
type travisScheme struct{}

func (travisScheme) Build(provider string, cfg verifiers.Config) (verifiers.Verifier, error) {
	if cfg.Fetcher == nil {
		return nil, fmt.Errorf("%s: the key is fetched: %w", provider, verifiers.ErrNoFetcher)
	}
	host := cfg.Options[travisAPI]
	if host == "" {
		host = "api.travis-ci.com"
	}
	key := &fetchedKey{fetcher: cfg.Fetcher, pin: verifiers.Pin{Hosts: []string{host}}, url: "https://" + host + "/config", read: travisKey}
	if err := key.pin.Check(key.url); err != nil {
		return nil, fmt.Errorf("%s: %w %s: it is not the name of a host", provider, verifiers.ErrOption, travisAPI)
	}
	cfg.Keys = key
	return travisSigned.Build(provider, cfg)
}

// Places says where the signature is.
func (travisScheme) Places() verifiers.Places { return travisSigned.Places() }

// travisKey finds the key in the server's configuration.
func travisKey(doc []byte) (string, error) {
	var config struct {
		Config struct {
			Notifications struct {
				Webhook struct {
					PublicKey string `json:"public_key"`
				} `json:"webhook"`
			} `json:"notifications"`
		} `json:"config"`
	}
	err := json.Unmarshal(doc, &config)
	key := strings.TrimSpace(config.Config.Notifications.Webhook.PublicKey)
	if err != nil || key == "" {
		return "", verifiers.ErrMalformed
	}
	return key, nil
}

// Interface guards.
var _ verifiers.Placer = travisScheme{}
