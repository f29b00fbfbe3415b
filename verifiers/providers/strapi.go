package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Strapi signs nothing. It sends the headers that are configured with the
// webhook; this entry wants Authorization, which access logs leave out. It sends every
// event once.
var Strapi = add(verifiers.Provider{
	Name:         "strapi",
	Title:        "Strapi",
	Docs:         "https://docs.strapi.io/cms/backend-customization/webhooks",
	Scheme:       verifiers.Token{Source: verifiers.Header("Authorization")},
	SecretHint:   "the whole value of the header Authorization that you added to the webhook",
	Type:         verifiers.JSON("/event"),
	Time:         verifiers.JSON("/createdAt"),
	TypePrefix:   "io.strapi",
	ContentTypes: []string{"application/json"},
	NeedsJSON:    true,
	Deadline:     10 * time.Second,
	NeverRetries: true,
	Headers:      []string{"X-Strapi-Event"},

	Category: "saas",
	Setup:    "Add the webhook under Settings > Webhooks with a header Authorization of a long random value, or set webhooks.defaultHeaders in config/server.",
	Retries:  "None.",
	Notes: []string{
		"There is no signature: whoever learns the value can send events.",
	},
	Sources: []string{
		"https://docs.strapi.io/cms/backend-customization/webhooks",
		"https://github.com/strapi/strapi packages/core/core/src/services/webhook-runner.ts",
	},
	Confidence: verifiers.High,
})
