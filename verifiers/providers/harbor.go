package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Harbor signs nothing: it sends the auth header of the policy as Authorization,
// word for word, so that a word such as Bearer is part of the secret if it was
// written there. Of its two formats only CloudEvents has an id.
var Harbor = add(verifiers.Provider{
	Name:         "harbor",
	Title:        "Harbor",
	Docs:         "https://goharbor.io/docs/latest/working-with-projects/project-configuration/configure-webhooks/",
	Scheme:       verifiers.Token{Source: verifiers.Header("Authorization")},
	SecretHint:   "the auth header of the policy, word for word",
	ID:           verifiers.JSON("/id"),
	Type:         verifiers.JSON("/type"),
	Time:         verifiers.First(verifiers.JSON("/time"), verifiers.JSON("/occur_at")),
	TypePrefix:   "io.goharbor",
	NeedsJSON:    true,
	Deadline:     3 * time.Second,
	ContentTypes: []string{"application/json", "application/cloudevents+json"},

	Category: "infra",
	Setup:    "Add a policy under Webhooks of the project with a long random text as Auth Header, and choose CloudEvents as the payload format so that events have ids.",
	Retries:  "Three times by default.",
	Notes: []string{
		"Nothing is signed.",
		"The default format has no id.",
		"The whole value of Authorization is the secret, Bearer or Basic included.",
	},
	Sources: []string{
		"https://goharbor.io/docs/latest/working-with-projects/project-configuration/configure-webhooks/",
		"https://github.com/goharbor/harbor src/jobservice/job/impl/notification/webhook_job.go, src/pkg/notifier/formats/cloudevents.go",
	},
	Confidence: verifiers.High,
})
