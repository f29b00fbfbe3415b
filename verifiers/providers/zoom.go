package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Zoom signs like Slack. Every 72 hours it checks the URL with a token whose
// HMAC it wants back; that request is signed, and only then answered.
var Zoom = add(verifiers.Provider{
	Name:  "zoom",
	Title: "Zoom",
	Docs:  "https://developers.zoom.us/docs/api/webhooks/",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Zm-Signature").Trim("v0="),
			Content:   "v0:{timestamp}:{body}",
			Timestamp: verifiers.Header("X-Zm-Request-Timestamp"),
			Tolerance: 5 * time.Minute,
		},
	},
	SecretHint: "the secret token of the app",
	ID:         verifiers.Join(".", verifiers.JSON("/event_ts"), verifiers.JSON("/event"), verifiers.First(verifiers.JSON("/payload/object/uuid"), verifiers.JSON("/payload/object/id")), verifiers.First(verifiers.JSON("/payload/object/participant/participant_uuid"), verifiers.JSON("/payload/object/participant/user_id"))),
	Type:       verifiers.JSON("/event"),
	Time:       verifiers.JSON("/event_ts"),
	TypePrefix: "us.zoom",
	NeedsJSON:  true,
	Deadline:   3 * time.Second,
	RetrySpan:  3 * time.Hour,
	Handshakes: []verifiers.Handshake{{
		Name:   "url_validation",
		When:   []verifiers.Match{verifiers.JSON("/event").Is("endpoint.url_validation")},
		Signed: true,
		Reply: verifiers.Reply{
			ContentType: "application/json",
			Template:    `{{"plainToken":"{json:/payload/plainToken}","encryptedToken":"{proof}"}}`,
			Proof:       &verifiers.Proof{Hash: verifiers.SHA256, Content: "{json:/payload/plainToken}"},
		},
	}},

	Category: "comms",
	Setup:    "Add an event subscription to the app and validate the URL; the secret token is on the same page.",
	Retries:  "Three times, after 5, 30 and 90 minutes, after a 5xx or no answer.",
	Notes: []string{
		"The token in the header Authorization of old apps is not looked at.",
		"X-Zm-Trackingid is of the request and not of the event.",
	},
	Sources: []string{
		"https://developers.zoom.us/docs/api/webhooks/",
		"npm @zoom/rivet@0.4.0",
	},
	Confidence: verifiers.Medium,
})
