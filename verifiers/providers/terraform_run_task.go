package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// A run task wants its result later, by a PATCH to a URL in the body with a
// token that is in the body as well: whoever consumes the event has to send it.
// The test on creation has the stage test and is an event like the others.
var TerraformRunTask = add(verifiers.Provider{
	Name:  "terraform-run-task",
	Title: "HCP Terraform (run tasks)",
	Docs:  "https://developer.hashicorp.com/terraform/cloud-docs/integrations/run-tasks",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA512,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-TFC-Task-Signature"),
			Content:   "{body}",
		},
	},
	SecretHint: "the HMAC key of the run task",
	ID:         verifiers.JSON("/task_result_id"),
	Type:       verifiers.JSON("/stage"),
	Time:       verifiers.JSON("/run_created_at"),
	TypePrefix: "io.terraform.runtask",
	NeedsJSON:  true,

	Category: "infra",
	Setup:    "Create a run task under Settings > Run tasks of the organization, with an HMAC key.",
	Retries:  "Not documented.",
	Notes: []string{
		"The payload holds an access token: treat stored events as secrets.",
		"The hash is SHA-512.",
		"Without a PATCH the run waits until the task times out.",
	},
	Sources: []string{
		"https://developer.hashicorp.com/terraform/cloud-docs/integrations/run-tasks",
		"https://github.com/hashicorp/go-tfe",
	},
	Confidence: verifiers.High,
})
