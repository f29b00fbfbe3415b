package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Onfido signs the body with the token of the webhook, which is used as it is
// shown. A request has no id: the object, what happened to it, its status and
// its time make one.
var Onfido = add(verifiers.Provider{
	Name:  "onfido",
	Title: "Onfido",
	Docs:  "https://documentation.onfido.com/api/latest#webhooks",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Sha2-Signature"),
			Content:   "{body}",
		},
	},
	SecretHint: "the token of the webhook",
	ID:         verifiers.Join(".", verifiers.JSON("/payload/object/id"), verifiers.JSON("/payload/action"), verifiers.JSON("/payload/object/status"), verifiers.JSON("/payload/object/completed_at_iso8601")),
	Type:       verifiers.JSON("/payload/action"),
	Time:       verifiers.JSON("/payload/object/completed_at_iso8601"),
	TypePrefix: "com.onfido",
	NeedsJSON:  true,
	Deadline:   10 * time.Second,
	RetrySpan:  13 * time.Hour,

	Category: "identity",
	Setup:    "Create the webhook in the dashboard under Settings > Developers > Webhooks, or through the API; the token is shown once.",
	Retries:  "By report five times: after 30 s, 2 min, 15 min, 2 h and 10 h.",
	Notes: []string{
		"The body names the object only: its result has to be read through the API.",
	},
	Sources: []string{
		"https://documentation.onfido.com/api/latest#webhooks",
		"https://github.com/onfido/onfido-python onfido/webhook_event_verifier.py, tests/test_classic_webhook_event_verification.py",
		"npm @onfido/api@6.2.0 WebhookEventVerifier",
	},
	Confidence: verifiers.High,
})
