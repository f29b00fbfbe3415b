package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Smartcar signs the body with the management token. Setting the webhook up asks
// for the HMAC of a challenge under the same token, in a request that nobody can
// verify. What is computed there never fits an event: a challenge with a
// quotation mark or a brace that JSON needs is not answered.
var Smartcar = add(verifiers.Provider{
	Name:  "smartcar",
	Title: "Smartcar",
	Docs:  "https://smartcar.com/docs/webhooks/verify-signature",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("SC-Signature"),
			Content:   "{body}",
		},
	},
	SecretHint: "the application management token",
	ID:         verifiers.First(verifiers.JSON("/eventId"), verifiers.JSON("/meta/deliveryId")),
	Type:       verifiers.First(verifiers.JSON("/eventType"), verifiers.JSON("/eventName")),
	TypePrefix: "com.smartcar",
	NeedsJSON:  true,
	Handshakes: []verifiers.Handshake{
		smartcarVerify("/data/challenge"),
		smartcarVerify("/payload/challenge"),
	},

	Category: "saas",
	Setup:    "Create the webhook in the dashboard and let it verify the URL; the application management token is under Configuration.",
	Retries:  "With growing pauses.",
	Notes: []string{
		"The SDK writes the JSON anew before it hashes; Smartcar sends it as that would write it, and only the raw body is right in every language.",
	},
	Sources: []string{
		"https://smartcar.com/docs/webhooks/verify-signature",
		"npm smartcar@10.4.0 verifyPayload",
		"https://github.com/smartcar/node-sdk test/unit/index.js",
	},
	Confidence: verifiers.High,
})

func smartcarVerify(challenge string) verifiers.Handshake {
	return verifiers.Handshake{
		Name: "verify",
		When: []verifiers.Match{
			verifiers.First(verifiers.JSON("/eventType"), verifiers.JSON("/eventName")).Is("VERIFY"),
			verifiers.JSON(challenge).Present(),
		},
		Reply: verifiers.Reply{
			ContentType: "application/json",
			Template:    `{{"challenge":"{proof}"}}`,
			Proof:       &verifiers.Proof{Hash: verifiers.SHA256, Content: "{json:" + challenge + "}"},
		},
	}
}
