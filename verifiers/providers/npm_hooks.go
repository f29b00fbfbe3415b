package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// The registry signs the body with the secret of the hook. It has no id of a
// delivery: what happened, to which version and when make one. Other registries
// imitate header and body.
var NPMHooks = add(verifiers.Provider{
	Name:    "npm-hooks",
	Aliases: []string{"npm"},
	Title:   "npm registry hooks",
	Docs:    "https://docs.npmjs.com/cli/commands/npm-hook",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Npm-Signature").Trim("sha256="),
			Content:   "{body}",
		},
	},
	SecretHint: "the secret given to npm hook add",
	ID:         verifiers.Join(".", verifiers.JSON("/time"), verifiers.JSON("/event"), verifiers.JSON("/name"), verifiers.JSON("/change/version")),
	Type:       verifiers.JSON("/event"),
	Time:       verifiers.JSON("/time"),
	TypePrefix: "com.npmjs",
	NeedsJSON:  true,

	Category: "dev",
	Setup:    "Add the hook with npm hook add <package> <url> <secret>.",
	Retries:  "Not documented.",
	Sources: []string{
		"https://docs.npmjs.com/cli/commands/npm-hook",
	},
	Confidence: verifiers.Medium,
})
