package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Crisp signs "[timestamp;body]". In which unit the timestamp is written is
// reported in different ways, so it limits no replay; deduplication does. Its
// library signs the JSON anew after it was decoded, which fails where a number
// or an escape is written in another way; here the bytes as received count.
var Crisp = add(verifiers.Provider{
	Name:  "crisp",
	Title: "Crisp",
	Docs:  "https://docs.crisp.chat/guides/web-hooks/signing/",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Crisp-Signature"),
			Content:   "[{header:X-Crisp-Request-Timestamp};{body}]",
		},
	},
	SecretHint: "the hook's signing secret",
	ID: verifiers.Join(".",
		verifiers.JSON("/timestamp"), verifiers.JSON("/event"), verifiers.JSON("/website_id"),
		verifiers.JSON("/data/session_id"), verifiers.JSON("/data/fingerprint"),
	),
	Type:       verifiers.JSON("/event"),
	Time:       verifiers.JSON("/timestamp"),
	TypePrefix: "chat.crisp",
	NeedsJSON:  true,
	Headers:    []string{"X-Crisp-Hook-Origin"},

	Category: "crm",
	Setup:    "Add the hook under Settings > Advanced > Web Hooks of the website, or to the plugin in the Marketplace. Its signing secret is shown beside it.",
	Retries:  "Failed deliveries are repeated; the schedule is not documented.",
	Sources: []string{
		"https://docs.crisp.chat/guides/web-hooks/signing/",
		"npm crisp-api@11.3.0 verifyHook",
	},
	Confidence: verifiers.Medium,
})
