package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Terra signs like Stripe: a time and signatures in one header, one of them for
// each secret that is active.
var Terra = add(verifiers.Provider{
	Name:  "terra",
	Title: "Terra",
	Docs:  "https://docs.tryterra.co/reference/health-and-fitness-api/webhooks",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.First(verifiers.Header("Terra-Signature").KV("v1"), verifiers.Header("Terra-Signature").KV("v1").Split(", ")),
			Content:   "{timestamp}.{body}",
			Timestamp: verifiers.Header("Terra-Signature").KV("t"),
			Tolerance: 5 * time.Minute,
		},
	},
	SecretHint: "the signing secret of the destination",
	ID:         verifiers.Header("Terra-Reference"),
	Type:       verifiers.JSON("/type"),
	TypePrefix: "co.tryterra",
	NeedsJSON:  true,
	RetrySpan:  24 * time.Hour,
	MaxBody:    16 << 20,

	Category: "saas",
	Setup:    "Add a webhook destination in the dashboard; its signing secret is shown beside it.",
	Retries:  "Several times within 24 hours.",
	Notes: []string{
		"The id in Terra-Reference is not signed.",
		"Payloads of whole days are large.",
	},
	Sources: []string{
		"https://docs.tryterra.co/reference/health-and-fitness-api/webhooks",
		"npm terra-api@2.1.0",
	},
	Confidence: verifiers.High,
})
