package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Jobber signs the body only, with the app's OAuth secret. It waits about a
// second for the answer. The id is made of time, object and topic.
var Jobber = add(verifiers.Provider{
	Name:  "jobber",
	Title: "Jobber",
	Docs:  "https://developer.getjobber.com/docs/using_jobbers_api/setting_up_webhooks/",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Jobber-Hmac-SHA256"),
			Encoding:  verifiers.Base64,
			Content:   "{body}",
		},
	},
	SecretHint: "the app's OAuth client secret",
	ID: verifiers.Join(".",
		verifiers.JSON("/data/webHookEvent/occurredAt"), verifiers.JSON("/data/webHookEvent/itemId"), verifiers.JSON("/data/webHookEvent/topic"),
	),
	Type:       verifiers.JSON("/data/webHookEvent/topic"),
	Time:       verifiers.JSON("/data/webHookEvent/occurredAt"),
	TypePrefix: "com.getjobber",
	NeedsJSON:  true,
	Deadline:   time.Second,

	Category: "crm",
	Setup:    "Add the webhook on the app's page in the Developer Center. The key is the app's OAuth client secret.",
	Retries:  "Not documented.",
	Sources: []string{
		"https://developer.getjobber.com/docs/using_jobbers_api/setting_up_webhooks/",
	},
	Confidence: verifiers.Medium,
})
