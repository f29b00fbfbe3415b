package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Azure DevOps signs nothing: HTTP basic authentication is all there is.
var AzureDevOps = add(verifiers.Provider{
	Name:       "azure-devops",
	Title:      "Azure DevOps (service hooks)",
	Docs:       "https://learn.microsoft.com/en-us/azure/devops/service-hooks/services/webhooks",
	Scheme:     verifiers.Basic{},
	SecretHint: "user:password, as entered in the subscription",
	ID:         verifiers.JSON("/id"),
	Type:       verifiers.JSON("/eventType"),
	Time:       verifiers.JSON("/createdDate"),
	TypePrefix: "com.azure.devops",
	NeedsJSON:  true,
	MaxBody:    4 << 20,

	Category: "dev",
	Setup:    "Add a subscription under Project settings > Service hooks > Web Hooks, with https, a user name and a password.",
	Retries:  "A few times after transient failures; a subscription that keeps failing is put on probation and then switched off.",
	Notes: []string{
		"Nothing is signed.",
		"The level of detail chosen for the subscription changes the shape of the JSON.",
	},
	Sources: []string{
		"https://learn.microsoft.com/en-us/azure/devops/service-hooks/services/webhooks",
	},
	Confidence: verifiers.High,
})
