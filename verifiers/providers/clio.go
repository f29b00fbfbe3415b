package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Clio delivers the secret of a webhook in a header of its first request, which
// nobody can verify, and wants it back.
var Clio = add(verifiers.Provider{
	Name:  "clio",
	Title: "Clio",
	Docs:  "https://docs.developers.clio.com/api-reference/#tag/Webhooks",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Hook-Signature"),
			Content:   "{body}",
		},
	},
	SecretHint: "the X-Hook-Secret that Clio delivers when the webhook is created, as it is",
	ID:         verifiers.Join(".", verifiers.JSON("/meta/webhook_id"), verifiers.JSON("/meta/event"), verifiers.JSON("/data/id"), verifiers.JSON("/data/etag")),
	Type:       verifiers.JSON("/meta/event"),
	TypePrefix: "com.clio",
	NeedsJSON:  true,
	Handshakes: []verifiers.Handshake{{
		Name:    "hook_secret",
		When:    []verifiers.Match{verifiers.Header("X-Hook-Secret").Present()},
		Capture: verifiers.Header("X-Hook-Secret"),
		Reply:   verifiers.Reply{Status: 200, Header: map[string]string{"X-Hook-Secret": "{header:X-Hook-Secret}"}},
	}},

	Category: "saas",
	Setup:    "Configure capture_secret and create the webhook with the API: Clio delivers the secret then. It can also be read with the API.",
	Retries:  "Not documented.",
	Notes: []string{
		"Webhooks end after 3 days unless another time, of 31 days at most, is given: renew them.",
		"Each webhook has a secret of its own: give each a route.",
	},
	Sources: []string{
		"https://docs.developers.clio.com/api-reference/#tag/Webhooks",
	},
	Confidence: verifiers.Medium,
})
