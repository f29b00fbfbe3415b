package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Argo CD signs nothing and sends what a template says: header, body and method
// are the user's, and the method is GET unless the template says otherwise. Id,
// type and time are looked for under the names of CloudEvents.
var ArgoCDNotifications = add(verifiers.Provider{
	Name:       "argocd-notifications",
	Aliases:    []string{"argocd"},
	Title:      "Argo CD notifications",
	Docs:       "https://argo-cd.readthedocs.io/en/stable/operator-manual/notifications/services/webhook/",
	Scheme:     headerToken{preset: "Authorization"},
	SecretHint: "the whole value of the header, as you wrote it",
	ID:         verifiers.JSON("/id"),
	Type:       verifiers.JSON("/type"),
	Time:       verifiers.JSON("/time"),
	TypePrefix: "io.argoproj",
	Options:    []verifiers.Option{headerToken{preset: "Authorization"}.option()},
	Methods:    []string{"POST", "PUT", "PATCH"},
	Final4xx:   true,

	Category: "infra",
	Setup:    "Add a service.webhook entry with a header Authorization and a long random text as its value to argocd-notifications-cm, and a template with the method POST and a JSON body with id, type and time.",
	Retries:  "Three times by default, after errors of the network and 5xx.",
	Notes: []string{
		"Nothing is signed.",
		"The method is GET by default and has to be set to POST.",
		"A 4xx is not repeated.",
	},
	Sources: []string{
		"https://argo-cd.readthedocs.io/en/stable/operator-manual/notifications/services/webhook/",
		"https://github.com/argoproj/notifications-engine pkg/services/webhook.go",
	},
	Confidence: verifiers.High,
})
