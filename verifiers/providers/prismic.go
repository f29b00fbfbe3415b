package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Prismic puts its secret into the body, so that it is part of what is
// published: consumers see it. A header Authorization, which can be added to a
// webhook, is the better place and is looked at first. Nothing is signed, and no
// delivery has an id. Only a 200 counts as success.
var Prismic = add(verifiers.Provider{
	Name:         "prismic",
	Title:        "Prismic",
	Docs:         "https://prismic.io/docs/webhooks",
	Scheme:       verifiers.Token{Source: verifiers.First(verifiers.Header("Authorization"), verifiers.JSON("/secret"))},
	SecretHint:   "the value of the webhook's header Authorization, or its secret",
	Type:         verifiers.JSON("/type"),
	TypePrefix:   "io.prismic",
	ContentTypes: []string{"application/json"},
	NeedsJSON:    true,
	RetrySpan:    time.Hour,

	Category: "saas",
	Setup:    "Create the webhook under Settings > Webhooks with a custom header Authorization, or with a secret.",
	Retries:  "Every ten minutes up to five times on anything but 200; the webhook is switched off after five failures in a row.",
	Notes: []string{
		"The secret is a member of the body and reaches consumers; a custom header Authorization does not.",
		"Only 200 counts: a 202 or 204 is tried again.",
		"There is no signature: whoever learns the secret can send events.",
	},
	Sources: []string{
		"https://prismic.io/docs/webhooks",
	},
	Confidence: verifiers.High,
})
