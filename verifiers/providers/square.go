package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Square signs the notification URL exactly as it was entered, and the body
// behind it. Where a proxy changes the URL, or the entry differs from what is
// called, the option names it. The older signature with SHA-1 is not looked at.
var Square = add(verifiers.Provider{
	Name:       "square",
	Title:      "Square",
	Docs:       "https://developer.squareup.com/docs/webhooks/step3validate",
	Scheme:     squareScheme{},
	SecretHint: "the signature key of the subscription",
	ID:         verifiers.JSON("/event_id"),
	Type:       verifiers.JSON("/type"),
	Time:       verifiers.JSON("/created_at"),
	TypePrefix: "com.squareup",
	Options: []verifiers.Option{{
		Name: squareURL, Example: "https://hooks.example.com/square",
		Doc: "The notification URL as entered in the developer console, where it is not the URL that is called.",
	}},
	NeedsJSON: true,
	Deadline:  10 * time.Second,
	RetrySpan: 24 * time.Hour,
	Headers:   []string{"Square-Environment", "Square-Initial-Delivery-Timestamp", "Square-Retry-Number"},

	Category: "payments",
	Setup:    "Add the subscription under Webhooks of the application; its signature key is on its page.",
	Signs:    "The notification URL and the body, with HMAC-SHA256",
	Retries:  "With growing pauses for up to 24 hours by report.",
	Notes: []string{
		"The URL counts exactly as in the developer console, with scheme, path, query and slash at the end.",
	},
	Sources: []string{
		"https://developer.squareup.com/docs/webhooks/step3validate",
		"npm square@46.0.0 WebhooksHelper.verifySignature",
		"https://github.com/square/square-go-sdk webhooks/client/verify_signature_test.go",
	},
	Confidence: verifiers.High,
})

const squareURL = "notification_url"

// squareScheme is an HMAC over the URL of the option, or the one that was called.
type squareScheme struct{}

func (squareScheme) hmac(options map[string]string) verifiers.HMAC {
	url := "{url}"
	if options[squareURL] != "" {
		url = "{option:" + squareURL + "}"
	}
	return verifiers.HMAC{Hash: verifiers.SHA256, Signed: verifiers.Signed{
		Signature: verifiers.Header("X-Square-Hmacsha256-Signature"),
		Encoding:  verifiers.Base64,
		Content:   url + "{body}",
	}}
}

// Build returns a verifier.
func (s squareScheme) Build(provider string, cfg verifiers.Config) (verifiers.Verifier, error) {
	return s.hmac(cfg.Options).Build(provider, cfg)
}

// Sign adds the signature.
func (s squareScheme) Sign(req *verifiers.Request, cfg verifiers.Config) error {
	return s.hmac(cfg.Options).Sign(req, cfg)
}

// Places says where the signature is if the option is not set.
func (s squareScheme) Places() verifiers.Places { return s.hmac(nil).Places() }

// Interface guards.
var (
	_ verifiers.Signer = squareScheme{}
	_ verifiers.Placer = squareScheme{}
)
