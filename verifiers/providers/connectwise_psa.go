package providers

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// ConnectWisePSA names in the body the URL of the key that the body is signed
// with. Whoever knows such a URL has the key, and every customer of ConnectWise
// has one, so that a pinned host does not say whose events these are: only the
// URLs that are configured count, and nothing else is ever fetched. The key of
// the HMAC is the hash of the fetched text.
var ConnectWisePSA = add(verifiers.Provider{
	Name:   "connectwise-psa",
	Title:  "ConnectWise PSA",
	Docs:   "https://developer.connectwise.com/Products/ConnectWise_PSA/Developer_Guide#Callbacks",
	Scheme: connectwiseScheme{},
	Options: []verifiers.Option{{
		Name: connectwiseURL, Example: "https://api-na.myconnectwise.net/v4_6_release/callback/key",
		Doc:      "The key URL of your own callbacks, as in the member Metadata.key_url of their bodies.",
		Required: true,
		Multiple: true,
	}},
	Type:       verifiers.Join(".", verifiers.JSON("/Type"), verifiers.JSON("/Action")),
	TypePrefix: "com.connectwise.psa",
	NeedsJSON:  true,

	Category: "crm",
	Setup:    "Create the callback with the API (system/callbacks). Look up Metadata.key_url in the body of a first callback and set it as the option key_url.",
	Signs:    "The body, with HMAC-SHA256; the key is the SHA-256 of a text that ConnectWise serves at the URL in Metadata.key_url",
	Retries:  "Not documented.",
	Notes: []string{
		"Keep the key URL to yourself: whoever can fetch it can sign.",
		"Nothing identifies a delivery: make what consumers do with it idempotent.",
		"Only the cloud at myconnectwise.net is supported.",
	},
	Sources: []string{
		"https://developer.connectwise.com/Products/ConnectWise_PSA/Developer_Guide#Callbacks",
	},
	Confidence: verifiers.Medium,
})

const connectwiseURL = "key_url"

var (
	connectwisePin = verifiers.Pin{Hosts: []string{"*.myconnectwise.net"}}
	connectwiseKey = verifiers.JSON("/Metadata/key_url")
	// connectwiseHMAC is how a body is signed with the text at its URL.
	connectwiseHMAC = verifiers.HMAC{
		Hash:    verifiers.SHA256,
		KeyHash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Content-Signature"),
			Encoding:  verifiers.Base64,
			Content:   "{body}",
		},
	}
)

// connectwiseScheme is an HMAC whose key is fetched. Config.Keys is not used.
type connectwiseScheme struct{}

// Build returns a verifier with the keys at the configured URLs.
func (connectwiseScheme) Build(provider string, cfg verifiers.Config) (verifiers.Verifier, error) {
	if cfg.Fetcher == nil {
		return nil, fmt.Errorf("%s: keys are fetched: %w", provider, verifiers.ErrNoFetcher)
	}
	urls := strings.Fields(cfg.Options[connectwiseURL])
	if len(urls) == 0 {
		return nil, fmt.Errorf("%s: %w %s is missing", provider, verifiers.ErrOption, connectwiseURL)
	}
	c := &connectwiseVerifier{provider: provider, urls: urls}
	for _, u := range urls {
		if err := connectwisePin.Check(u); err != nil {
			return nil, fmt.Errorf("%s: %w %s: %w", provider, verifiers.ErrOption, connectwiseURL, err)
		}
		cfg.Keys = &fetchedKey{fetcher: cfg.Fetcher, pin: connectwisePin, url: u, read: readConnectwiseKey}
		verifier, err := connectwiseHMAC.Build(provider, cfg)
		if err != nil {
			return nil, err
		}
		c.verifiers = append(c.verifiers, verifier)
	}
	return c, nil
}

// Places says where the signature is.
func (connectwiseScheme) Places() verifiers.Places { return connectwiseHMAC.Places() }

type connectwiseVerifier struct {
	provider  string
	urls      []string
	verifiers []verifiers.Verifier
}

func (c *connectwiseVerifier) Verify(ctx context.Context, req *verifiers.Request) (verifiers.Result, error) {
	named, err := connectwiseKey.Lookup(req)
	i := slices.Index(c.urls, named)
	if err == nil && i < 0 {
		err = verifiers.ErrUntrusted
	}
	if err != nil {
		return verifiers.Result{}, &verifiers.Error{Provider: c.provider, Field: connectwiseKey.String(), Err: err}
	}
	return c.verifiers[i].Verify(ctx, req)
}

// readConnectwiseKey reads the key out of ConnectWise's answer.
func readConnectwiseKey(doc []byte) (string, error) {
	var answer struct {
		SigningKey string `json:"signing_key"`
	}
	err := json.Unmarshal(doc, &answer)
	return answer.SigningKey, err
}

// Interface guards.
var _ verifiers.Placer = connectwiseScheme{}
