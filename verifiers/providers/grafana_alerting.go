package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Grafana signs if a secret is set for the contact point. The name of the header
// can be changed there, and one for the time can be added, which then is signed
// as well; the options name both. One request is one notification about a group
// of alerts.
var GrafanaAlerting = add(verifiers.Provider{
	Name:       "grafana-alerting",
	Title:      "Grafana (alerting)",
	Docs:       "https://grafana.com/docs/grafana/latest/alerting/configure-notifications/manage-contact-points/integrations/webhook-notifier/",
	Scheme:     grafanaScheme{},
	SecretHint: "the HMAC secret of the contact point",
	Type:       verifiers.JSON("/status"),
	TypePrefix: "com.grafana.alerting",
	Options: []verifiers.Option{
		{Name: grafanaSignature, Doc: "The header of the signature, where the contact point has another than X-Grafana-Alerting-Signature.", Example: "X-Grafana-Alerting-Signature"},
		{Name: grafanaTimestamp, Doc: "The timestamp header of the contact point; without it no time is signed.", Example: "X-Grafana-Alerting-Timestamp"},
	},
	Methods: []string{"POST", "PUT"},
	MaxBody: 4 << 20,

	// Those of Grafana Cloud: alerts of data sources, and of Grafana itself.
	Addresses: []verifiers.AddressList{
		{URL: "https://grafana.com/api/hosted-alerts/source-ips.txt"},
		{URL: "https://grafana.com/api/hosted-grafana/source-ips.txt"},
	},

	Category: "infra",
	Setup:    "Add a contact point of the kind webhook and set an HMAC secret, and a timestamp header such as X-Grafana-Alerting-Timestamp, under its optional settings.",
	Signs:    "HMAC-SHA256 over the body, or over time and body with a colon between them",
	Retries:  "Only as the alert is sent again by its schedule.",
	Notes: []string{
		"Signing is optional and off unless a secret is set; Grafana 12 or later is needed.",
		"Without a timestamp header nothing but deduplication limits replay, and notifications have no id.",
		"A payload template of your own may replace the JSON.",
	},
	Sources: []string{
		"https://grafana.com/docs/grafana/latest/alerting/configure-notifications/manage-contact-points/integrations/webhook-notifier/",
		"https://github.com/grafana/alerting http/hmac.go",
		"https://grafana.com/docs/grafana-cloud/reference/allow-list/",
	},
	Confidence: verifiers.High,
})

const (
	grafanaSignature = "signature_header"
	grafanaTimestamp = "timestamp_header"
)

// grafanaScheme is an HMAC whose headers the user names.
type grafanaScheme struct{}

func (grafanaScheme) hmac(options map[string]string) verifiers.HMAC {
	s := verifiers.Signed{Signature: verifiers.Header("X-Grafana-Alerting-Signature"), Content: "{body}"}
	if name := options[grafanaSignature]; name != "" {
		s.Signature = verifiers.Header(name)
	}
	if name := options[grafanaTimestamp]; name != "" {
		s.Timestamp, s.Content = verifiers.Header(name), "{timestamp}:{body}"
	}
	return verifiers.HMAC{Hash: verifiers.SHA256, Signed: s}
}

// Build returns a verifier for the headers of the options.
func (g grafanaScheme) Build(provider string, cfg verifiers.Config) (verifiers.Verifier, error) {
	return g.hmac(cfg.Options).Build(provider, cfg)
}

// Sign adds the signature.
func (g grafanaScheme) Sign(req *verifiers.Request, cfg verifiers.Config) error {
	return g.hmac(cfg.Options).Sign(req, cfg)
}

// Places says where the signature is if no option is set.
func (g grafanaScheme) Places() verifiers.Places { return g.hmac(nil).Places() }

// Interface guards.
var (
	_ verifiers.Signer = grafanaScheme{}
	_ verifiers.Placer = grafanaScheme{}
)
