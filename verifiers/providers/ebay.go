package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// eBay's header is base64 of JSON with the id of a key and the signature, with
// ECDSA and SHA-1. Its keys are behind a login, so that the operator configures
// them. What the header says about algorithm and digest is not followed. The URL
// is checked with a code whose hash, with a token and the URL, goes back.
var EBay = add(verifiers.Provider{
	Name:  "ebay",
	Title: "eBay (notifications)",
	Docs:  "https://developer.ebay.com/develop/guides-v2/marketplace-user-account-deletion/marketplace-user-account-deletion",
	Scheme: verifiers.ECDSA{
		Hash: verifiers.SHA1,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Ebay-Signature").Base64("/signature"),
			Encoding:  verifiers.Base64,
			Content:   "{body}",
		},
	},
	SecretHint: "key of getPublicKey, as it is; several while keys are replaced",
	ID:         verifiers.JSON("/notification/notificationId"),
	Type:       verifiers.JSON("/metadata/topic"),
	Time:       verifiers.JSON("/notification/eventDate"),
	TypePrefix: "com.ebay",
	Options: []verifiers.Option{
		{Name: "verification_token", Required: true, Secret: true, Doc: "The verification token that you entered with the endpoint."},
		{Name: "endpoint", Required: true, Example: "https://hooks.example.com/ebay", Doc: "The endpoint exactly as you entered it."},
	},
	NeedsJSON: true,
	Varies:    []string{"/notification/publishAttemptCount", "/notification/publishDate"},
	Handshakes: []verifiers.Handshake{{
		Name:   "challenge",
		Method: "GET",
		When:   []verifiers.Match{verifiers.Query("challenge_code").Present()},
		Reply: verifiers.Reply{
			ContentType: "application/json",
			Template:    `{{"challengeResponse":"{proof}"}}`,
			Proof:       &verifiers.Proof{Hash: verifiers.SHA256, Plain: true, Content: "{query:challenge_code}{option:verification_token}{option:endpoint}"},
		},
	}},

	Category: "commerce",
	Setup:    "Enter the endpoint and a verification token under Alerts & Notifications. Read the key with getPublicKey of the Notification API, with the kid in the header of a notification.",
	Retries:  "Not documented in detail.",
	Notes: []string{
		"Keys are replaced now and then: configure the new one as well when notifications are refused.",
	},
	Sources: []string{
		"https://developer.ebay.com/develop/guides-v2/marketplace-user-account-deletion/marketplace-user-account-deletion",
		"https://github.com/eBay/event-notification-nodejs-sdk",
	},
	Confidence: verifiers.High,
})
