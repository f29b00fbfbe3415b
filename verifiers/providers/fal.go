package providers

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Fal signs the ids of request and user, the time and the body's hash, with keys
// that all its customers share: a signature proves that it comes from fal, and
// not that it is about a request of yours. Therefore your user id has to be
// named. A request names no key, so that each of the set is tried.
var Fal = add(verifiers.Provider{
	Name:   "fal",
	Title:  "fal",
	Docs:   "https://docs.fal.ai/model-apis/model-endpoints/webhooks",
	Scheme: falScheme{},
	Options: []verifiers.Option{{
		Name:     falUser,
		Doc:      "Your user id at fal, or several, whose requests are accepted.",
		Required: true,
		Multiple: true,
	}},
	ID:           verifiers.Header("X-Fal-Webhook-Request-Id"),
	Type:         verifiers.JSON("/status"),
	TypePrefix:   "ai.fal.request",
	ContentTypes: []string{"application/json"},
	NeedsJSON:    true,
	Deadline:     15 * time.Second,
	RetrySpan:    2 * time.Hour,
	MaxBody:      8 << 20,
	Headers:      []string{"X-Fal-Webhook-Request-Id", "X-Fal-Webhook-User-Id"},

	Category: "media",
	Setup:    "Name the URL as webhook_url (fal_webhook in the query) when you submit to the queue. Your user id is in the dashboard, and in the header X-Fal-Webhook-User-Id of a first request.",
	Signs:    "Request id, user id, time and the hash of the body, with Ed25519 and fal's published keys",
	Retries:  "Up to ten within two hours.",
	Notes: []string{
		"fal signs for all of its customers with the same keys: the user id has to be compared.",
		"The result is in the body, or its URL; large payloads may be left out.",
	},
	Sources: []string{
		"https://docs.fal.ai/model-apis/model-endpoints/webhooks",
		"npm @hookflo/tern@4.1.0 platform falai",
	},
	Confidence: verifiers.Medium,
})

const (
	falUser = "user_id"
	falKeys = "https://rest.fal.ai/.well-known/jwks.json"
)

var falUserID = verifiers.Header("X-Fal-Webhook-User-Id")

// falScheme is an Ed25519 signature with fetched keys, for named users.
type falScheme struct{}

func (falScheme) signature() verifiers.Ed25519 {
	return verifiers.Ed25519{Signed: verifiers.Signed{
		Signature: verifiers.Header("X-Fal-Webhook-Signature"),
		Timestamp: verifiers.Header("X-Fal-Webhook-Timestamp"),
		ID:        verifiers.Header("X-Fal-Webhook-Request-Id"),
		Content:   "{id}\n{header:X-Fal-Webhook-User-Id}\n{timestamp}\n{sha256:body}",
		Tolerance: 5 * time.Minute,
	}}
}

// Build returns a verifier that compares the user as well.
func (s falScheme) Build(provider string, cfg verifiers.Config) (verifiers.Verifier, error) {
	users := strings.Fields(cfg.Options[falUser])
	if len(users) == 0 {
		return nil, fmt.Errorf("%s: %w %s is missing", provider, verifiers.ErrOption, falUser)
	}
	keys, err := newOKPKeys(provider, cfg, verifiers.Pin{Hosts: []string{"rest.fal.ai"}}, falKeys)
	if err != nil {
		return nil, err
	}
	cfg.Keys = keys
	v, err := s.signature().Build(provider, cfg)
	if err != nil {
		return nil, err
	}
	return verifiers.VerifierFunc(func(ctx context.Context, req *verifiers.Request) (verifiers.Result, error) {
		res, err := v.Verify(ctx, req)
		if err != nil {
			return res, err
		}
		user, err := falUserID.Lookup(req)
		if err == nil && !slices.Contains(users, user) {
			err = verifiers.ErrUntrusted
		}
		if err != nil {
			return verifiers.Result{}, &verifiers.Error{Provider: provider, Field: falUserID.String(), Err: err}
		}
		return res, nil
	}), nil
}

// Places says where signature and time are.
func (s falScheme) Places() verifiers.Places { return s.signature().Places() }

// Interface guards.
var _ verifiers.Placer = falScheme{}
