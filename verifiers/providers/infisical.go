package providers

import (
	"fmt"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Infisical writes a time before the signature, after a semicolon, and does not
// sign it. The same time is in the body, which is signed: that one is checked.
// It is made anew for every attempt, so that retries are not recognised.
var Infisical = add(verifiers.Provider{
	Name:  "infisical",
	Title: "Infisical",
	Docs:  "https://infisical.com/docs/documentation/platform/webhooks",
	Scheme: infisicalScheme{verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: infisicalSignature.Split(";"),
			Timestamp: infisicalTime,
			Unit:      verifiers.Milliseconds,
			Content:   "{body}",
			Tolerance: 5 * time.Minute,
		},
	}},
	SecretHint: "the secret key that you typed when you created the webhook",
	ID: verifiers.Join(".", verifiers.JSON("/timestamp"), verifiers.JSON("/event"), verifiers.JSON("/project/workspaceId"),
		verifiers.JSON("/project/environment"), verifiers.JSON("/project/secretPath")),
	Type:         verifiers.JSON("/event"),
	Time:         verifiers.JSON("/timestamp"),
	TypePrefix:   "com.infisical",
	ContentTypes: []string{"application/json"},
	NeedsJSON:    true,

	Category: "infra",
	Setup:    "Create a webhook of the type General under Project Settings > Webhooks with a secret key.",
	Retries:  "Not documented.",
	Notes: []string{
		"The time in the header is not signed and protects nothing; that in the body is.",
		"Without a secret key there is no signature.",
	},
	Sources: []string{
		"https://infisical.com/docs/documentation/platform/webhooks",
		"https://github.com/Infisical/infisical backend/src/services/webhook/webhook-fns.ts",
	},
	Confidence: verifiers.High,
})

var (
	infisicalSignature = verifiers.Header("X-Infisical-Signature")
	infisicalTime      = verifiers.JSON("/timestamp")
)

// infisicalScheme is an HMAC after a time that is not signed.
type infisicalScheme struct{ verifiers.HMAC }

// Sign writes the time of the body before the signature.
func (s infisicalScheme) Sign(req *verifiers.Request, cfg verifiers.Config) error {
	if err := s.HMAC.Sign(req, cfg); err != nil {
		return err
	}
	at, err := infisicalTime.Lookup(req)
	if err != nil {
		return fmt.Errorf("reading the time: %w", err)
	}
	req.Header.Set(infisicalSignature.Header, "t="+at+";"+req.Header.Get(infisicalSignature.Header))
	return nil
}

// Places says that the signature is what follows the semicolon.
func (s infisicalScheme) Places() verifiers.Places {
	p := s.HMAC.Places()
	p.Signature = infisicalSignature.Trim(";")
	return p
}

// Interface guards.
var (
	_ verifiers.Placer = infisicalScheme{}
	_ verifiers.Signer = infisicalScheme{}
)
