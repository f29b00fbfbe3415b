package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Render follows Standard Webhooks. Words in its documentation can be read as if
// the secret were part of the signed text; code in use does not do so.
var Render = add(verifiers.Provider{
	Name:         "render",
	Title:        "Render",
	Docs:         "https://render.com/docs/webhooks",
	Scheme:       verifiers.StandardWebhooks(),
	SecretHint:   "the webhook's signing secret, whsec_ and base64",
	ID:           verifiers.Header("Webhook-Id"),
	Type:         verifiers.JSON("/type"),
	Time:         verifiers.JSON("/timestamp"),
	TypePrefix:   "com.render",
	ContentTypes: []string{"application/json"},
	NeedsJSON:    true,

	Category: "infra",
	Setup:    "Create the webhook under Integrations > Webhooks of the workspace; the signing secret is on its page.",
	Retries:  "Repeated under the same Webhook-Id.",
	Notes: []string{
		"Events are thin: details are fetched through the API.",
	},
	Sources: []string{
		"https://render.com/docs/webhooks",
		"https://github.com/superplanehq/superplane pkg/integrations/render",
	},
	Confidence: verifiers.Medium,
})
