package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// ClickUp signs the body; each webhook has a secret of its own.
var ClickUp = add(verifiers.Provider{
	Name:  "clickup",
	Title: "ClickUp",
	Docs:  "https://developer.clickup.com/docs/webhooksignature",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Signature"),
			Content:   "{body}",
		},
	},
	SecretHint: "the secret of the webhook",
	ID:         verifiers.First(verifiers.Join(".", verifiers.JSON("/history_items/0/id"), verifiers.JSON("/webhook_id")), verifiers.Join(".", verifiers.First(verifiers.JSON("/task_id"), verifiers.JSON("/list_id"), verifiers.JSON("/folder_id"), verifiers.JSON("/space_id"), verifiers.JSON("/goal_id"), verifiers.JSON("/key_result_id")), verifiers.JSON("/event"), verifiers.JSON("/webhook_id"))),
	Type:       verifiers.JSON("/event"),
	Time:       verifiers.JSON("/history_items/0/date"),
	TypePrefix: "com.clickup",
	NeedsJSON:  true,
	Deadline:   7 * time.Second,

	Category: "saas",
	Setup:    "Create the webhook with the API; its secret is in the answer.",
	Retries:  "Five times by report; a webhook that fails a hundred times is suspended.",
	Notes: []string{
		"Webhooks of automations are not signed.",
	},
	Sources: []string{
		"https://developer.clickup.com/docs/webhooksignature",
	},
	Confidence: verifiers.Medium,
})
