package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Slack signs its url_verification handshake like any event, so the challenge
// is answered only after verification. It does not sign ssl_check, which only
// looks at the server's certificate: it is answered with nothing and never
// published. Events are JSON; slash commands (type "/command") and
// interactivity are forms, are not retried, and show the user whatever the
// answer says, which therefore is empty. The secret is not hexadecimal, although
// it looks so.
var Slack = add(verifiers.Provider{
	Name:  "slack",
	Title: "Slack",
	Docs:  "https://docs.slack.dev/authentication/verifying-requests-from-slack",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Slack-Signature").Trim("v0="),
			Timestamp: verifiers.Header("X-Slack-Request-Timestamp"),
			Content:   "v0:{timestamp}:{body}",
			Tolerance: 5 * time.Minute,
		},
	},
	SecretHint: "the app's Signing Secret, under Basic Information > App Credentials",
	ID:         verifiers.First(verifiers.JSON("/event_id"), verifiers.Form("trigger_id")),
	Type:       verifiers.First(verifiers.JSON("/event/type"), verifiers.JSON("/type"), verifiers.Form("command")),
	Time:       verifiers.JSON("/event_time"),
	TypePrefix: "com.slack",
	Handshakes: []verifiers.Handshake{
		{
			Name:   "url_verification",
			When:   []verifiers.Match{verifiers.JSON("/type").Is("url_verification")},
			Signed: true,
			Reply:  verifiers.Echo(verifiers.JSON("/challenge")),
		},
		{
			Name: "ssl_check",
			When: []verifiers.Match{verifiers.Form("ssl_check").Is("1")},
		},
		{
			Name:   "ssl_check",
			Method: "GET",
			When:   []verifiers.Match{verifiers.Query("ssl_check").Is("1")},
		},
	},
	ContentTypes: []string{"application/json", "application/x-www-form-urlencoded"},
	Deadline:     3 * time.Second,
	RetrySpan:    10 * time.Minute,
	Headers:      []string{"X-Slack-Retry-Num", "X-Slack-Retry-Reason"},

	Category: "comms",
	Setup:    "Enter the URL under Event Subscriptions, Slash Commands or Interactivity; Slack sends a challenge at once. The Signing Secret is under Basic Information > App Credentials.",
	Retries:  "At once, after one minute and after five minutes; slash commands and interactivity are not retried.",
	Notes: []string{
		"The secret looks hexadecimal and is used as text.",
		"The challenge is signed as well, and is answered only then.",
	},
	Sources: []string{
		"https://docs.slack.dev/authentication/verifying-requests-from-slack",
		"npm @slack/bolt verifySlackRequest",
	},
	Confidence: verifiers.High,
})
