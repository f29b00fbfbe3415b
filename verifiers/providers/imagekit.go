package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// ImageKit sends the headers of Standard Webhooks, but the key is the text of
// the secret, whsec_ included, and not what its base64 stands for: its library
// encodes the text before it hands it to one that decodes. The header
// x-ik-signature is imagekit-legacy.
var ImageKit = add(verifiers.Provider{
	Name:       "imagekit",
	Title:      "ImageKit",
	Docs:       "https://imagekit.io/docs/webhooks",
	Scheme:     imagekitScheme(),
	SecretHint: "the webhook's secret, as it is shown, not decoded",
	ID:         verifiers.Header("Webhook-Id"),
	Type:       verifiers.JSON("/type"),
	Time:       verifiers.JSON("/created_at"),
	TypePrefix: "io.imagekit",
	NeedsJSON:  true,

	Category: "media",
	Setup:    "Add the webhook under Developer options > Webhooks of the dashboard; its secret is shown there.",
	Retries:  "Not documented.",
	Notes: []string{
		"The secret is used as text with its whsec_, unlike that of Standard Webhooks.",
	},
	Sources: []string{
		"https://imagekit.io/docs/webhooks",
		"npm @imagekit/nodejs@7.11.0 webhooks.unwrap",
	},
	Confidence: verifiers.High,
})

func imagekitScheme() verifiers.HMAC {
	s := verifiers.StandardWebhooks()
	s.Key = verifiers.KeyText
	return s
}
