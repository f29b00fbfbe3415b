package providers

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Pusher signs the body with the secret that belongs to the key in X-Pusher-Key.
// An app may have several pairs of key and secret. Every configured secret is
// tried; with app_keys the header must also name the key that the fitting secret
// belongs to, as Pusher's libraries ask for. A request holds several events. It
// has no id, but the time in milliseconds is in the body, so that the signature
// stands for it.
var Pusher = add(verifiers.Provider{
	Name:       "pusher",
	Aliases:    []string{"pusher-channels"},
	Title:      "Pusher Channels",
	Docs:       "https://pusher.com/docs/channels/server_api/webhooks/",
	Scheme:     pusherScheme{},
	Options:    []verifiers.Option{{Name: pusherKeys, Doc: "The app keys, in the order of the secrets that belong to them.", Multiple: true}},
	SecretHint: "the secret of the app key, under App Keys",
	ID:         verifiers.Header("X-Pusher-Signature").Lower(),
	Type:       verifiers.JSON("/events/0/name"),
	Time:       verifiers.JSON("/time_ms"),
	TypePrefix: "com.pusher.channels",
	Batch: &verifiers.Batch{
		Elements: "/events",
		Type:     verifiers.JSON("/name"),
	},
	ContentTypes: []string{"application/json"},
	NeedsJSON:    true,
	RetrySpan:    time.Hour,
	Headers:      []string{"X-Pusher-Key"},

	Category: "infra",
	Setup:    "Add the URL under Webhooks of the app. The secret is that of the app, under App Keys.",
	Signs:    "HMAC-SHA256 of the body",
	Retries:  "With growing pauses for some minutes.",
	Notes: []string{
		"The secret is that of the app's key, which also signs API calls.",
		"A request holds all events of a short time.",
	},
	Sources: []string{
		"https://pusher.com/docs/channels/server_api/webhooks/",
		"npm pusher@5.3.4 WebHook.isValid",
	},
	Confidence: verifiers.High,
})

const pusherKeys = "app_keys"

var pusherKey = verifiers.Header("X-Pusher-Key")

// pusherScheme is an HMAC whose key a header names.
type pusherScheme struct{}

func (pusherScheme) hmac() verifiers.HMAC {
	return verifiers.HMAC{Hash: verifiers.SHA256, Signed: verifiers.Signed{
		Signature: verifiers.Header("X-Pusher-Signature"),
		Content:   "{body}",
	}}
}

// Build returns a verifier that compares the header with the option, if it is
// set.
func (s pusherScheme) Build(provider string, cfg verifiers.Config) (verifiers.Verifier, error) {
	v, err := s.hmac().Build(provider, cfg)
	names := strings.Fields(cfg.Options[pusherKeys])
	if err != nil || len(names) == 0 {
		return v, err
	}
	if keys, ok := cfg.Keys.(verifiers.Keys); ok && len(keys) != len(names) {
		return nil, fmt.Errorf("%s: %w %s: there must be one for each secret", provider, verifiers.ErrOption, pusherKeys)
	}
	return verifiers.VerifierFunc(func(ctx context.Context, req *verifiers.Request) (verifiers.Result, error) {
		name, err := pusherKey.Lookup(req)
		if err == nil && !slices.Contains(names, name) {
			err = verifiers.ErrUnknownKey
		}
		if err != nil {
			return verifiers.Result{}, &verifiers.Error{Provider: provider, Field: pusherKey.String(), Err: err}
		}
		res, err := v.Verify(ctx, req)
		if err == nil && (res.KeyIndex >= len(names) || names[res.KeyIndex] != name) {
			err = &verifiers.Error{Provider: provider, Field: pusherKey.String(), Err: verifiers.ErrMismatch}
		}
		if err != nil {
			return verifiers.Result{}, err
		}
		return res, nil
	}), nil
}

// Sign adds the signature with the first secret, and the first of the app keys.
func (s pusherScheme) Sign(req *verifiers.Request, cfg verifiers.Config) error {
	if names := strings.Fields(cfg.Options[pusherKeys]); len(names) > 0 {
		req.Header.Set(pusherKey.Header, names[0])
	}
	return s.hmac().Sign(req, cfg)
}

// Places says where the signature is.
func (s pusherScheme) Places() verifiers.Places {
	p := s.hmac().Places()
	p.Headers = []string{pusherKey.Header}
	return p
}

// Interface guards.
var (
	_ verifiers.Placer = pusherScheme{}
	_ verifiers.Signer = pusherScheme{}
)
