package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Transloadit sends a form: the field transloadit is JSON text, and the field
// signature is the HMAC of that text, with the name of the hash before it. Old
// accounts sign with SHA-1, and those write no name. The text is signed as it
// is after the form was decoded.
var Transloadit = add(verifiers.Provider{
	Name:  "transloadit",
	Title: "Transloadit",
	Docs:  "https://transloadit.com/docs/topics/assembly-notifications/",
	Scheme: namedHMAC{
		signature: verifiers.Form("signature"),
		sep:       ":",
		content:   "{form:transloadit}",
		hashes:    []verifiers.Hash{verifiers.SHA384, verifiers.SHA512, verifiers.SHA256, verifiers.SHA1},
		bare:      verifiers.SHA1,
	},
	Options:    []verifiers.Option{namedOption},
	SecretHint: "the account's auth secret",
	ID:         verifiers.Join(".", verifiers.Form("transloadit").Inner("/assembly_id"), verifiers.Form("transloadit").Inner("/ok")),
	Type:       verifiers.First(verifiers.Form("transloadit").Inner("/ok"), verifiers.Form("transloadit").Inner("/error")),
	Time:       verifiers.Form("transloadit").Inner("/last_job_completed"),
	TypePrefix: "com.transloadit",
	MaxBody:    8 << 20,

	Category: "media",
	Setup:    "Set notify_url in the assembly's instructions, and switch signature authentication on. The auth secret is under Credentials.",
	Signs:    "The value of the form field transloadit, with HMAC and the hash that the field signature names",
	Retries:  "Not documented.",
	Notes: []string{
		"Restrict the option hashes to sha384 if the account no longer signs with SHA-1.",
		"Nothing but the field transloadit is signed.",
	},
	Sources: []string{
		"https://transloadit.com/docs/topics/assembly-notifications/",
		"npm @transloadit/utils@4.8.1 verifyWebhookSignature",
	},
	Confidence: verifiers.High,
})
