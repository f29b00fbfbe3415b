package providers

import (
	"strings"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Orb writes the time without a zone and means UTC, which no standard parser of
// RFC 3339 reads; it signs the text as it is. Several signatures may stand in
// the header, with a space between them.
var Orb = add(verifiers.Provider{
	Name:       "orb",
	Title:      "Orb",
	Docs:       "https://docs.withorb.com/guides/integrations-and-exports/webhooks",
	Scheme:     orbScheme{},
	SecretHint: "the webhook endpoint's signing secret",
	ID:         verifiers.JSON("/id"),
	Type:       verifiers.JSON("/type"),
	Time:       verifiers.JSON("/created_at"),
	TypePrefix: "com.withorb",
	NeedsJSON:  true,

	Category: "payments",
	Setup:    "Add the endpoint under Developers > Webhooks and copy its signing secret.",
	Signs:    "v1:{timestamp}:{body}, with HMAC-SHA256",
	Retries:  "Not stated on the pages read.",
	Notes: []string{
		"The timestamp has no zone and is UTC.",
	},
	Sources: []string{
		"https://docs.withorb.com/guides/integrations-and-exports/webhooks",
		"npm orb-billing@6.11.0 webhooks.unwrap",
	},
	Confidence: verifiers.High,
})

var (
	orbHMAC = verifiers.HMAC{Hash: verifiers.SHA256, Signed: verifiers.Signed{
		Signature: verifiers.Header("X-Orb-Signature").Split(" ").Trim("v1="),
		Content:   "v1:{header:X-Orb-Timestamp}:{body}",
	}}
	orbPlaces = verifiers.Places{
		Scheme:    "hmac-sha256",
		Covers:    orbHMAC.Places().Covers,
		Signature: orbHMAC.Signature,
		Timestamp: verifiers.Header("X-Orb-Timestamp"),
		Unit:      verifiers.RFC3339,
		Tolerance: 5 * time.Minute,
	}
)

const orbTime = "2006-01-02T15:04:05.000000"

// orbScheme is an HMAC with a timestamp in Orb's form.
type orbScheme struct{}

func (orbScheme) Build(provider string, cfg verifiers.Config) (verifiers.Verifier, error) {
	return adapted{scheme: orbHMAC, places: orbPlaces, parse: parseOrbTime}.Build(provider, cfg)
}

// Places says where signature and timestamp are.
func (orbScheme) Places() verifiers.Places { return orbPlaces }

// Sign adds timestamp and signature.
func (orbScheme) Sign(req *verifiers.Request, cfg verifiers.Config) error {
	now := time.Now
	if cfg.Time != nil {
		now = cfg.Time
	}
	req.Header.Set(orbPlaces.Timestamp.Header, now().UTC().Format(orbTime))
	return orbHMAC.Sign(req, cfg)
}

func parseOrbTime(text string) (time.Time, error) {
	if !strings.ContainsAny(text, "Z+") {
		text += "Z"
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil || len(text) > 40 {
		return time.Time{}, verifiers.ErrMalformed
	}
	return t, nil
}

// Interface guards.
var (
	_ verifiers.Signer = orbScheme{}
	_ verifiers.Placer = orbScheme{}
)
