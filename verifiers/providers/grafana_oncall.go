package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Grafana OnCall signs nothing: it sends what the user writes into a header.
var GrafanaOnCall = add(verifiers.Provider{
	Name:       "grafana-oncall",
	Title:      "Grafana OnCall",
	Docs:       "https://grafana.com/docs/oncall/latest/configure/integrations/outgoing-webhooks/",
	Scheme:     headerToken{preset: "Authorization"},
	SecretHint: "the whole text of the header, as you wrote it",
	ID:         verifiers.Join(".", verifiers.JSON("/alert_group_id"), verifiers.JSON("/event/type"), verifiers.JSON("/event/time")),
	Type:       verifiers.JSON("/event/type"),
	Time:       verifiers.JSON("/event/time"),
	TypePrefix: "com.grafana.oncall",
	Options:    []verifiers.Option{headerToken{preset: "Authorization"}.option()},
	Deadline:   4 * time.Second,

	Category: "infra",
	Setup:    "Create an outgoing webhook and write a long random text as its authorization header, or as another header that the option names.",
	Retries:  "Not documented.",
	Notes: []string{
		"Nothing is signed.",
		"URL, headers and body are templates: the id needs the default body.",
	},
	Sources: []string{
		"https://grafana.com/docs/oncall/latest/configure/integrations/outgoing-webhooks/",
	},
	Confidence: verifiers.High,
})
