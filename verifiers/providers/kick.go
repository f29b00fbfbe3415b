package providers

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// kickKeyURL is where Kick publishes its key.
const kickKeyURL = "https://api.kick.com/public/v1/public-key"

var kickPin = verifiers.Pin{Hosts: []string{"api.kick.com"}}

// Kick signs for all apps with one RSA key, which is fetched, or taken from the
// configuration if it is there. The type is in a header that is not signed, and
// an event that was signed for somebody else's app can be sent to yours: name
// the broadcasters that you expect.
var Kick = add(verifiers.Provider{
	Name:  "kick",
	Title: "Kick",
	Docs:  "https://docs.kick.com/events/webhook-security",
	Scheme: limited{
		Scheme: kickScheme{},
		option: "broadcaster_id",
		member: verifiers.JSON("/broadcaster/user_id"),
	},
	Options: []verifiers.Option{{
		Name:     "broadcaster_id",
		Doc:      "The user ids of the broadcasters whose events are accepted; without it those of all are.",
		Multiple: true,
	}},
	ID:         verifiers.Header("Kick-Event-Message-Id"),
	Type:       verifiers.Header("Kick-Event-Type"),
	Time:       verifiers.Header("Kick-Event-Message-Timestamp"),
	TypePrefix: "com.kick",
	NeedsJSON:  true,
	Headers:    []string{"Kick-Event-Type", "Kick-Event-Version", "Kick-Event-Subscription-Id"},

	Category: "media",
	Setup:    "Switch webhooks on and enter the URL on the app's page under Settings > Developer, and subscribe to events with the API. There is no secret.",
	Signs:    "Id, timestamp and body, with RSA and a key that Kick publishes",
	Retries:  "Not documented; the same event may arrive twice.",
	Notes: []string{
		"The key is the same for everybody: set broadcaster_id, or check the broadcaster in the consumer.",
		"Kick-Event-Type is not signed.",
	},
	Sources: []string{
		"https://docs.kick.com/events/webhook-security",
		"npm @kxdex/kickjs-lib@0.1.0",
	},
	Confidence: verifiers.Medium,
})

var kickRSA = verifiers.RSA{
	Hash: verifiers.SHA256,
	Signed: verifiers.Signed{
		Signature: verifiers.Header("Kick-Event-Signature"),
		Encoding:  verifiers.Base64,
		ID:        verifiers.Header("Kick-Event-Message-Id"),
		Timestamp: verifiers.Header("Kick-Event-Message-Timestamp"),
		Unit:      verifiers.RFC3339,
		Content:   "{id}.{timestamp}.{body}",
		Tolerance: 5 * time.Minute,
	},
}

// kickScheme is RSA with a key that is fetched.
type kickScheme struct{}

// Build returns a verifier with the configured keys or, if there are none, with
// the published one.
func (kickScheme) Build(provider string, cfg verifiers.Config) (verifiers.Verifier, error) {
	if keys, fixed := cfg.Keys.(verifiers.Keys); cfg.Keys == nil || fixed && len(keys) == 0 {
		if cfg.Fetcher == nil {
			return nil, fmt.Errorf("%s: the key is fetched: %w", provider, verifiers.ErrNoFetcher)
		}
		cfg.Keys = &fetchedKey{fetcher: cfg.Fetcher, pin: kickPin, url: kickKeyURL, read: readKickKey}
	}
	return kickRSA.Build(provider, cfg)
}

// Sign signs with a private key.
func (kickScheme) Sign(req *verifiers.Request, cfg verifiers.Config) error {
	return kickRSA.Sign(req, cfg)
}

// Places says where signature and timestamp are.
func (kickScheme) Places() verifiers.Places { return kickRSA.Places() }

// readKickKey reads the key out of Kick's answer.
func readKickKey(doc []byte) (string, error) {
	var answer struct {
		Data struct {
			PublicKey string `json:"public_key"`
		} `json:"data"`
	}
	err := json.Unmarshal(doc, &answer)
	return strings.TrimSpace(answer.Data.PublicKey), err
}

// Interface guards.
var (
	_ verifiers.Placer = kickScheme{}
	_ verifiers.Signer = kickScheme{}
)
