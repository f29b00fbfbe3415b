package providers

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Dyte signs with RSA under one key for all its customers, which it publishes:
// the signature does not say for whom an event is. The organization in the body
// does, and the option names it.
var Dyte = add(verifiers.Provider{
	Name:       "dyte",
	Title:      "Dyte",
	Docs:       "https://docs.dyte.io/guides/capabilities/webhooks",
	Scheme:     limited{Scheme: dyteScheme{}, option: dyteOrganization, member: verifiers.JSON("/meeting/organizedBy/id")},
	ID:         verifiers.Header("Dyte-Uuid"),
	Type:       verifiers.JSON("/event"),
	TypePrefix: "io.dyte",
	Options: []verifiers.Option{{
		Name: dyteOrganization, Multiple: true,
		Doc: "The ids of the organizations, in meeting.organizedBy.id, whose events are accepted; without it all are.",
	}},
	NeedsJSON: true,
	Headers:   []string{"Dyte-Uuid", "Dyte-Webhook-Id"},

	Category: "saas",
	Setup:    "Create the webhook in the developer portal or with the API.",
	Signs:    "The body, with RSA-SHA256 under a key that Dyte publishes",
	Retries:  "Not documented.",
	Notes: []string{
		"Without the option events for other customers are accepted as well.",
		"The id in the header is not signed.",
	},
	Sources: []string{
		"https://docs.dyte.io/guides/capabilities/webhooks",
	},
	Confidence: verifiers.High,
})

const (
	dyteOrganization = "organization"
	dyteKeys         = "https://api.dyte.io/.well-known/webhooks.json"
)

var dyteRSA = verifiers.RSA{Hash: verifiers.SHA256, Signed: verifiers.Signed{
	Signature: verifiers.Header("Dyte-Signature"),
	Encoding:  verifiers.Base64,
	Content:   "{body}",
	Key:       verifiers.KeyPEM,
}}

// dyteScheme is an RSA signature whose key is published.
type dyteScheme struct{}

func (dyteScheme) Build(provider string, cfg verifiers.Config) (verifiers.Verifier, error) {
	if cfg.Fetcher == nil {
		return nil, fmt.Errorf("%s: the key is fetched: %w", provider, verifiers.ErrNoFetcher)
	}
	cfg.Keys = &fetchedKey{fetcher: cfg.Fetcher, pin: verifiers.Pin{Hosts: []string{"api.dyte.io"}}, url: dyteKeys, read: onePEM}
	return dyteRSA.Build(provider, cfg)
}

// Places says where the signature is.
func (dyteScheme) Places() verifiers.Places { return dyteRSA.Places() }

// onePEM finds the one public key in a JSON document, whatever member it is in.
func onePEM(doc []byte) (string, error) {
	var value any
	if err := json.Unmarshal(doc, &value); err != nil {
		return "", verifiers.ErrMalformed
	}
	var keys []string
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case string:
			if text := strings.TrimSpace(v); strings.HasPrefix(text, "-----BEGIN PUBLIC KEY-----") {
				keys = append(keys, text)
			}
		case []any:
			for _, e := range v {
				walk(e)
			}
		case map[string]any:
			for _, e := range v {
				walk(e)
			}
		}
	}
	walk(value)
	if len(keys) != 1 {
		return "", verifiers.ErrMalformed
	}
	return keys[0], nil
}

// Interface guards.
var _ verifiers.Placer = dyteScheme{}
