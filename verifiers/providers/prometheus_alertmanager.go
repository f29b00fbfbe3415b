package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Alertmanager signs nothing: http_config says which credentials it sends. The
// token here is the whole value of Authorization, with Bearer before it as
// http_config writes it. One request is one notification about a group of
// alerts; it is sent again on purpose, so that nothing may stand for an id.
var PrometheusAlertmanager = add(verifiers.Provider{
	Name:       "prometheus-alertmanager",
	Aliases:    []string{"alertmanager"},
	Title:      "Prometheus Alertmanager",
	Docs:       "https://prometheus.io/docs/alerting/latest/configuration/#webhook_config",
	Scheme:     headerToken{preset: "Authorization"},
	SecretHint: "\"Bearer \" and the credentials of http_config.authorization",
	Type:       verifiers.JSON("/status"),
	TypePrefix: "io.prometheus.alertmanager",
	Options:    []verifiers.Option{headerToken{preset: "Authorization"}.option()},
	Final4xx:   true,
	MaxBody:    8 << 20,
	NeedsJSON:  true,

	Category: "infra",
	Setup:    "Add a webhook_config with http_config.authorization.credentials, and configure \"Bearer \" and the same text here.",
	Retries:  "After a 5xx and network errors, with growing pauses within the group interval; not after a 4xx.",
	Notes: []string{
		"Nothing is signed; mutual TLS is the better choice where it can be had.",
		"Reminders of an alert look like retries: both are events of their own.",
	},
	Sources: []string{
		"https://prometheus.io/docs/alerting/latest/configuration/#webhook_config",
		"https://github.com/prometheus/alertmanager notify/webhook/webhook.go",
	},
	Confidence: verifiers.High,
})
