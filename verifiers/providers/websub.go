package providers

import (
	"slices"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// WebSub is the W3C's recommendation for hubs that push topics, such as feeds.
// The signature names its own hash, of four, of which operators may permit
// fewer. An event is whatever the topic's media type says, without id or time;
// the signature serves as an id. Subscribing has to be confirmed: the hub asks
// with GET, and only the configured topic is confirmed. Whoever knows the URL
// can have the hub ask to unsubscribe, so that this is confirmed only if an
// option names the topic.
var WebSub = add(verifiers.Provider{
	Name:    "websub",
	Aliases: []string{"pubsubhubbub"},
	Title:   "WebSub",
	Docs:    "https://www.w3.org/TR/websub/",
	Scheme: namedHMAC{
		signature: verifiers.Header("X-Hub-Signature"),
		sep:       "=",
		content:   "{body}",
		hashes:    []verifiers.Hash{verifiers.SHA256, verifiers.SHA384, verifiers.SHA512, verifiers.SHA1},
	},
	Options:    append(slices.Clip(websubOptions), namedOption),
	SecretHint: "the hub.secret given when subscribing",
	ID:         verifiers.Header("X-Hub-Signature").Lower(),
	Type:       verifiers.Const("content"),
	TypePrefix: "org.w3.websub",
	Handshakes: websubHandshakes,
	Headers:    []string{"Link"},

	Category: "generic",
	Setup:    "Subscribe at the topic's hub with hub.callback set to the URL, hub.topic to the topic and hub.secret to a secret of fewer than 200 bytes, and name the same topic in the option topic.",
	Signs:    "The body, with HMAC and the hash that the header names",
	Retries:  "As the hub likes.",
	Notes: []string{
		"Without hub.secret the hub signs nothing, and nothing is accepted.",
		"Subscriptions end: renew them before hub.lease_seconds are over.",
		"The topic in the header Link is not signed.",
		"Restrict the option hashes if the hub is known to sign with better than SHA-1.",
	},
	Sources: []string{
		"https://www.w3.org/TR/websub/",
		"https://github.com/w3c/websub",
	},
	Confidence: verifiers.High,
})

const (
	websubTopic       = "topic"
	websubUnsubscribe = "unsubscribe_topic"
)

var websubOptions = []verifiers.Option{
	{
		Name:     websubTopic,
		Doc:      "The URL of the topic, exactly as in hub.topic; subscribing to any other is not confirmed.",
		Required: true,
	},
	{
		Name: websubUnsubscribe,
		Doc:  "The URL of a topic of which the end of the subscription is confirmed; leave it empty otherwise.",
	},
}

var websubHandshakes = []verifiers.Handshake{
	{
		Name:        "subscribe",
		Method:      "GET",
		When:        []verifiers.Match{verifiers.Query("hub.mode").Is("subscribe")},
		Token:       verifiers.Query("hub.topic"),
		TokenOption: websubTopic,
		Reply:       verifiers.Echo(verifiers.Query("hub.challenge")),
	},
	{
		Name:        "unsubscribe",
		Method:      "GET",
		When:        []verifiers.Match{verifiers.Query("hub.mode").Is("unsubscribe")},
		Token:       verifiers.Query("hub.topic"),
		TokenOption: websubUnsubscribe,
		Reply:       verifiers.Echo(verifiers.Query("hub.challenge")),
	},
	{
		Name:        "denied",
		Method:      "GET",
		When:        []verifiers.Match{verifiers.Query("hub.mode").Is("denied")},
		Token:       verifiers.Query("hub.topic"),
		TokenOption: websubTopic,
		Reply:       verifiers.Reply{Status: 200},
	},
}
