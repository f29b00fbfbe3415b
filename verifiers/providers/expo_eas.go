package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// ExpoEAS signs the body with HMAC-SHA1. A build or submission is reported when
// it is done, so its id and status name the event. Expo Updates has an unrelated
// response header of the same name.
var ExpoEAS = add(verifiers.Provider{
	Name:    "expo-eas",
	Aliases: []string{"expo"},
	Title:   "Expo (EAS)",
	Docs:    "https://docs.expo.dev/eas/webhooks/",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA1,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("Expo-Signature").Trim("sha1="),
			Content:   "{body}",
		},
	},
	SecretHint:   "the secret that you gave to eas webhook:create",
	ID:           verifiers.Join(".", verifiers.JSON("/id"), verifiers.JSON("/status")),
	Type:         verifiers.JSON("/status"),
	Time:         verifiers.JSON("/updatedAt"),
	TypePrefix:   "dev.expo.eas",
	ContentTypes: []string{"application/json"},
	NeedsJSON:    true,

	Category: "dev",
	Setup:    "Run eas webhook:create in the project with the URL, BUILD or SUBMIT, and a long random secret.",
	Retries:  "With growing pauses; how often is not documented.",
	Notes: []string{
		"The body does not say whether it is a build or a submission: use a URL for each.",
	},
	Sources: []string{
		"https://docs.expo.dev/eas/webhooks/",
	},
	Confidence: verifiers.Medium,
})
