package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// SonarQube sends one kind of webhook, after the analysis of a project. The id
// is that of the analysis. Without a secret there is no signature, and its times
// lack the colon of RFC 3339.
var SonarQube = add(verifiers.Provider{
	Name:    "sonarqube",
	Aliases: []string{"sonarcloud"},
	Title:   "SonarQube Server and SonarQube Cloud",
	Docs:    "https://docs.sonarsource.com/sonarqube-server/latest/project-administration/webhooks/",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Sonar-Webhook-Hmac-Sha256"),
			Content:   "{body}",
		},
	},
	SecretHint:   "the secret of the webhook",
	ID:           verifiers.JSON("/taskId"),
	Type:         verifiers.Const("analysis"),
	TypePrefix:   "com.sonarqube",
	NeedsJSON:    true,
	Deadline:     10 * time.Second,
	NeverRetries: true,
	Headers:      []string{"X-Sonarqube-Project"},

	Category: "dev",
	Setup:    "Create the webhook under Administration > Configuration > Webhooks, or in the settings of the project, with a secret of at least 16 characters.",
	Retries:  "None: a failed delivery is shown and not repeated.",
	Notes: []string{
		"Without a secret there is no signature.",
		"X-SonarQube-Project is not signed.",
	},
	Sources: []string{
		"https://docs.sonarsource.com/sonarqube-server/latest/project-administration/webhooks/",
		"https://github.com/port-labs/ocean integrations/sonarqube",
	},
	Confidence: verifiers.Medium,
})
