package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// TikTokShop puts the bare signature into Authorization, without a scheme's
// name, and signs the app key before the body.
var TikTokShop = add(verifiers.Provider{
	Name:  "tiktok-shop",
	Title: "TikTok Shop",
	Docs:  "https://partner.tiktokshop.com/docv2/page/tts-webhooks-overview",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("Authorization"),
			Content:   "{option:app_key}{body}",
		},
	},
	Options: []verifiers.Option{{
		Name:     "app_key",
		Doc:      "The app key of Partner Center, which is signed before the body.",
		Required: true,
	}},
	SecretHint: "the app secret, in Partner Center beside the app key",
	ID:         verifiers.JSON("/tts_notification_id"),
	Type:       verifiers.JSON("/type"),
	Time:       verifiers.JSON("/timestamp"),
	TypePrefix: "com.tiktokshop",
	NeedsJSON:  true,
	Deadline:   3 * time.Second,
	RetrySpan:  16 * time.Hour,

	Category: "commerce",
	Setup:    "Enter the URL under Manage Webhooks of the app in Partner Center. App key and app secret are on the app's page.",
	Retries:  "Four times, after 2 minutes, 30 minutes, 3 hours and 12 hours.",
	Notes: []string{
		"The type is a number.",
		"Authorization holds nothing but the hexadecimal signature.",
	},
	Sources: []string{
		"https://partner.tiktokshop.com/docv2/page/tts-webhooks-overview",
	},
	Confidence: verifiers.Medium,
})
