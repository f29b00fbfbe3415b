package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Terraform signs with SHA-512. When a notification is created or enabled, one
// with the trigger verification is sent and must get a 2xx: it is signed and
// published like the others.
var TerraformCloud = add(verifiers.Provider{
	Name:  "terraform-cloud",
	Title: "HCP Terraform (notifications)",
	Docs:  "https://developer.hashicorp.com/terraform/cloud-docs/api-docs/notification-configurations",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA512,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-TFE-Notification-Signature"),
			Content:   "{body}",
		},
	},
	SecretHint: "the token of the notification",
	ID:         verifiers.Join(".", verifiers.JSON("/run_id"), verifiers.JSON("/notifications/0/trigger"), verifiers.JSON("/notifications/0/run_status")),
	Type:       verifiers.JSON("/notifications/0/trigger"),
	Time:       verifiers.JSON("/notifications/0/run_updated_at"),
	TypePrefix: "io.terraform",
	Aliases:    []string{"terraform-enterprise"},
	NeedsJSON:  true,

	Addresses: []verifiers.AddressList{{URL: "https://app.terraform.io/api/meta/ip-ranges", Pointers: []string{"/notifications"}}},

	Category: "infra",
	Setup:    "Add a notification of the kind webhook under Settings > Notifications of the workspace, with a token.",
	Retries:  "Not documented.",
	Notes: []string{
		"The hash is SHA-512.",
		"Without a token there is no signature, and nothing is accepted.",
		"The verification has no run: it gets an id of the gateway.",
	},
	Sources: []string{
		"https://developer.hashicorp.com/terraform/cloud-docs/api-docs/notification-configurations",
		"https://github.com/hashicorp/go-tfe",
		"https://developer.hashicorp.com/terraform/cloud-docs/api-docs/ip-ranges",
	},
	Confidence: verifiers.Medium,
})
