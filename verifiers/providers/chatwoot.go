package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Chatwoot has not always signed: older servers send no signature, and
// nothing of theirs is accepted. The id is in a header that is not signed. A
// signature over the body alone, as some examples show it, is not what the
// server sends.
var Chatwoot = add(verifiers.Provider{
	Name:  "chatwoot",
	Title: "Chatwoot",
	Docs:  "https://www.chatwoot.com/docs/product/others/webhooks",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Chatwoot-Signature").Trim("sha256="),
			Timestamp: verifiers.Header("X-Chatwoot-Timestamp"),
			Content:   "{timestamp}.{body}",
			Tolerance: 5 * time.Minute,
		},
	},
	SecretHint: "the webhook's secret; API-channel inboxes have one of their own",
	ID:         verifiers.Header("X-Chatwoot-Delivery"),
	Type:       verifiers.JSON("/event"),
	TypePrefix: "com.chatwoot",
	NeedsJSON:  true,

	Category: "crm",
	Setup:    "Add the webhook under Settings > Integrations > Webhooks and copy its secret.",
	Retries:  "Not documented.",
	Notes: []string{
		"Some self-hosted servers sign the events of an API-channel inbox with another key than the API shows.",
	},
	Sources: []string{
		"https://www.chatwoot.com/docs/product/others/webhooks",
		"https://github.com/chatwoot/chatwoot/issues/13809",
	},
	Confidence: verifiers.Medium,
})
