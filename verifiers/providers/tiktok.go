package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// TikTok documents no tolerance, and not whether a retry is signed anew, so the
// window is as long as its retries; within it deduplication catches replays.
// There is no id: what names an event are its time, kind, user and post. The
// post's id is in content, which is JSON inside a string.
var TikTok = add(verifiers.Provider{
	Name:  "tiktok",
	Title: "TikTok for Developers",
	Docs:  "https://developers.tiktok.com/doc/webhooks-verification",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("TikTok-Signature").KV("s"),
			Timestamp: verifiers.Header("TikTok-Signature").KV("t"),
			Content:   "{timestamp}.{body}",
			Tolerance: 72 * time.Hour,
		},
	},
	SecretHint: "the app's client secret",
	ID: verifiers.Join(".",
		verifiers.JSON("/create_time"), verifiers.JSON("/event"), verifiers.JSON("/user_openid"),
		verifiers.JSON("/content").Inner("/publish_id"),
	),
	Type:       verifiers.JSON("/event"),
	Time:       verifiers.JSON("/create_time"),
	TypePrefix: "com.tiktok",
	NeedsJSON:  true,
	RetrySpan:  72 * time.Hour,

	Category: "media",
	Setup:    "Enter the callback URL under Webhooks of the app. The secret is the client secret on the app's page.",
	Retries:  "With exponential pauses for up to 72 hours.",
	Notes: []string{
		"The member content is JSON inside a string.",
	},
	Sources: []string{
		"https://developers.tiktok.com/doc/webhooks-verification",
	},
	Confidence: verifiers.Medium,
})
