package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Plain has no timestamp in a header: the time of the attempt is a member of
// the body, which is signed. The id stays the same when a delivery is repeated,
// that of the attempt does not.
var Plain = add(verifiers.Provider{
	Name:  "plain",
	Title: "Plain",
	Docs:  "https://www.plain.com/docs/api-reference/webhooks",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("Plain-Request-Signature"),
			Timestamp: verifiers.JSON("/webhookMetadata/webhookDeliveryAttemptTimestamp"),
			Unit:      verifiers.RFC3339,
			Content:   "{body}",
			Tolerance: 5 * time.Minute,
		},
	},
	SecretHint: "the workspace's request signing secret, under Settings > Request signing",
	ID:         verifiers.JSON("/id"),
	Type:       verifiers.First(verifiers.JSON("/payload/eventType"), verifiers.JSON("/type")),
	Time:       verifiers.JSON("/timestamp"),
	TypePrefix: "com.plain",
	Varies: []string{
		"/webhookMetadata/webhookDeliveryAttemptId",
		"/webhookMetadata/webhookDeliveryAttemptNumber",
		"/webhookMetadata/webhookDeliveryAttemptTimestamp",
	},
	NeedsJSON: true,

	Category: "crm",
	Setup:    "Add the webhook target under Settings > Webhooks. One secret, under Settings > Request signing, is for all targets of the workspace.",
	Retries:  "Failed deliveries are repeated; the schedule is not documented.",
	Sources: []string{
		"https://www.plain.com/docs/api-reference/webhooks",
		"npm @team-plain/typescript-sdk@5.12.1 verifyPlainWebhook",
	},
	Confidence: verifiers.High,
})
