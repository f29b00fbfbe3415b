package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// The whole body of Wix's requests is a JSON Web Token. Its claim data is JSON
// in a string, and the member data of that is again. The published payload is
// the token: consumers decode it.
var Wix = add(verifiers.Provider{
	Name:  "wix",
	Title: "Wix",
	Docs:  "https://dev.wix.com/docs/build-apps/develop-your-app/access/authentication/verify-requests-received-from-wix",
	Scheme: verifiers.JWT{
		Token:      verifiers.Body(),
		Algorithms: []string{"RS256"},
	},
	SecretHint: "the public key of the app, as PEM or its base64",
	ID:         verifiers.Body().Claim("/data").Inner("/data").Inner("/id"),
	Type:       verifiers.Body().Claim("/data").Inner("/eventType"),
	TypePrefix: "com.wix",
	Opaque:     true,
	Deadline:   1250 * time.Millisecond,
	MaxBody:    4 << 20,

	Category: "saas",
	Setup:    "Add the webhook in the dashboard of the app; the public key is on the same page.",
	Signs:    "The token is the body",
	Retries:  "Up to twelve times.",
	Notes: []string{
		"The payload is a token and no JSON: schemas do not apply to it.",
		"Wix waits for a little more than a second.",
	},
	Sources: []string{
		"https://dev.wix.com/docs/build-apps/develop-your-app/access/authentication/verify-requests-received-from-wix",
		"npm @wix/sdk@1.21.16",
	},
	Confidence: verifiers.High,
})
