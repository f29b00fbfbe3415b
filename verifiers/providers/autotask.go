package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Autotask writes base64 after "sha1=", where others that use the header write
// hexadecimal digits. Guid is the webhook's own id and the same for all of its
// events; what names an event is the rest of the envelope.
var Autotask = add(verifiers.Provider{
	Name:  "autotask",
	Title: "Datto Autotask PSA",
	Docs:  "https://www.autotask.net/help/developerhelp/Content/APIs/Webhooks/SecretKeyPayloadVerification.htm",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA1,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Hook-Signature").Trim("sha1="),
			Encoding:  verifiers.Base64,
			Content:   "{body}",
		},
	},
	SecretHint: "the webhook's secret key, up to 64 characters",
	ID: verifiers.Join(".",
		verifiers.First(verifiers.JSON("/SequenceNumber"), verifiers.JSON("/EventTime")), verifiers.JSON("/EventTime"), verifiers.JSON("/EntityType"),
		verifiers.JSON("/Id"), verifiers.JSON("/Action"), verifiers.JSON("/Guid"),
	),
	Type:       verifiers.Join(".", verifiers.JSON("/EntityType"), verifiers.JSON("/Action")),
	Time:       verifiers.JSON("/EventTime"),
	TypePrefix: "net.autotask",
	NeedsJSON:  true,

	Category: "crm",
	Setup:    "Create the webhook under Admin > Extensions & Integrations, or with the REST API, and set its secret key.",
	Retries:  "Not documented.",
	Notes: []string{
		"The signature is base64 after sha1=, not hexadecimal.",
	},
	Sources: []string{
		"https://www.autotask.net/help/developerhelp/Content/APIs/Webhooks/SecretKeyPayloadVerification.htm",
		"https://nango.dev/docs/api-integrations/autotask/webhooks",
	},
	Confidence: verifiers.High,
})
