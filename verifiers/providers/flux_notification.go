package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// FluxNotification is the notification controller's provider of type
// generic-hmac; the plain generic type signs nothing. The body holds the object,
// the reason and the time, so that the signature stands for the event.
var FluxNotification = add(verifiers.Provider{
	Name:    "flux-notification",
	Aliases: []string{"flux"},
	Title:   "Flux (notification controller)",
	Docs:    "https://fluxcd.io/flux/components/notification/providers/#generic-webhook-with-hmac",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Signature").Trim("sha256="),
			Content:   "{body}",
		},
	},
	SecretHint:   "the token in the Secret that the Provider refers to",
	ID:           verifiers.Header("X-Signature").Trim("sha256=").Lower(),
	Type:         verifiers.JSON("/reason"),
	Time:         verifiers.JSON("/timestamp"),
	TypePrefix:   "io.fluxcd",
	ContentTypes: []string{"application/json"},
	NeedsJSON:    true,

	Category: "dev",
	Setup:    "Create a Provider of the type generic-hmac with the URL as address and a Secret with a member token, and an Alert that refers to it.",
	Retries:  "A few, by the HTTP client.",
	Notes: []string{
		"The type generic is not signed: it has to be generic-hmac.",
	},
	Sources: []string{
		"https://fluxcd.io/flux/components/notification/providers/",
		"https://github.com/fluxcd/notification-controller internal/notifier/forwarder.go",
	},
	Confidence: verifiers.High,
})
