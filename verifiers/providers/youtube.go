package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// YouTube sends new and changed videos through Google's WebSub hub, which signs
// with SHA-1 and only if the subscription has a secret. The feed is Atom: what
// there is to know is in the body, and a notification has no id. The signature
// serves as one, since it is the same for the same bytes.
var YouTube = add(verifiers.Provider{
	Name:  "youtube",
	Title: "YouTube (push notifications)",
	Docs:  "https://developers.google.com/youtube/v3/guides/push_notifications",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA1,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Hub-Signature").Trim("sha1="),
			Content:   "{body}",
		},
	},
	Options:    websubOptions,
	SecretHint: "the hub.secret given when the feed was subscribed",
	ID:         verifiers.Header("X-Hub-Signature").Trim("sha1=").Lower(),
	Type:       verifiers.Const("feed"),
	TypePrefix: "com.youtube",
	Opaque:     true,
	Handshakes: websubHandshakes,
	Headers:    []string{"Link"},

	Category: "media",
	Setup:    "Subscribe to https://www.youtube.com/xml/feeds/videos.xml?channel_id=... at https://pubsubhubbub.appspot.com/subscribe with the URL as callback and a secret of your choice, and name the same feed in the option topic.",
	Retries:  "By the hub, with growing pauses.",
	Notes: []string{
		"The body is Atom XML; a deleted video is an element at:deleted-entry.",
		"A subscription lasts about five days and has to be renewed; renewals are confirmed like the first.",
		"Without hub.secret the hub signs nothing, and nothing is accepted.",
	},
	Sources: []string{
		"https://developers.google.com/youtube/v3/guides/push_notifications",
		"https://www.w3.org/TR/websub/",
	},
	Confidence: verifiers.Medium,
})
